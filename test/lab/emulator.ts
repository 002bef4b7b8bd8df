/** The emulator's process: telling it from others, and ending it. */
import { existsSync, readFileSync } from 'node:fs';
import { identify, isAlive, type ProcessIdentity } from '../support/process-identity.ts';
import { sleep } from './processes.ts';

/** Whether the recorded process is alive and truly an emulator, not a later owner of its id. */
export function isOurs(recorded: ProcessIdentity): boolean {
  if (!isAlive(recorded)) return false;
  const comm = readFileSync(`/proc/${recorded.pid}/comm`, 'utf8');
  return comm.startsWith('qemu-system');
}

/** The living emulator that was started with that pid file, if there is one. */
export function emulatorOf(pidFile: string): ProcessIdentity | undefined {
  if (!existsSync(pidFile)) return undefined;
  const identity = identify(Number(readFileSync(pidFile, 'utf8').trim()));
  if (identity === undefined || !isOurs(identity)) return undefined;
  const commandLine = readFileSync(`/proc/${identity.pid}/cmdline`, 'utf8').split('\0');
  return commandLine.includes(pidFile) ? identity : undefined;
}

/** Ends an emulator: SIGTERM lets it write out its disks, SIGKILL follows ten seconds later. */
export async function endEmulator(emulator: ProcessIdentity): Promise<void> {
  process.kill(emulator.pid, 'SIGTERM');
  process.kill(emulator.pid, 'SIGCONT');
  for (let i = 0; i < 40 && isAlive(emulator); i++) await sleep(250);
  if (isAlive(emulator)) process.kill(emulator.pid, 'SIGKILL');
  for (let i = 0; i < 40 && isAlive(emulator); i++) await sleep(250);
}
