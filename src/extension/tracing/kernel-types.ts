import type { BtfFile } from '../../core/symbols/btf/btf-file.ts';
import { btfFunction } from '../../core/symbols/btf/typed-function.ts';
import type { TypedFunction } from '../../core/symbols/value-type.ts';
import { membersOf } from '../../core/zfs/struct-members.ts';
import type { Connection } from '../../target/connection.ts';
import { readKernelTypes } from '../../target/kernel-types.ts';
import { AskedOnce } from '../targets/asked-once.ts';

/** As /sys/kernel/btf calls the kernel itself. */
const KERNEL = 'vmlinux';

/** Modules that a function may be of whose module is not known: ZFS's come first, as for its probe. */
const LIKELY = ['zfs', 'spl', KERNEL];

/** What the values of functions are by the types that kernels have of themselves: read when they are first needed. */
export class KernelTypes {
  readonly #kernel = new AskedOnce((connection) => readKernelTypes(connection, KERNEL));
  readonly #modules = new Map<string, AskedOnce<BtfFile | null>>();
  readonly #read = new WeakSet<Connection>();

  /** Whether they are here, as far as the kernel has any: an answer takes no time then. */
  wereRead(connection: Connection): boolean {
    return this.#read.has(connection);
  }

  /**
   * Null where the kernel has no types of it.
   * @param module null for the kernel itself, or when it is not known
   * @throws Failure when the target cannot be asked
   */
  async of(connection: Connection, symbol: string, module: string | null): Promise<TypedFunction | null> {
    const machine = MACHINES[connection.facts.machine];
    if (machine === undefined) {
      return null;
    }
    for (const name of module === null ? LIKELY : [module.replaceAll('-', '_')]) {
      const file = await (name === KERNEL ? this.#kernel : this.#of(name)).of(connection);
      const found = file === null ? null : btfFunction(file, symbol, machine, membersOf);
      if (found !== null) {
        return { ...found, from: 'btf' };
      }
    }
    if (module === null) {
      this.#read.add(connection);
    }
    return null;
  }

  #of(module: string): AskedOnce<BtfFile | null> {
    let types = this.#modules.get(module);
    if (types === undefined) {
      types = new AskedOnce(async (connection) => {
        const base = await this.#kernel.of(connection);
        return base === null ? null : readKernelTypes(connection, module, base);
      });
      this.#modules.set(module, types);
    }
    return types;
  }
}

/** By `uname -m`. */
const MACHINES: Readonly<Record<string, 'x86-64' | 'arm64'>> = { x86_64: 'x86-64', aarch64: 'arm64' };
