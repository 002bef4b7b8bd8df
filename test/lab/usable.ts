/** Waiting for a VM that was started until it can be used. */
import { readFileSync } from 'node:fs';
import type { Progress } from '../support/progress.ts';
import { isOurs } from './emulator.ts';
import { LabError, sleep } from './processes.ts';
import type { Accelerator } from './qemu.ts';
import { type RunningVm, vmFiles } from './running-vm.ts';
import { execScript, greetsSsh, type SshAddress } from './ssh.ts';

/** Longest wait for the first sign-in, by accelerator, in ms. Usual under emulation: a minute. */
const bootLimitMs: Record<Accelerator, number> = { kvm: 90_000, tcg: 300_000 };

/**
 * With the first event that is enabled anywhere, and after the last, the kernel patches its scheduler
 * (the names of tasks are recorded by a tracepoint in `__schedule`), which an emulated machine with
 * several processors can die of ("Oops: int3"). So one event that hardly ever happens stays on. The function graph has
 * a probe at that tracepoint too, and the call in it is patched where there is a first and a second one: an instance
 * that records nothing has another.
 */
const HOLD_EVENT = `cd /sys/kernel/tracing && echo 1 >events/sched/sched_process_hang/enable &&
  mkdir -p instances/lab && echo 0 >instances/lab/tracing_on && echo 1 >instances/lab/events/sched/sched_switch/enable`;

/** The kernel of a VM panicked while it was waited for. */
export class KernelPanic extends LabError {}

/** Resolves when sshd answers and ZFS is loaded; a VM that ends, panics or takes too long is an error. */
export async function waitUntilUsable(running: RunningVm, progress: Progress): Promise<void> {
  const { image, state } = running;
  const address: SshAddress = { port: state.port, image };
  const deadline = Date.now() + bootLimitMs[state.vm.accelerator];
  const sinceStart = (): string => `${Math.round((Date.now() - state.vm.startedAt) / 1000)} s`;
  const remedy = `Look at ${vmFiles(image).console}, then try: npm run lab -- reset`;
  const fail = (what: string): LabError => new LabError(`The VM ${what}. ${remedy}`);
  const hasPanicked = () => readFileSync(vmFiles(image).console, 'latin1').includes('Kernel panic');
  const panic = () => new KernelPanic(`The VM had a kernel panic. ${remedy}`);
  const fresh = Date.now() - state.vm.startedAt < 5_000;
  const waitFor = async (what: string, test: () => Promise<boolean>): Promise<void> => {
    for (let round = 1; !(await test()); round++) {
      if (!isOurs(state.vm.process)) throw fail('ended while it was booting');
      if (hasPanicked()) throw panic();
      if (Date.now() > deadline) throw fail(`has no ${what} yet after ${sinceStart()}`);
      if (round % 20 === 0) progress(`  waiting for ${what} (${sinceStart()} since start)`);
      await sleep(500);
    }
    if (fresh) progress(`  ${what}: ${sinceStart()} after the start`);
  };
  await waitFor('sshd', () => greetsSsh(state.port, 5_000));
  const script = 'test -d /sys/module/zfs && test -e /dev/zfs';
  await waitFor('ZFS module', async () => {
    try {
      return (await execScript(address, 'root', script, 30_000)).code === 0;
    } catch {
      return false;
    }
  });
  if (state.vm.accelerator !== 'tcg') return;
  try {
    await execScript(address, 'root', HOLD_EVENT, 120_000);
  } catch (error) {
    // Here the kernel patches itself for the first time.
    throw hasPanicked() ? panic() : error;
  }
}
