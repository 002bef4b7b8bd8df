/** One writer at a time, across processes: a file that names the process that holds it. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** True when the holder has ended, or never got to write its id (given five seconds for that). */
function isStale(file: string): boolean {
  try {
    const holder = Number(readFileSync(file, 'utf8'));
    return holder > 0 ? !isAlive(holder) : Date.now() - statSync(file).mtimeMs > 5000;
  } catch {
    return false; // Given back meanwhile.
  }
}

/** Runs `work` while holding the lock `file`; `onWait` is told once when another process has it. */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  onWait: (holder: string) => void = () => {},
): Promise<T> {
  let told = false;
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') {
        throw error;
      }
    }
    if (isStale(file)) {
      rmSync(file, { force: true });
      continue;
    }
    if (!told) {
      told = true;
      let holder = '?';
      try {
        holder = readFileSync(file, 'utf8');
      } catch {
        continue;
      }
      onWait(holder);
    }
    await sleep(200);
  }
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}
