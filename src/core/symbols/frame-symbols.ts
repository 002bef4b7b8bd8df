/** Which symbols of a file a frame of a stack can be of. */
import type { DebugFile, FramePlace } from './debug-file.ts';
import type { ElfSymbol, SymbolTable } from './elf/symbol-table.ts';

/**
 * How much larger than its own size the kernel may print a symbol of a linked file: the padding behind it,
 * less than the largest alignment of functions. Of a module it is known exactly.
 */
const MOST_PADDING = 63;

/** Symbols of one name that are told apart; a kernel has some hundred `t.0`, of functions some dozen. */
const MOST_OF_A_NAME = 1 << 12;

/** The symbols of one file. */
export class FrameSymbols {
  constructor(
    private readonly kind: DebugFile['kind'],
    private readonly table: () => SymbolTable,
  ) {}

  /** The symbols that a stack may print so. */
  named(name: string): ElfSymbol[] {
    const found = this.table().named(name);
    if (found.length > 0) {
      return found;
    }
    // Kernels built by clang with LTO print names without the suffix that makes them unique
    // (kernel/kallsyms.c, cleanup_symbol_name).
    return this.table()
      .namesStartingWith(`${name}.llvm.`)
      .flatMap((full) => this.table().named(full));
  }

  /** The symbols that an offset and a size can be of: best those that the size fits exactly. */
  fitting({ symbol, offset, size }: FramePlace): readonly ElfSymbol[] {
    const candidates = this.#candidates(symbol);
    if (size === null) {
      return candidates.filter((one) => offset <= one.size || offset <= this.table().extent(one));
    }
    const possible = candidates.filter((one) => offset <= size && this.#canHaveSize(one, size));
    if (possible.length < 2) {
      return possible;
    }
    const exact = possible.filter((one) => this.table().extents(one).includes(size));
    return exact.length > 0 ? exact : possible;
  }

  /** Those of a name that an address of the file can be in, or right behind: where a call that does not return ends. */
  around(name: string, address: number): readonly ElfSymbol[] {
    return this.#candidates(name).filter(
      (one) => one.address <= address && address <= one.address + one.size,
    );
  }

  /** None where there are more than can be told apart. */
  #candidates(name: string): readonly ElfSymbol[] {
    const found = this.named(name);
    return found.length > MOST_OF_A_NAME ? [] : found;
  }

  /** Whether a stack of this very file can say that a symbol has a size. */
  #canHaveSize(symbol: ElfSymbol, size: number): boolean {
    if (size === symbol.size) {
      // What the file says; some tools print that.
      return true;
    }
    if (this.kind === 'executable') {
      return symbol.size === 0 || (size > symbol.size && size <= symbol.size + MOST_PADDING);
    }
    return this.table().extents(symbol).includes(size);
  }
}
