import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Row, RowSource } from '../rows/row-store.ts';
import { Recycler } from './recycler.ts';
import { Viewport, type ViewportHost } from './viewport.ts';

/** Pixels a pointer may move between press and release and still mean a click. */
const CLICK_SLACK = 3;

/**
 * A list of rows of which only those in sight exist in the page.
 *
 * The list has the keyboard focus as a whole and points assistive technology at the chosen row, as
 * VS Code's own lists do: a row that leaves the page while the list streams takes no focus with it.
 *
 * Fires `active-change` (a person chose a row), `row-open` (Enter on the chosen row) and
 * `follow-change` (a person scrolled away from the end or back to it).
 */
export abstract class RowList<T extends Row> extends LitElement implements ViewportHost<T> {
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
  /** The chosen row is to be brought into sight when it comes. */
  #revealing = false;
  #pressedAt: { readonly x: number; readonly y: number } | null = null;
  #resize: ResizeObserver | null = null;
  readonly #viewport = new Viewport<T>(this);
  readonly #recycler = new Recycler();

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
    return this.source.at(this.#viewport.indexOf(this.#active));
  }

  get scroller(): HTMLElement | null {
    return this.renderRoot?.querySelector<HTMLElement>('.scroller') ?? null;
  }

  get spacer(): HTMLElement | null {
    return this.renderRoot?.querySelector<HTMLElement>('.spacer') ?? null;
  }

  override focus(options?: FocusOptions): void {
    this.renderRoot.querySelector<HTMLElement>('.grid')?.focus(options);
  }

  /** Shows the source as it is now. Call it when rows came or went, at most once a frame. */
  refresh(): void {
    this.#viewport.layOut(this.follow);
    // Who follows the end wants to see the end.
    this.#revealing &&= !this.follow;
    const index = this.#revealing ? this.#viewport.indexOf(this.#active) : -1;
    if (index >= 0) {
      this.#revealing = false;
      this.#viewport.reveal(index);
    }
    this.requestUpdate();
  }

  /** Brings the chosen row into sight, at once or when it comes; unless a person scrolls before that. */
  revealActive(): void {
    this.#revealing = true;
    this.refresh();
  }

  /** Shows the first row at the top edge; what is opened out is closed. */
  scrollToTop(): void {
    this.#revealing = false;
    this.follow = false; // Who follows is taken back to the end by the next layout.
    this.#viewport.reset();
    this.refresh();
  }

  /** Forgets what was chosen and opened out. */
  reset(): void {
    this.#active = null;
    this.#revealing = false;
    this.#viewport.reset();
    this.refresh();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#viewport.mount();
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
    this.#viewport.unmount();
  }

  override render(): TemplateResult {
    const rows = this.#viewport.indexes.flatMap((index) => {
      const row = this.source.at(index);
      return row === undefined ? [] : [{ row, index }];
    });
    const places = this.#recycler.place(rows.map(({ row }) => row.id));
    const head = this.renderHead();
    const heads = head === nothing ? 0 : 1;
    const activeIsHere = rows.some(({ row }) => row.id === this.#active);
    return html`<div
      class=${this.#viewport.indexOf(this.#active) < 0 ? 'grid none' : 'grid'}
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
              ({ row }) => places.get(row.id),
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
    const expanded = row.id === this.#viewport.expanded;
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
    const window = this.renderRoot.querySelector<HTMLElement>('.window');
    if (window !== null) {
      window.style.transform = `translateY(${this.#viewport.start}px)`;
    }
    const head = this.renderRoot.querySelector<HTMLElement>('.head');
    if (head !== null && this.scroller !== null) {
      // The headers stand over their columns whatever room the scroll bar takes.
      head.style.paddingRight = `${this.scroller.offsetWidth - this.scroller.clientWidth}px`;
    }
    this.#viewport.attach();
    this.#measureExpanded();
  }

  #measureExpanded(): void {
    const row = this.renderRoot.querySelector<HTMLElement>('.row.expanded');
    if (row !== null && this.#viewport.measured(row.offsetHeight)) {
      // Opened out at the lower edge, it would be out of sight.
      this.#revealing ||= this.#viewport.expanded === this.#active;
      this.refresh();
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
    this.#viewport.reveal(index);
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
    if (this.#viewport.expanded === id) {
      return;
    }
    if (id !== null) {
      // Who reads a row does not want it to run away.
      this.#setFollow(false);
    }
    this.#viewport.expand(id);
    this.refresh();
  }

  #onScroll(): void {
    if (this.#viewport.isResized) {
      // The browser moved what no longer fitted, and its event came before that of the new size.
      this.refresh();
      return;
    }
    const move = this.#viewport.scrolled();
    if (move === null) {
      return;
    }
    this.#revealing = false;
    this.requestUpdate();
    if (move.up) {
      this.#setFollow(false);
    } else if (move.atEnd) {
      this.#setFollow(true);
    }
  }

  // Known before the scroll position is, so that a burst cannot drag the list back to its end.
  readonly #onWheel = (event: WheelEvent): void => {
    if (event.deltaY < 0 && this.#viewport.isScrolled) {
      this.#setFollow(false);
    }
  };

  #onPointerDown(event: PointerEvent): void {
    this.#pressedAt = { x: event.clientX, y: event.clientY };
  }

  #onClick(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const id = Number(target?.closest<HTMLElement>('.row')?.dataset['id'] ?? Number.NaN);
    const index = Number.isNaN(id) ? -1 : this.#viewport.indexOf(id);
    const pressed = this.#pressedAt;
    const dragged =
      pressed !== null && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > CLICK_SLACK;
    if (index < 0 || dragged) {
      return;
    }
    this.focus({ preventScroll: true });
    this.#choose(index);
    if (this.expandOnClick && target?.closest('.link') === null) {
      this.#setExpanded(this.#viewport.expanded === id ? null : id);
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
    const at = this.#viewport.indexOf(this.#active);
    const { firstInSight, page } = this.#viewport;
    switch (key) {
      case 'ArrowDown':
        this.#step(at < 0 ? firstInSight : Math.min(at + 1, last));
        return true;
      case 'ArrowUp':
        this.#step(at < 0 ? firstInSight : Math.max(at - 1, 0));
        return true;
      case 'PageDown':
        this.#step(Math.min((at < 0 ? firstInSight : at) + page, last));
        return true;
      case 'PageUp':
        this.#step(Math.max((at < 0 ? firstInSight : at) - page, 0));
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
        this.#setExpanded(at < 0 ? this.#viewport.expanded : this.#active);
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
    if (this.#viewport.indexOf(this.#active) >= 0) {
      this.#setExpanded(this.#viewport.expanded === this.#active ? null : this.#active);
    }
  }

  #step(index: number): void {
    if (index < this.source.count - 1) {
      this.#setFollow(false);
    }
    this.#choose(index);
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
