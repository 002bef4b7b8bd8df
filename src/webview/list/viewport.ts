import { elementScroll, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import type { Row, RowSource } from '../rows/row-store.ts';
import { ROW_HEIGHT } from './list-styles.ts';

/** Rows made above and below the ones in sight. */
const OVERSCAN = 3;

/** What a {@link Viewport} asks of its list. */
export interface ViewportHost<T extends Row> {
  readonly source: RowSource<T>;
  /** The element that scrolls, and the one in it that is as high as all rows; null until they are there. */
  readonly scroller: HTMLElement | null;
  readonly spacer: HTMLElement | null;
  /** Other rows may be in sight now. */
  requestUpdate(): void;
}

/** How a person moved the list. */
export interface Move {
  readonly up: boolean;
  readonly atEnd: boolean;
}

/**
 * Which rows of a list are in sight. All rows are {@link ROW_HEIGHT} high but the one that is opened
 * out. While rows come and go, the row at the top edge stays where it is.
 */
export class Viewport<T extends Row> {
  readonly #host: ViewportHost<T>;
  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  readonly #options: ConstructorParameters<typeof Virtualizer<HTMLElement, HTMLElement>>[0];
  #tellOffset: (offset: number) => void = () => {};
  #unmount: () => void = () => {};
  #expanded: number | null = null;
  #expandedIndex = -1;
  #expandedHeight = ROW_HEIGHT;
  /** The row at the top edge, and how far it is scrolled out. */
  #anchor: { readonly id: number; readonly offset: number } | null = null;
  /** The scroll position last seen; a scroll event that finds another one in the same room is a person's doing. */
  #top = 0;
  /** The room of the list at that position, in pixels. */
  #room = 0;

  constructor(host: ViewportHost<T>) {
    this.#host = host;
    this.#options = {
      count: 0,
      overscan: OVERSCAN,
      getScrollElement: () => host.scroller,
      estimateSize: (index) => (index === this.#expandedIndex ? this.#expandedHeight : ROW_HEIGHT),
      scrollToFn: elementScroll,
      observeElementRect,
      // The list reports its own scrolling at once instead of one frame later.
      observeElementOffset: (_, report) => {
        this.#tellOffset = (offset) => report(offset, false);
        return () => {
          this.#tellOffset = () => {};
        };
      },
      onChange: () => host.requestUpdate(),
    };
    this.#virtualizer = new Virtualizer(this.#options);
  }

  mount(): void {
    this.#unmount = this.#virtualizer._didMount();
  }

  unmount(): void {
    this.#unmount();
  }

  /** Indexes of the rows to make, ascending without gaps. */
  get indexes(): readonly number[] {
    return this.#virtualizer.getVirtualItems().map(({ index }) => index);
  }

  /** Where the first of them begins, in pixels from the top of the list. */
  get start(): number {
    return this.#virtualizer.getVirtualItems()[0]?.start ?? 0;
  }

  /** Id of the row that is opened out. */
  get expanded(): number | null {
    return this.#expanded;
  }

  /** Whether something lies above what is in sight. */
  get isScrolled(): boolean {
    return this.#top > 0;
  }

  /** Index of the first row that is wholly in sight. */
  get firstInSight(): number {
    return this.#virtualizer.getVirtualItemForOffset(this.#top + ROW_HEIGHT - 1)?.index ?? 0;
  }

  /** Rows that have room in the view, less one that stays in sight when a page is turned. */
  get page(): number {
    return Math.max(1, Math.floor((this.#host.scroller?.clientHeight ?? 0) / ROW_HEIGHT) - 1);
  }

  /** Index of the row with an id; -1 when the list does not show it. */
  indexOf(id: number | null): number {
    if (id === null) {
      return -1;
    }
    const { source } = this.#host;
    const index = source.lowerBound(id);
    return source.at(index)?.id === id ? index : -1;
  }

  /** Takes in the rows as they are now, at the end of the list or where it stands. */
  layOut(atEnd: boolean): void {
    const { source, spacer } = this.#host;
    if (spacer === null) {
      return;
    }
    const expandedIndex = this.indexOf(this.#expanded);
    const moved = expandedIndex !== this.#expandedIndex;
    this.#expandedIndex = expandedIndex;
    this.#virtualizer.setOptions({ ...this.#options, count: source.count });
    if (moved) {
      this.#virtualizer.measure();
    }
    const height = this.#virtualizer.getTotalSize();
    spacer.style.height = `${height}px`;
    const anchor = this.#anchor;
    if (atEnd || anchor === null) {
      this.#scrollTo(atEnd ? height : this.#top);
      return;
    }
    const index = source.lowerBound(anchor.id);
    const kept = source.at(index)?.id === anchor.id;
    this.#scrollTo(this.#startOf(index) + (kept ? anchor.offset : 0));
    // A filter that hides the row may be taken back, and the list then returns to it.
    this.#anchor = kept ? this.#anchor : anchor;
  }

  /** Opens out one row, closes the one that was; null for none. Lay out afterwards. */
  expand(id: number | null): void {
    this.#expanded = id;
    this.#expandedIndex = -1;
    this.#expandedHeight = ROW_HEIGHT;
    this.#virtualizer.measure();
  }

  /**
   * Takes in how high the opened row came out.
   * @returns whether that is news, and the list has to be laid out again
   */
  measured(height: number): boolean {
    if (height === this.#expandedHeight) {
      return false;
    }
    this.#expandedHeight = height;
    this.#virtualizer.measure();
    return true;
  }

  /** Finds the elements after they were made. */
  attach(): void {
    this.#virtualizer._willUpdate();
  }

  /** Forgets where the list stood. */
  reset(): void {
    this.expand(null);
    this.#anchor = null;
    this.#top = 0;
  }

  /** Brings a row into sight with as little movement as can be. */
  reveal(index: number): void {
    const { scroller } = this.#host;
    if (scroller === null) {
      return;
    }
    const start = this.#startOf(index);
    const size = index === this.#expandedIndex ? this.#expandedHeight : ROW_HEIGHT;
    if (start < scroller.scrollTop || size >= scroller.clientHeight) {
      this.#scrollTo(start);
    } else if (start + size > scroller.scrollTop + scroller.clientHeight) {
      this.#scrollTo(start + size - scroller.clientHeight);
    }
  }

  /** Whether there is more room or less than the list was laid out for. */
  get isResized(): boolean {
    return this.#host.scroller?.clientHeight !== this.#room;
  }

  /** What a scroll event means; null when the list itself scrolled. */
  scrolled(): Move | null {
    const { scroller } = this.#host;
    if (scroller === null || Math.abs(scroller.scrollTop - this.#top) < 1) {
      return null;
    }
    const up = scroller.scrollTop < this.#top;
    const atEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1;
    this.#settle(scroller.scrollTop);
    return { up, atEnd };
  }

  /** Where a row begins, in pixels from the top of the list. */
  #startOf(index: number): number {
    const below = this.#expandedIndex >= 0 && this.#expandedIndex < index;
    return index * ROW_HEIGHT + (below ? this.#expandedHeight - ROW_HEIGHT : 0);
  }

  #scrollTo(top: number): void {
    const { scroller } = this.#host;
    if (scroller === null) {
      return;
    }
    if (scroller.scrollTop !== top) {
      scroller.scrollTop = top;
    }
    // What was asked for may lie beyond the end.
    this.#settle(scroller.scrollTop);
  }

  #settle(top: number): void {
    this.#top = top;
    this.#room = this.#host.scroller?.clientHeight ?? 0;
    this.#tellOffset(top);
    const item = this.#virtualizer.getVirtualItemForOffset(top);
    const row = item === undefined ? undefined : this.#host.source.at(item.index);
    if (item !== undefined && row !== undefined) {
      this.#anchor = { id: row.id, offset: top - item.start };
    }
  }
}
