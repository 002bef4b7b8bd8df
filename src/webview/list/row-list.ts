import { elementScroll, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Row, RowSource } from '../rows/row-store.ts';
import { ROW_HEIGHT } from './list-styles.ts';

/** Rows made above and below the ones in sight. */
const OVERSCAN = 8;

/** Pixels a pointer may move between press and release and still mean a click. */
const CLICK_SLACK = 3;

/**
 * A list of rows of which only those in sight exist in the page. All rows are {@link ROW_HEIGHT}
 * high but the one that is opened out.
 *
 * The list has the keyboard focus as a whole and points assistive technology at the chosen row, as
 * VS Code's own lists do: a row that leaves the page while the list streams takes no focus with it.
 *
 * Fires `active-change` (a person chose a row), `row-open` (Enter on the chosen row) and
 * `follow-change` (a person scrolled away from the end or back to it).
 */
export abstract class RowList<T extends Row> extends LitElement {
  static override properties = { label: {}, emptyText: {} };

  /** Name of the list for assistive technology. */
  label = '';
  /** What stands in the list while it has no row. */
  emptyText = '';
  source: RowSource<T> = { count: 0, at: () => undefined, lowerBound: () => 0 };
  /** Keeps the end in sight. */
  follow = true;
  /** Whether a click opens a row out; Space and the arrow keys always do. */
  protected expandOnClick = false;

  #active: number | null = null;
  #expanded: number | null = null;
  #expandedIndex = -1;
  #expandedHeight = ROW_HEIGHT;
  /** The row at the top edge, and how far it is scrolled out, so that the list stands still when rows go. */
  #anchor: { readonly id: number; readonly offset: number } | null = null;
  /** The scroll position last seen; a scroll event that finds another one is a person's doing. */
  #top = 0;
  #pressedAt: { readonly x: number; readonly y: number } | null = null;
  #tellOffset: (offset: number) => void = () => {};
  #unmount: (() => void) | null = null;
  #resize: ResizeObserver | null = null;

  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  readonly #options: ConstructorParameters<typeof Virtualizer<HTMLElement, HTMLElement>>[0];

