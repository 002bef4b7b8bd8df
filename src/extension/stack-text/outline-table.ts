import type { OutlineEntry, StackOutlineChange } from '../../protocol/server.ts';

/** The outline of one document, kept from answer to answer of the server: what an edit only moved is not made again. */
export class OutlineTable<Symbol> {
  #symbols: readonly Symbol[] = [];
  #id: number | null = null;

  /** @param move moves an entry down by a number of lines */
  constructor(
    private readonly make: (entry: OutlineEntry) => Symbol,
    private readonly move: (symbol: Symbol, lines: number) => void,
  ) {}

  /** The last answer that was taken in; null for none. */
  get id(): number | null {
    return this.#id;
  }

  /** Takes in an answer to a question that named {@link id}; returns the whole outline. */
  take({ id, head, tail, moved, entries, rest }: StackOutlineChange): Symbol[] {
    const before = this.#symbols;
    const behind = before.slice(before.length - tail);
    if (moved !== 0) {
      for (const symbol of behind) {
        this.move(symbol, moved);
      }
    }
    this.#symbols = [...before.slice(0, head), ...entries.map(this.make), ...behind];
    this.#id = id;
    return rest === null ? [...this.#symbols] : [...this.#symbols, this.make(rest)];
  }
}
