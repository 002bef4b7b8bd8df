/**
 * The lab: one test VM with a real kernel and a real ZFS, for the tests, the demo and the
 * command line. The VM outlives the process that starts it, until `down`.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../support/lock.ts';
import { identify, isAlive } from '../support/process-identity.ts';
import type { Progress } from '../support/progress.ts';
import { emulatorOf, endEmulator, isOurs } from './emulator.ts';
import { ensureRunTools } from './host.ts';
import { changedSources, ensureImage, findImage, type Image } from './image.ts';
import { askMonitor } from './monitor.ts';
import { lockFile, stateDir } from './paths.ts';
import { type ExecResult, LabError, runChecked, sleep } from './processes.ts';
import { type Accelerator, freePort, hostAccelerator, qemuArguments } from './qemu.ts';
import { guestDir, poolDiskBytes } from './recipe.ts';
import { type RunningVm, requireVm, runningVm, vmFiles, vmPid } from './running-vm.ts';
import { execScript, hostAliases, interactiveSsh, type LabUser, writeSshConfig } from './ssh.ts';
import { readState, writeState } from './state.ts';
import { KernelPanic, waitUntilUsable } from './usable.ts';

export type { ExecResult, Image, LabUser };
export { hostAliases, LabError };

const quiet: Progress = () => {};

export interface LabInfo {
  /** Port of the VM's sshd on 127.0.0.1. */
  readonly port: number;
  /** ssh_config(5) with the hosts of {@link hostAliases}. */
  readonly sshConfig: string;
  /** The known_hosts file which those hosts name; absent until someone trusts a key. */
  readonly knownHosts: string;
  /** What the VM prints on its serial line: the kernel's and systemd's messages. */
  readonly consoleLog: string;
  readonly accelerator: Accelerator;
  readonly startedAt: Date;
  readonly image: Image;
  /** Private key that root, dev and plain accept. */
  readonly keyFile: string;
  /** Root of the source that the VM's ZFS was built from: the workspace to open. */
  readonly sourceDir: string;
  /** A copy of the VM's zfs.ko.xz. */
  readonly moduleFile: string;
}

export interface ExecOptions {
  /** Account to sign in to; root unless given. */
  readonly user?: LabUser;
  /** ssh is ended after so long and the call rejects; a minute unless given. */
  readonly timeoutMs?: number;
}

/** One task that hangs. */
export interface HungTask {
  readonly pid: number;
  readonly comm: string;
}

/** Builds the image if need be, boots the VM unless it runs, and waits until it can be used. */
export function ensureUp(progress: Progress = quiet): Promise<LabInfo> {
  return locked('up', progress, () => up(progress));
}

/** Ends the VM; nothing happens if it is not running. Its disks are kept. */
export function down(progress: Progress = quiet): Promise<void> {
  return locked('down', progress, async () => {
    const running = await runningVm();
    if (running === undefined) {
      progress('the VM is not running');
      return;
    }
    await shutDown(running, progress);
  });
}

/** Gives the VM new disks and boots it: whatever was done in it is gone. */
export function reset(progress: Progress = quiet): Promise<LabInfo> {
  return locked('reset', progress, async () => {
    const state = readState(stateDir);
    if (state?.vm !== undefined && isOurs(state.vm.process)) {
      progress('ending the VM');
      await endEmulator(state.vm.process);
    }
    removeDisks();
    return up(progress);
  });
}

/** The running VM, or undefined. Does not ask the VM itself. */
export async function info(): Promise<LabInfo | undefined> {
  const running = await runningVm();
  return running === undefined ? undefined : describe(running);
}

/** Like {@link info}, but a VM that is not running is an error. */
export async function requireUp(): Promise<LabInfo> {
  return describe(await requireVm());
}

/** Runs a script in the VM with `/bin/sh`, as root unless told otherwise. */
export async function exec(script: string, options: ExecOptions = {}): Promise<ExecResult> {
  const { image, state } = await requireVm();
  const address = { port: state.port, image };
  return execScript(address, options.user ?? 'root', script, options.timeoutMs ?? 60_000);
}

/** {@link exec} whose exit code must be 0; resolves to the standard output. */
export async function execChecked(script: string, options: ExecOptions = {}): Promise<string> {
  const { stdout, stderr, code } = await exec(script, options);
  if (code !== 0) throw new LabError(`a script in the VM ended with code ${code}: ${stderr.trim()}`);
  return stdout;
}

/** ssh in the foreground with this process's terminal. Resolves to its exit code. */
export async function ssh(user: LabUser, command: readonly string[]): Promise<number> {
  const { image, state } = await requireVm();
  return interactiveSsh({ port: state.port, image }, user, command);
}