  constructor() {
    super();
    this.#options = {
      count: 0,
      overscan: OVERSCAN,
      getScrollElement: () => this.renderRoot?.querySelector<HTMLElement>('.scroller') ?? null,
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
      onChange: () => this.requestUpdate(),
    };
    this.#virtualizer = new Virtualizer(this.#options);
  }

  /** The cells of a row, in order, each an element with role `gridcell`. */
  protected abstract renderCells(row: T, expanded: boolean): TemplateResult;

  /** Class names of a row besides the list's own. */
  protected abstract rowClass(row: T): string;

  /** What Copy puts on the clipboard for a row. */
  protected abstract copyText(row: T): string;

  /** A row of column headers, or nothing. */
  protected renderHead(): TemplateResult | typeof nothing {
    return nothing;
  }

  get activeId(): number | null {
    return this.#active;
  }

  /** Chooses a row without telling anybody; null for none. The row need not be there yet. */
  set activeId(id: number | null) {
    this.#active = id;
    this.requestUpdate();
  }

  get activeRow(): T | undefined {
    return this.source.at(this.#indexOf(this.#active));
  }

  override focus(options?: FocusOptions): void {
    this.#grid?.focus(options);
  }

  /** Shows the source as it is now. Call it when rows came or went, at most once a frame. */
  refresh(): void {
    const { scroller, spacer } = this;
    if (scroller === null || spacer === null) {
      this.requestUpdate();
      return;
    }
    this.#layOut();
    spacer.style.height = `${this.#virtualizer.getTotalSize()}px`;
    if (this.follow) {
      this.#scrollTo(this.#virtualizer.getTotalSize());
    } else if (this.#anchor !== null) {
      const index = this.source.lowerBound(this.#anchor.id);
      const anchor = this.#anchor;
      const kept = this.source.at(index)?.id === anchor.id;
      this.#scrollTo(this.#startOf(index) + (kept ? anchor.offset : 0));
      // A filter that hides the row may be taken back, and the list then returns to it.
      this.#anchor = kept ? this.#anchor : anchor;
    } else {
      this.#scrollTo(scroller.scrollTop);
    }
    this.requestUpdate();
  }

  /** Brings the chosen row into sight when the list shows it. */
  revealActive(): void {
    const index = this.#indexOf(this.#active);
    if (index >= 0) {
      this.#reveal(index);
    }
  }

  /** Forgets what was chosen and opened out. */
  reset(): void {
    this.#active = null;
    this.#expanded = null;
    this.#anchor = null;
    this.refresh();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unmount = this.#virtualizer._didMount();
    this.#resize = new ResizeObserver(() => {
      // A new width wraps the opened row anew; a new height moves the end.
      this.#measureExpanded();
      this.refresh();
    });
    this.#resize.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize?.disconnect();
    this.#unmount?.();
  }

  override render(): TemplateResult {
    const items = this.#virtualizer.getVirtualItems();
    const rows = items.flatMap(({ index }) => {
      const row = this.source.at(index);
      return row === undefined ? [] : [{ row, index }];
    });
    const head = this.renderHead();
    const heads = head === nothing ? 0 : 1;
    const activeIsHere = rows.some(({ row }) => row.id === this.#active);
    return html`<div
      class=${this.#indexOf(this.#active) < 0 ? 'grid none' : 'grid'}
      role="grid"
      tabindex="0"
      aria-label=${this.label}
      aria-readonly="true"
      aria-rowcount=${this.source.count + heads}
      aria-activedescendant=${activeIsHere ? `row-${this.#active}` : nothing}
      @keydown=${this.#onKeyDown}
      @copy=${this.#onCopy}
    >
      ${heads === 0 ? nothing : html`<div class="head" role="rowgroup">${head}</div>`}
      <div
        class="scroller"
        role="rowgroup"
        tabindex="-1"
        @scroll=${this.#onScroll}
        @wheel=${{ handleEvent: this.#onWheel, passive: true }}
        @pointerdown=${this.#onPointerDown}
        @click=${this.#onClick}
      >
        <div class="spacer" role="presentation">
          <div class="window" role="presentation">
            ${repeat(
              rows,
              ({ row }) => row.id,
              ({ row, index }) => this.#renderRow(row, index, heads),
            )}
          </div>
        </div>
      </div>
      ${this.source.count === 0 && this.emptyText !== '' ? html`<div class="empty">${this.emptyText}</div>` : nothing}
    </div>`;
  }

  #renderRow(row: T, index: number, heads: number): TemplateResult {
    const active = row.id === this.#active;
    const expanded = row.id === this.#expanded;
    const classes = `row ${this.rowClass(row)}${active ? ' active' : ''}${expanded ? ' expanded' : ''}`;
    return html`<div
      class=${classes}
      role="row"
      id=${`row-${row.id}`}
      data-id=${row.id}
      aria-rowindex=${index + 1 + heads}
      aria-selected=${active}
    >
      ${this.renderCells(row, expanded)}
    </div>`;
  }

  override updated(changed: PropertyValues): void {
    super.updated(changed);
    const first = this.#virtualizer.getVirtualItems()[0];
    const window = this.renderRoot.querySelector<HTMLElement>('.window');
    if (window !== null) {
      window.style.transform = `translateY(${first?.start ?? 0}px)`;
    }
    this.#virtualizer._willUpdate();
    this.#measureExpanded();
  }

  get #grid(): HTMLElement | null {
    return this.renderRoot.querySelector('.grid');
  }

  private get scroller(): HTMLElement | null {
    return this.renderRoot.querySelector('.scroller');
  }

  private get spacer(): HTMLElement | null {
    return this.renderRoot.querySelector('.spacer');
  }

  /** Index of the row with an id; -1 when the list does not show it. */
  #indexOf(id: number | null): number {
    if (id === null) {
      return -1;
    }
    const index = this.source.lowerBound(id);
    return this.source.at(index)?.id === id ? index : -1;
  }

  #layOut(): void {
    const expandedIndex = this.#indexOf(this.#expanded);
    const moved = expandedIndex !== this.#expandedIndex;
    this.#expandedIndex = expandedIndex;
    this.#virtualizer.setOptions({ ...this.#options, count: this.source.count });
    if (moved) {
      this.#virtualizer.measure();
    }
  }

  #measureExpanded(): void {
    const row = this.renderRoot.querySelector<HTMLElement>('.row.expanded');
    if (row !== null && row.offsetHeight !== this.#expandedHeight) {
      this.#expandedHeight = row.offsetHeight;
      this.#virtualizer.measure();
      this.refresh();
    }
  }

  /** Where a row begins, in pixels from the top of the list. */
  #startOf(index: number): number {
    const before = this.#expandedIndex >= 0 && this.#expandedIndex < index;
    return index * ROW_HEIGHT + (before ? this.#expandedHeight - ROW_HEIGHT : 0);
  }

  #scrollTo(top: number): void {
    const { scroller } = this;
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
    this.#tellOffset(top);
    const item = this.#virtualizer.getVirtualItemForOffset(top);
    const row = item === undefined ? undefined : this.source.at(item.index);
    if (item !== undefined && row !== undefined) {
      this.#anchor = { id: row.id, offset: top - item.start };
    }
  }

  #reveal(index: number): void {
    const { scroller } = this;
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

  /** A person chooses the row at an index. */
  #choose(index: number): void {
    const row = this.source.at(index);
    if (row === undefined) {
      return;
    }
    const changed = row.id !== this.#active;
    this.#active = row.id;
    this.#reveal(index);
    this.requestUpdate();
    if (changed) {
      this.dispatchEvent(new Event('active-change'));
    }
  }

  #setFollow(on: boolean): void {
    if (this.follow !== on) {
      this.follow = on;
      this.dispatchEvent(new Event('follow-change'));
    }
  }

  #setExpanded(id: number | null): void {
    if (this.#expanded === id) {
      return;
    }
    if (id !== null) {
      // Who reads a row does not want it to run away.
      this.#setFollow(false);
    }
    this.#expanded = id;
    this.#expandedHeight = ROW_HEIGHT;
    this.#expandedIndex = -1;
    this.refresh();
  }

  #onScroll(): void {
    const { scroller } = this;
    if (scroller === null || Math.abs(scroller.scrollTop - this.#top) < 1) {
      return;
    }
    const up = scroller.scrollTop < this.#top;
    const atEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1;
    this.#settle(scroller.scrollTop);
    this.requestUpdate();
    if (up) {
      this.#setFollow(false);
    } else if (atEnd) {
      this.#setFollow(true);
    }
  }

  // Known before the scroll position is, so that a burst cannot drag the list back to its end.
  readonly #onWheel = (event: WheelEvent): void => {
    if (event.deltaY < 0 && this.#top > 0) {
      this.#setFollow(false);
    }
  };

  #onPointerDown(event: PointerEvent): void {
    this.#pressedAt = { x: event.clientX, y: event.clientY };
  }

  #onClick(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const id = Number(target?.closest<HTMLElement>('.row')?.dataset['id'] ?? Number.NaN);
    const index = Number.isNaN(id) ? -1 : this.#indexOf(id);
    const pressed = this.#pressedAt;
    const dragged =
      pressed !== null && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > CLICK_SLACK;
    if (index < 0 || dragged) {
      return;
    }
    this.focus({ preventScroll: true });
    this.#choose(index);
    if (this.expandOnClick && target?.closest('.link') === null) {
      this.#setExpanded(this.#expanded === id ? null : id);
    }
  }

  #onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (this.#act(event.key)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  /** @returns whether the key means something here */
  #act(key: string): boolean {
    const last = this.source.count - 1;
    const at = this.#indexOf(this.#active);
    const page = Math.max(1, Math.floor((this.scroller?.clientHeight ?? 0) / ROW_HEIGHT) - 1);
    switch (key) {
      case 'ArrowDown':
        this.#step(at < 0 ? this.#firstInSight() : Math.min(at + 1, last));
        return true;
      case 'ArrowUp':
        this.#step(at < 0 ? this.#firstInSight() : Math.max(at - 1, 0));
        return true;
      case 'PageDown':
        this.#step(Math.min((at < 0 ? this.#firstInSight() : at) + page, last));
        return true;
      case 'PageUp':
        this.#step(Math.max((at < 0 ? this.#firstInSight() : at) - page, 0));
        return true;
      case 'Home':
        this.#step(0);
        return true;
      case 'End':
        this.#choose(last);
        this.#setFollow(true);
        this.refresh();
        return true;
      case 'Enter':
        if (at >= 0) {
          this.dispatchEvent(new Event('row-open'));
        }
        return true;
      case ' ':
        this.toggleExpanded();
        return true;
      case 'ArrowRight':
        this.#setExpanded(at < 0 ? this.#expanded : this.#active);
        return true;
      case 'ArrowLeft':
        this.#setExpanded(null);
        return true;
      default:
        return false;
    }
  }

  /** Opens the chosen row out, or closes it again. */
  toggleExpanded(): void {
    if (this.#indexOf(this.#active) >= 0) {
      this.#setExpanded(this.#expanded === this.#active ? null : this.#active);
    }
  }

  #step(index: number): void {
    if (index < this.source.count - 1) {
      this.#setFollow(false);
    }
    this.#choose(index);
  }

  #firstInSight(): number {
    return this.#virtualizer.getVirtualItemForOffset(this.#top + ROW_HEIGHT - 1)?.index ?? 0;
  }

  #onCopy(event: ClipboardEvent): void {
    const row = this.activeRow;
    const selected = document.getSelection()?.toString() ?? '';
    if (row !== undefined && selected === '' && event.clipboardData !== null) {
      event.clipboardData.setData('text/plain', this.copyText(row));
      event.preventDefault();
    }
  }
}
