import { css, html, LitElement, nothing, type PropertyValues, svg, type TemplateResult } from 'lit';
import { inert } from '../core/text/inert.ts';
import type { TreeRow } from '../protocol/trace-view.ts';
import { focusCurrent, moveFocus } from './list-keys.ts';
import { lineListStyles, linkStyles, rowStyles } from './styles.ts';
import { grouped } from './toolbar.ts';

/** UTF-16 units of a label or place that are shown. */
const TEXT_MAX = 500;
/** Levels that are indented: what is deeper stands below each other. */
const MOST_INDENT = 40;

/**
 * A tree of calls: each line a function with its count, its time and its share of the whole. Fires `line-open` (detail:
 * index of the row) when a person opens a line. Arrows to the left and right fold and unfold.
 */
export class TraceTree extends LitElement {
  static override properties = {
    rows: { attribute: false },
    heading: {},
    message: {},
    resolving: { type: Boolean },
  };

  static override styles = [
    linkStyles,
    rowStyles,
    lineListStyles,
    css`
      :host {
        container-type: inline-size;
      }

      [role='tree'] {
        flex: 1 1 0;
        overflow-x: hidden;
        overflow-y: auto;
      }

      .row {
        display: grid;
        grid-template-columns: minmax(20ch, 1fr) 7ch 7ch 12ch 6ch;
        align-items: center;
      }

      .name {
        display: flex;
        min-width: 0;
        white-space: pre;
      }

      .indent {
        flex: none;
      }

      .fold {
        flex: none;
        width: 2ch;
        text-align: center;
      }

      /* The name says more than the place. */
      .source {
        flex-shrink: 100;
        min-width: 0;
      }

      .slowest .label {
        font-weight: 700;
      }

      .source {
        margin-left: 1ch;
      }

      .number {
        font-variant-numeric: tabular-nums;
        text-align: right;
        white-space: nowrap;
      }

      svg {
        display: block;
        width: 100%;
        height: 10px;
      }

      rect {
        fill: var(--vscode-charts-blue);
      }

      .slowest rect {
        fill: var(--vscode-charts-orange);
      }

      @container (max-width: 620px) {
        .row {
          grid-template-columns: minmax(16ch, 1fr) 6ch 7ch 6ch;
          column-gap: 6px;
        }

        svg {
          display: none;
        }
      }
    `,
  ];

  rows: readonly TreeRow[] = [];
  heading = '';
  /** What stands in place of the rows while there are none. */
  message = '';
  resolving = false;
  /** Rows whose children are hidden, by their way from the root. */
  readonly #folded = new Set<string>();
  #chosen = 0;
  /** The ways of all rows from the root: they tell rows from each other also when new counts have moved them. */
  #paths: readonly string[] = [];

  override willUpdate(changed: PropertyValues): void {
    if (changed.has('rows')) {
      const chosen = this.#paths[this.#chosen];
      this.#paths = pathsOf(this.rows);
      const now = chosen === undefined ? -1 : this.#paths.indexOf(chosen);
      this.#chosen = now < 0 ? this.#chosen : now;
    }
  }

  /** The focus goes with its row. */
  override updated(changed: PropertyValues): void {
    const focused = this.shadowRoot?.activeElement;
    if (changed.has('rows') && focused?.getAttribute('role') === 'treeitem') {
      this.focus();
    }
  }

