import { type Filter, matches, parseFilter } from './rows/filter.ts';
import type { RowBuffer } from './rows/ring.ts';
import { type Row, RowStore } from './rows/row-store.ts';

/** Milliseconds of a frame that filtering may take; the rest is for drawing and for the person. */
const FRAME_BUDGET = 6;

/** What a {@link RowStream} has to know of its rows. */
export interface RowTraits<T extends Row> {
  /** The texts that a filter looks at. */
  readonly fields: (row: T) => readonly string[];
  /** Rows that no filter hides, as gaps. */
  readonly always: (row: T) => boolean;
  /** Makes room for rows; unless given they are kept as they are. */
  readonly buffer?: (capacity: number) => RowBuffer<T>;
  /** What a filter text means that is more than words; null for one that is words. */
  readonly condition?: (text: string) => ((row: T) => boolean) | null;
}

/** The rows of a view on their way from messages to the screen: at most one step a frame. */
export class RowStream<T extends Row> {
  readonly store: RowStore<T>;
  filter: Filter | null = null;
  #filterText = '';
  #frame: number | null = null;
  #filterings = 0;

  /**
   * @param capacity rows kept
   * @param onFrame draws what the store shows; called in an animation frame, and told whether
   *   another filter is on show than the last time
   */
  constructor(
    capacity: number,
    readonly traits: RowTraits<T>,
    readonly onFrame: (refiltered: boolean) => void,
  ) {
    this.store = new RowStore(capacity, traits.buffer);
  }

  get filterText(): string {
    return this.#filterText;
  }

  set filterText(text: string) {
    this.#filterText = text;
    const { always, fields, condition } = this.traits;
    const test = condition?.(text) ?? null;
    const filter = test === null ? parseFilter(text) : null;
    this.filter = filter;
    if (test !== null) {
      this.store.setFilter((row) => always(row) || test(row));
    } else {
      this.store.setFilter(filter === null ? null : (row) => always(row) || matches(filter, fields(row)));
    }
    this.schedule();
  }

  append(rows: readonly T[]): void {
    this.store.append(rows);
    this.schedule();
  }

  clear(): void {
    this.store.clear();
    this.schedule();
  }

  pause(after?: number): void {
    this.store.pause(after);
    this.schedule();
  }

  resume(): void {
    this.store.resume();
    this.schedule();
  }

  /** Asks for a step in the next frame. */
  schedule(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      const end = performance.now() + FRAME_BUDGET;
      const more = this.store.work(() => performance.now() >= end);
      const refiltered = this.#filterings !== this.store.filterings;
      this.#filterings = this.store.filterings;
      this.onFrame(refiltered);
      if (more) {
        this.schedule();
      }
    });
  }
}
