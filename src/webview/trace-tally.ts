import { css, html, LitElement, nothing, svg, type TemplateResult } from 'lit';
import { inert } from '../core/text/inert.ts';
import type { TallyRow, TallyView } from '../protocol/trace-view.ts';
import { focusCurrent, moveFocus } from './list-keys.ts';
import { rowStyles } from './styles.ts';
import { grouped } from './toolbar.ts';

/** UTF-16 units of a label that are shown. */
const TEXT_MAX = 500;
/** Bars of a function that are drawn: what is below them is hardly ever called. */
const MOST_BARS = 500;

/** A row that a person chose. */
export interface TallyChoice {
  readonly symbol: string;
  /** See {@link TallyRow}. */
  readonly key: string;
}

/**
 * The sums of a session, a bar for each row. Fires `tally-choose` (detail: {@link TallyChoice}) when a person chose a
 * row with a stack.
 */
export class TraceTally extends LitElement {
  static override properties = { functions: { attribute: false }, emptyText: {} };

  static override styles = [
    rowStyles,
    css`
    :host {
      display: block;
      min-height: 0;
      overflow-x: hidden;
      overflow-y: auto;
    }

    h2 {
      margin: 0;
      padding: 4px 10px 0;
      font-size: inherit;
      font-weight: 600;
      line-height: 22px;
      unicode-bidi: isolate;
    }

    .row {
      display: grid;
      grid-template-columns: minmax(31ch, 3fr) minmax(60px, 2fr) 9ch 6ch;
      align-items: center;
    }

    .head {
      color: var(--vscode-descriptionForeground);
      font-family: var(--vscode-font-family);
    }

    .label {
      overflow: hidden;
      text-overflow: ellipsis;
      white-space: pre;
      unicode-bidi: isolate;
    }

    .detail {
      margin-left: 1ch;
      color: var(--vscode-descriptionForeground);
    }

    .row:focus .detail {
      color: inherit;
    }

    .number {
      font-variant-numeric: tabular-nums;
      text-align: right;
    }

    svg {
      display: block;
      width: 100%;
      height: 12px;
    }

    rect {
      fill: var(--vscode-charts-blue, var(--vscode-progressBar-background));
      stroke: var(--vscode-contrastBorder, transparent);
      vector-effect: non-scaling-stroke;
    }

    .message {
      padding: 4px 10px;
      color: var(--vscode-descriptionForeground);
    }
  `,
  ];

  functions: readonly TallyView[] = [];
  /** What stands in place of the bars while there are none. */
  emptyText = '';
  #chosen: TallyChoice | null = null;
  #focused = 0;

  override render(): TemplateResult {
    let before = 0;
    return html`<div @keydown=${(event: KeyboardEvent) => moveFocus(this.renderRoot, event)}>
      ${this.functions.map((view) => {
        const drawn = this.#renderFunction(view, before);
        before += Math.min(view.rows.length, MOST_BARS);
        return drawn;
      })}
      ${before === 0 ? html`<div class="message">${inert(this.emptyText)}</div>` : nothing}
    </div>`;
  }

  #renderFunction(view: TallyView, before: number): TemplateResult {
    const all = view.rows.reduce((sum, { count }) => sum + count, 0);
    const most = view.rows.reduce((greatest, { count }) => Math.max(greatest, count), 0);
    const name = inert(view.symbol, TEXT_MAX);
    return html`<section aria-label=${name}>
      <h2>${name}<small>${inert(view.summary, TEXT_MAX)}</small></h2>
      ${
        view.rows.length === 0
          ? nothing
          : html`<div class="row head" aria-hidden="true">
              <span>${view.heading}</span><span></span><span class="number">Calls</span
              ><span class="number">Share</span>
            </div>`
      }
      <div role="listbox" aria-label=${`${view.heading}: ${name}`}>
        ${view.rows
          .slice(0, MOST_BARS)
          .map((row, index) => this.#renderRow(view, row, before + index, { all, most }))}
      </div>
    </section>`;
  }

  #renderRow(
    view: TallyView,
    row: TallyRow,
    position: number,
    { all, most }: { readonly all: number; readonly most: number },
  ): TemplateResult {
    const chosen = this.#chosen?.symbol === view.symbol && this.#chosen.key === row.key;
    const percent = all === 0 ? 0 : (row.count / all) * 100;
    const share = percent > 0 && percent < 0.1 ? '<0.1%' : `${percent.toFixed(1)}%`;
    const label = inert(row.label, TEXT_MAX);
    const detail = inert(row.detail, TEXT_MAX);
    return html`<button
      type="button"
      role="option"
      class=${chosen ? 'row chosen' : 'row'}
      tabindex=${position === this.#focused ? 0 : -1}
      aria-selected=${chosen ? 'true' : 'false'}
      aria-label=${`${label} ${detail}: ${grouped(row.count)} calls, ${share}`}
      title=${label}
      @click=${() => this.#choose(view, row)}
      @focus=${() => this.#focus(position)}
    >
      <span class="label">${label}${detail === '' ? nothing : html`<span class="detail">${detail}</span>`}</span>
      <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
        ${row.count === 0 ? nothing : svg`<rect width=${Math.max(0.5, (row.count / most) * 100)} height="1"></rect>`}
      </svg>
      <span class="number">${grouped(row.count)}</span>
      <span class="number">${share}</span>
    </button>`;
  }

  override focus(): void {
    focusCurrent(this.renderRoot);
  }

  /** Forgets what was chosen. */
  reset(): void {
    this.#chosen = null;
    this.#focused = 0;
    this.requestUpdate();
  }

  #focus(position: number): void {
    this.#focused = position;
    this.requestUpdate();
  }

  #choose(view: TallyView, { key }: TallyRow): void {
    if (view.hasStacks) {
      this.#chosen = { symbol: view.symbol, key };
      this.dispatchEvent(new CustomEvent<TallyChoice>('tally-choose', { detail: this.#chosen }));
    }
    this.requestUpdate();
  }
}

customElements.define('zs-trace-tally', TraceTally);

declare global {
  interface HTMLElementTagNameMap {
    'zs-trace-tally': TraceTally;
  }
}