/**
 * Takes the disk of the pool `tank` away and starts three programs that need it. Resolves once
 * they (sync, zfs, dd) and txg_sync all wait uninterruptibly. Where they hang already, these are
 * the tasks it tells.
 */
export function hang(progress: Progress = quiet): Promise<HungTask[]> {
  return locked('hang', progress, async () => {
    if (await isHung()) {
      const { stdout, code } = await exec(guestScript('hang.sh'));
      if (code === 0) {
        progress('the pool hangs already');
        return parseHungTasks(stdout);
      }
      progress('the disk is away but not all of the tasks hang: starting anew');
      await execChecked(guestScript('resume.sh'), { timeoutMs: 120_000 });
    }
    progress('preparing the pool tank on /dev/mapper/slow');
    await execChecked(guestScript('prepare-pool.sh'), { timeoutMs: 180_000 });
    progress('suspending its disk and starting sync, zfs create and dd');
    const lines = await execChecked(guestScript('hang.sh'), { timeoutMs: 180_000 });
    return parseHungTasks(lines);
  });
}

/** Gives the disk back and resolves when the tasks that waited for it are gone. */
export function resume(progress: Progress = quiet): Promise<void> {
  return locked('resume', progress, async () => {
    progress('resuming the disk of the pool');
    await execChecked(guestScript('resume.sh'), { timeoutMs: 120_000 });
  });
}

/** Whether the pool's disk is suspended at present. */
export async function isHung(): Promise<boolean> {
  return (await execChecked(guestScript('hang-state.sh'))).trim() === 'hung';
}

/** Stops the whole VM in its tracks, as a host that has hung; its TCP port still accepts. */
export async function freeze(): Promise<void> {
  process.kill(vmPid(await requireVm()), 'SIGSTOP');
}

/** Lets a frozen VM go on. */
export async function thaw(): Promise<void> {
  process.kill(vmPid(await requireVm()), 'SIGCONT');
}

/** Ends the emulator as a power cut does. What its disks hold then is not to be relied on: {@link reset} it. */
export async function crash(): Promise<void> {
  const running = await requireVm();
  process.kill(vmPid(running), 'SIGKILL');
  for (let i = 0; i < 40 && isAlive(running.state.vm.process); i++) await sleep(250);
}

/** Has the disk of the VM's root file system answer nothing any more, as one that has hung. */
export async function holdRootDisk(): Promise<void> {
  await throttleRootDisk(1);
}

/** Lets it answer again. */
export async function releaseRootDisk(): Promise<void> {
  await throttleRootDisk(0);
}

/** Lines `PID COMM STATE` of hang.sh. */
export function parseHungTasks(text: string): HungTask[] {
  return text
    .split('\n')
    .map((line) => /^(\d+) (\S+) D$/.exec(line))
    .flatMap((match) => (match === null ? [] : [{ pid: Number(match[1]), comm: match[2] ?? '' }]));
}

// ------------------------------------------------------------------------------------------------

function locked<T>(purpose: string, progress: Progress, task: () => Promise<T>): Promise<T> {
  return withLock(lockFile, `lab ${purpose}`, progress, task);
}

/** @param bytesPerSecond 0 for no limit; with 1 the first request of a page is the last for an hour */
async function throttleRootDisk(bytesPerSecond: number): Promise<void> {
  const { image } = await requireVm();
  // The first drive of qemuArguments, by the name that QEMU gives to it.
  const limits = {
    device: 'virtio0',
    bps: bytesPerSecond,
    bps_rd: 0,
    bps_wr: 0,
    iops: 0,
    iops_rd: 0,
    iops_wr: 0,
  };
  await askMonitor(vmFiles(image).monitor, 'block_set_io_throttle', limits);
}

function describe({ image, state }: RunningVm): LabInfo {
  return {
    port: state.port,
    sshConfig: join(stateDir, 'ssh_config'),
    knownHosts: join(stateDir, 'known_hosts'),
    consoleLog: vmFiles(image).console,
    accelerator: state.vm.accelerator,
    startedAt: new Date(state.vm.startedAt),
    image,
    keyFile: image.keyFile,
    sourceDir: image.sourceDir,
    moduleFile: image.moduleFile,
  };
}

function removeDisks(): void {
  for (const name of ['overlay.qcow2', 'pool.img']) rmSync(join(stateDir, name), { force: true });
}

