/** The VM that runs at present, and the files that it lives in. */
import { join } from 'node:path';
import { isOurs } from './emulator.ts';
import { type Image, openImage } from './image.ts';
import { stateDir } from './paths.ts';
import { LabError } from './processes.ts';
import type { VmFiles } from './qemu.ts';
import { type LabState, readState } from './state.ts';

type Vm = NonNullable<LabState['vm']>;

export interface RunningVm {
  readonly image: Image;
  readonly state: LabState & { readonly vm: Vm };
}

/** The VM that was started here and is alive still; does not ask the VM itself. */
export async function runningVm(): Promise<RunningVm | undefined> {
  const state = readState(stateDir);
  if (state?.vm === undefined || !isOurs(state.vm.process)) return undefined;
  // The image it was booted from, which need not be that of the recipe as it is now.
  const image = await openImage(state.imageDir);
  if (image === undefined || image.id !== state.imageId) return undefined;
  return { image, state: { ...state, vm: state.vm } };
}

/** Like {@link runningVm}, but a VM that is not running is an error. */
export async function requireVm(): Promise<RunningVm> {
  const running = await runningVm();
  if (running === undefined) {
    throw new LabError('The test VM is not running. Start it with: npm run lab -- up');
  }
  return running;
}

export function vmPid({ state }: RunningVm): number {
  return state.vm.process.pid;
}

/** Where its disks, its console and its sockets are. */
export function vmFiles(image: Image): VmFiles {
  return {
    kernel: image.kernel,
    initrd: image.initrd,
    overlay: join(stateDir, 'overlay.qcow2'),
    poolDisk: join(stateDir, 'pool.img'),
    console: join(stateDir, 'console.log'),
    pidFile: join(stateDir, 'qemu.pid'),
    monitor: join(stateDir, 'monitor'),
  };
}
