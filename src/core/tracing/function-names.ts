import { isZfsModule } from '../zfs/zfs-modules.ts';
import type { KernelSymbol } from './why-not.ts';

/** Functions that are kept: no kernel has as many. */
const MOST = 500_000;

/** The functions that a kernel lets be traced, for completion: those of ZFS's modules come first. */
export class FunctionNames {
  readonly #functions: readonly KernelSymbol[];

  /** @param text of available_filter_functions (kernel/trace/ftrace.c, t_show): `name` or `name [module]`, a line each */
  constructor(text: string) {
    const ours: KernelSymbol[] = [];
    const others: KernelSymbol[] = [];
    for (const [, symbol = '', module] of text.matchAll(
      /^([A-Za-z_][\w.$]{0,254})(?: \[([\w-]{1,64})\])?$/gm,
    )) {
      if (ours.length + others.length >= MOST) {
        break;
      }
      const found = { symbol, module: module ?? null };
      (isZfsModule(found.module) ? ours : others).push(found);
    }
    this.#functions = [...ours, ...others];
  }

  get count(): number {
    return this.#functions.length;
  }

  /**
   * Those that a person may mean by a part of the name: first the one of that name, those that begin with it, then that have it, ZFS's first.
   * @param typed part of a name; a module before a colon, `zfs:zil`, asks for functions of that module alone
   */
  matches(typed: string, most: number): KernelSymbol[] {
    const [, module, part = ''] = /^(?:([\w-]*):)?(.*)$/s.exec(typed.trim().toLowerCase()) ?? [];
    const exact: KernelSymbol[] = [];
    const begin: KernelSymbol[] = [];
    const within: KernelSymbol[] = [];
    for (const one of this.#functions) {
      if (module !== undefined && (one.module ?? '').toLowerCase() !== module) {
        continue;
      }
      const at = one.symbol.toLowerCase().indexOf(part);
      if (at === 0 && one.symbol.length === part.length) {
        exact.push(one);
      } else if (at === 0 && begin.length < most) {
        begin.push(one);
      } else if (at > 0 && within.length < most) {
        within.push(one);
      }
    }
    return [...exact, ...begin, ...within].slice(0, most);
  }
}
