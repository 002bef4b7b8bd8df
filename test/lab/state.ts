/** What is known of the VM between two commands. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessIdentity } from '../support/process-identity.ts';
import type { Accelerator } from './qemu.ts';

export interface LabState {
  /** TCP port of the VM's sshd on 127.0.0.1; kept from boot to boot while it stays free. */
  readonly port: number;
  /** {@link Image.id} of the image that overlay and host keys belong to. */
  readonly imageId: string;
  /** Folder of that image. */
  readonly imageDir: string;
  /** The emulator, while the VM is up. */
  readonly vm?: {
    readonly process: ProcessIdentity;
    readonly accelerator: Accelerator;
    /** When it was started, in ms since 1970. */
    readonly startedAt: number;
  };
}

/** The recorded state, or undefined where there is none or it makes no sense. */
export function readState(dir: string): LabState | undefined {
  try {
    return parseState(readFileSync(join(dir, 'state.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

function parseState(text: string): LabState | undefined {
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) return undefined;
  const { port, imageId, imageDir, vm } = value;
  if (typeof port !== 'number') return undefined;
  if (typeof imageId !== 'string' || typeof imageDir !== 'string') return undefined;
  if (vm === undefined) return { port, imageId, imageDir };
  if (!isRecord(vm) || !isRecord(vm['process'])) return undefined;
  const { pid, startTicks } = vm['process'];
  const { accelerator, startedAt } = vm;
  if (typeof pid !== 'number' || typeof startTicks !== 'number') return undefined;
  if (accelerator !== 'kvm' && accelerator !== 'tcg') return undefined;
  if (typeof startedAt !== 'number') return undefined;
  return { port, imageId, imageDir, vm: { process: { pid, startTicks }, accelerator, startedAt } };
}

export function writeState(dir: string, state: LabState): void {
  mkdirSync(dir, { recursive: true });
  const file = join(dir, 'state.json');
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