  override render(): TemplateResult {
    const shown = this.#visible();
    const chosen = shown.find(({ index }) => index === this.#chosen) ?? shown[0];
    return html`<h2 id="title">
        ${inert(this.heading, TEXT_MAX)}${
          this.resolving ? html`<small role="status">finding source lines…</small>` : nothing
        }
      </h2>
      ${
        shown.length === 0
          ? html`<div class="message">${this.message}</div>`
          : html`<div role="tree" aria-labelledby="title" @keydown=${this.#onKeyDown}>
              ${shown.map((line) => this.#renderRow(line, line === chosen))}
            </div>`
      }`;
  }

  #renderRow({ row, index, path, hasChildren }: VisibleRow, isChosen: boolean): TemplateResult {
    const isFolded = this.#folded.has(path);
    const label = inert(row.label, TEXT_MAX);
    const source = inert(row.source, TEXT_MAX);
    const percent = `${(row.share * 100).toFixed(1)}%`;
    const count = `${grouped(row.count)} ${row.count === 1 ? 'call' : 'calls'}`;
    return html`<button
      type="button"
      role="treeitem"
      class=${`row${isChosen ? ' chosen' : ''}${row.isSlowest ? ' slowest' : ''}`}
      tabindex=${isChosen ? 0 : -1}
      data-index=${index}
      aria-level=${row.depth + 1}
      aria-expanded=${hasChildren ? String(!isFolded) : nothing}
      aria-label=${[label, count, row.time, percent, row.isSlowest ? 'slowest path' : '', source].filter((part) => part !== '').join(', ')}
      title=${row.canOpen ? `Open ${source === '' ? label : source}` : `${label}: no source to open`}
      @click=${() => this.#open(index)}
      @focus=${() => this.#choose(index)}
    >
      <span class="name"
        ><span class="indent">${'  '.repeat(Math.min(row.depth, MOST_INDENT))}</span
        ><span
          class="fold"
          @click=${(event: Event) => {
            event.stopPropagation();
            this.#fold(path, !isFolded);
          }}
          >${hasChildren ? (isFolded ? '▸' : '▾') : ''}</span
        ><span class="label">${label}</span
        >${source === '' ? nothing : html`<span class=${row.canOpen ? 'source link' : 'source'}>${source}</span>`}</span
      >
      <span class="number">${row.count === 1 && row.time !== '' ? '' : `×${grouped(row.count)}`}</span>
      <span class="number">${row.time}</span>
      <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
        ${svg`<rect width=${Math.max(0.5, row.share * 100)} height="1"></rect>`}
      </svg>
      <span class="number">${percent}</span>
    </button>`;
  }

  /** The rows that no folded one hides. */
  #visible(): VisibleRow[] {
    const shown: VisibleRow[] = [];
    let hiddenBelow = Number.POSITIVE_INFINITY;
    for (const [index, row] of this.rows.entries()) {
      if (row.depth > hiddenBelow) {
        continue;
      }
      const path = this.#paths[index] ?? '';
      hiddenBelow = this.#folded.has(path) ? row.depth : Number.POSITIVE_INFINITY;
      const hasChildren = (this.rows[index + 1]?.depth ?? 0) > row.depth;
      shown.push({ row, index, path, hasChildren });
    }
    return shown;
  }

  override focus(): void {
    focusCurrent(this.renderRoot);
  }

  /** Begins again at the first line; call it when another event's tree comes. */
  reset(): void {
    this.#chosen = 0;
    this.requestUpdate();
  }

  #choose(index: number): void {
    this.#chosen = index;
    this.requestUpdate();
  }

  #open(index: number): void {
    this.#choose(index);
    if (this.rows[index]?.canOpen === true) {
      this.dispatchEvent(new CustomEvent<number>('line-open', { detail: index }));
    }
  }

  #fold(path: string, isFolded: boolean): void {
    if (isFolded) {
      this.#folded.add(path);
    } else {
      this.#folded.delete(path);
    }
    this.requestUpdate();
  }

  #onKeyDown(event: KeyboardEvent): void {
    if (moveFocus(this.renderRoot, event)) {
      return;
    }
    const shown = this.#visible();
    const at = shown.findIndex(({ index }) => index === this.#chosen);
    const line = shown[at];
    let to = -1;
    if (line !== undefined && event.key === 'ArrowLeft') {
      event.preventDefault();
      if (line.hasChildren && !this.#folded.has(line.path)) {
        this.#fold(line.path, true);
      } else {
        to = shown.findLastIndex(({ row, index }) => index < line.index && row.depth < line.row.depth);
      }
    } else if (line !== undefined && event.key === 'ArrowRight' && line.hasChildren) {
      event.preventDefault();
      if (this.#folded.has(line.path)) {
        this.#fold(line.path, false);
      } else {
        to = at + 1;
      }
    }
    const target = shown[to];
    if (target !== undefined) {
      this.renderRoot.querySelector<HTMLElement>(`[data-index="${target.index}"]`)?.focus();
    }
  }
}

/** A row that is on show. */
interface VisibleRow {
  readonly row: TreeRow;
  /** Its position among all rows. */
  readonly index: number;
  /** Its way from the root. */
  readonly path: string;
  readonly hasChildren: boolean;
}

function pathsOf(rows: readonly TreeRow[]): string[] {
  const path: string[] = [];
  return rows.map(({ depth, key }) => {
    path.length = Math.min(path.length, depth);
    path.push(key);
    return path.join('\n');
  });
}

customElements.define('zs-trace-tree', TraceTree);

declare global {
  interface HTMLElementTagNameMap {
    'zs-trace-tree': TraceTree;
  }
}