async function up(progress: Progress): Promise<LabInfo> {
  await ensureRunTools(progress);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const before = readState(stateDir);
  const alive = before?.vm !== undefined && isOurs(before.vm.process) ? before.vm : undefined;
  if (alive !== undefined && (await findImage())?.id !== before?.imageId) {
    progress('the running VM is of another image: ending it');
    await endEmulator(alive.process);
  }
  const orphan = alive === undefined ? emulatorOf(join(stateDir, 'qemu.pid')) : undefined;
  if (orphan !== undefined) {
    progress('an interrupted command left an emulator behind: ending it');
    await endEmulator(orphan);
  }
  const image = await ensureImage(progress);
  warnOfChangedSources(image, progress);
  let running = await runningVm();
  if (running === undefined) {
    if (before?.imageId !== image.id) {
      removeDisks();
      // Another image has other host keys, and nobody has trusted those yet.
      rmSync(join(stateDir, 'known_hosts'), { force: true });
    }
    running = await bootUntilUsable(image, before?.port, progress);
  } else {
    progress(`the VM is running (process ${vmPid(running)})`);
    await waitUntilUsable(running, progress);
  }
  return describe(running);
}

/**
 * Boots the VM, under emulation once more where its kernel panics meanwhile: that dies of patching itself now and then (see
 * {@link waitUntilUsable}), which is no fault of what is tested. What its console said is kept.
 */
async function bootUntilUsable(
  image: Image,
  port: number | undefined,
  progress: Progress,
): Promise<RunningVm> {
  const first = await boot(image, port, progress);
  try {
    await waitUntilUsable(first, progress);
    return first;
  } catch (error) {
    if (!(error instanceof KernelPanic) || first.state.vm.accelerator === 'kvm') throw error;
  }
  const kept = join(stateDir, 'console-panic.log');
  copyFileSync(vmFiles(image).console, kept);
  progress(`its kernel panicked (${kept}); an emulated one does now and then: booting once more`);
  await endEmulator(first.state.vm.process);
  const second = await boot(image, first.state.port, progress);
  await waitUntilUsable(second, progress);
  return second;
}

function warnOfChangedSources(image: Image, progress: Progress): void {
  const changed = changedSources(image);
  if (changed.length === 0) return;
  const which = changed.slice(0, 3).join(', ') + (changed.length > 3 ? ', ...' : '');
  progress(
    `${changed.length} changed in the ZFS source since its module was built (${which}): lines may be off. For the source as it was, delete ${image.dir}`,
  );
}

async function boot(image: Image, previousPort: number | undefined, progress: Progress): Promise<RunningVm> {
  const files = vmFiles(image);
  if (!existsSync(files.overlay)) {
    const base = ['-b', image.disk, '-F', 'raw'];
    await runChecked('qemu-img', ['create', '-q', '-f', 'qcow2', ...base, files.overlay]);
  }
  if (!existsSync(files.poolDisk)) {
    writeFileSync(files.poolDisk, '');
    truncateSync(files.poolDisk, poolDiskBytes);
  }
  const port = await freePort(previousPort);
  const accelerator = hostAccelerator();
  const how = accelerator === 'kvm' ? 'KVM' : 'software emulation: no usable KVM here';
  progress(`booting Debian with kernel ${image.kernelRelease}, ZFS ${image.zfsVersion} (${how})`);
  writeFileSync(files.console, '');
  const startedAt = Date.now();
  await runChecked('qemu-system-x86_64', qemuArguments(files, port, accelerator));
  const identity = identify(Number(readFileSync(files.pidFile, 'utf8').trim()));
  if (identity === undefined) throw new LabError('The emulator ended as soon as it was started.');
  const vm = { process: identity, accelerator, startedAt };
  const state = { port, imageId: image.id, imageDir: image.dir, vm };
  writeState(stateDir, state);
  writeSshConfig(stateDir, { port, image });
  return { image, state };
}

async function shutDown(running: RunningVm, progress: Progress): Promise<void> {
  const { image, state } = running;
  process.kill(vmPid(running), 'SIGCONT');
  progress('shutting the VM down');
  try {
    // A pool without its disk would keep the shutdown waiting for ever.
    const script = 'dmsetup resume slow 2>/dev/null; systemctl poweroff --no-block';
    await execScript({ port: state.port, image }, 'root', script, 15_000);
    for (let i = 0; i < 60 && isAlive(state.vm.process); i++) await sleep(500);
  } catch {
    progress('it does not answer');
  }
  if (isAlive(state.vm.process)) {
    progress('it does not end by itself: ending the emulator');
    await endEmulator(state.vm.process);
  }
  const { vm: _ended, ...rest } = state;
  writeState(stateDir, rest);
  progress('the VM is down');
}

function guestScript(name: string): string {
  return readFileSync(join(guestDir, name), 'utf8');
}
