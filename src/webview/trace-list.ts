import { css, html, nothing, type TemplateResult } from 'lit';
import { inert } from '../core/text/inert.ts';
import { durationText } from '../core/tracing/duration-text.ts';
import type { TraceRow } from '../protocol/trace-view.ts';
import { rowListStyles } from './list/list-styles.ts';
import { RowList } from './list/row-list.ts';
import { markedText } from './marked-text.ts';
import type { Filter } from './rows/filter.ts';
import type { TraceColumn, TraceSort } from './trace-sort.ts';

/** UTF-16 units of a field shown in a row that is one line high, and in one that is opened out. */
const LINE_MAX = 500;
const EXPANDED_MAX = 20_000;

const NUMBERS: ReadonlySet<TraceColumn> = new Set(['time', 'pid', 'cpu', 'duration']);

/** The events of a trace session, as a table. Fires `sort-choose` (detail: {@link TraceColumn}) for a header. */
export class TraceList extends RowList<TraceRow> {
  static override properties = {
    ...RowList.properties,
    returns: { type: Boolean, reflect: true },
    timed: { type: Boolean, reflect: true },
    single: { type: Boolean, reflect: true },
    sort: { attribute: false },
  };

  static override styles = [
    ...rowListStyles,
    css`
      /* Columns that are not there have no width: an empty value is one. */
      :host {
        --function-column: minmax(12ch, 2fr);
        --duration-column: ;
        --returned-column: ;
      }

      :host([timed]) {
        --duration-column: minmax(10.5ch, 11ch);
      }

      :host([returns]) {
        --returned-column: minmax(10ch, 14ch);
      }

      /* One function is in the heading: the room is the others'. */
      :host([single]) {
        --function-column: ;
      }

      .row {
        column-gap: 10px;
        grid-template-columns:
          10ch minmax(5ch, 1fr) 7ch minmax(4ch, 6ch) var(--function-column) var(--duration-column) var(--returned-column)
          minmax(11ch, 3fr);
        font-family: var(--vscode-editor-font-family);
        font-size: calc(var(--vscode-font-size) - 1px);
      }

      .sort {
        display: block;
        overflow: hidden;
        box-sizing: border-box;
        width: 100%;
        padding: 0;
        border: 0;
        outline-offset: -1px;
        background: none;
        color: inherit;
        font: inherit;
        text-align: inherit;
        text-overflow: ellipsis;
        white-space: nowrap;
        cursor: pointer;
      }

      .sort:focus-visible {
        outline: 1px solid var(--vscode-focusBorder);
      }

      .failed {
        color: var(--vscode-errorForeground);
      }

      .grid:focus .row.active .failed {
        color: inherit;
      }

      /* On the cells: the row's own font measures the columns. */
      .head .cell {
        font-family: var(--vscode-font-family);
      }

      .number {
        text-align: right;
        font-variant-numeric: tabular-nums;
      }

      .time,
      .name {
        color: var(--vscode-descriptionForeground);
      }

      .grid:focus .row.active .time,
      .grid:focus .row.active .name {
        color: inherit;
      }

      /* Under the other columns there is room for all of them. */
      .row.expanded .arguments {
        grid-column: 1 / -1;
      }

      .argument + .argument {
        margin-left: 1ch;
      }
    `,
  ];

  filter: Filter | null = null;
  /** Whether what calls returned is seen: a column. */
  returns = false;
  /** Whether their durations are known: a column. */
  timed = false;
  /** Whether all calls are of one function, which needs no column. */
  single = true;
  /** How the rows are sorted; null for the order in which they came. */
  sort: TraceSort | null = null;

  get #columns(): number {
    return 5 + [!this.single, this.timed, this.returns].filter((isThere) => isThere).length;
  }

  protected override renderHead(): TemplateResult {
    return html`<div class="row" role="row" aria-rowindex="1">
      ${this.#header('time', 'Time', 'Seconds since the first event')} ${this.#header('task', 'Task')}
      ${this.#header('pid', 'PID')} ${this.#header('cpu', 'CPU')}
      ${!this.single ? this.#header('function', 'Function') : nothing}
      ${this.timed ? this.#header('duration', 'Duration', 'From entry to return') : nothing}
      ${this.returns ? this.#header('returned', 'Returned') : nothing} ${this.#header('arguments', 'Arguments')}
    </div>`;
  }

  #header(column: TraceColumn, label: string, about = ''): TemplateResult {
    const order = this.sort?.column === column ? (this.sort.descending ? 'descending' : 'ascending') : 'none';
    const hint = [about, order === 'none' ? `Sort by ${label}` : `Sorted by ${label}, ${order}`].filter(
      (part) => part !== '',
    );
    return html`<span class=${NUMBERS.has(column) ? 'cell number' : 'cell'} role="columnheader" aria-sort=${order}
      ><button
        type="button"
        class="sort"
        title=${hint.join('. ')}
        @click=${() => this.dispatchEvent(new CustomEvent<TraceColumn>('sort-choose', { detail: column }))}
        @keydown=${(event: KeyboardEvent) => {
          // The list's own keys are not meant.
          if (event.key === 'Enter' || event.key === ' ') {
            event.stopPropagation();
          }
        }}
        >${label}${order === 'none' ? '' : order === 'ascending' ? ' ↑' : ' ↓'}</button
      ></span
    >`;
  }

  protected override renderCells(row: TraceRow, expanded: boolean): TemplateResult {
    const length = expanded ? EXPANDED_MAX : LINE_MAX;
    const marked = (text: string) => markedText(text, this.filter, length);
    if (row.kind === 'loss') {
      const text = row.text === '' ? 'Events were lost here.' : row.text;
      return html`<span class="cell" role="gridcell" aria-colspan=${this.#columns}>${markedText(text, null, length)}</span>`;
    }
    return html`<span class="cell number time" role="gridcell">${marked(row.time)}</span>
      <span class="cell" role="gridcell">${marked(row.comm)}</span>
      <span class="cell number" role="gridcell">${marked(String(row.pid))}</span>
      <span class="cell number" role="gridcell">${row.cpu}</span>
      ${!this.single ? html`<span class="cell" role="gridcell">${marked(row.function)}</span>` : nothing}
      ${this.timed ? html`<span class="cell number" role="gridcell">${marked(durationOf(row))}</span>` : nothing}
      ${
        this.returns
          ? html`<span class=${row.failed ? 'cell failed' : 'cell'} role="gridcell">${marked(row.returned)}</span>`
          : nothing
      }
      <span
        class="cell arguments long"
        role="gridcell"
        title=${row.arguments.map(({ name, value }) => inert(`${name}=${value}`, LINE_MAX)).join('\n')}
        >${row.arguments.map(
          ({ name, value }) =>
            html`<span class="argument"><span class="name">${marked(`${name}=`)}</span>${marked(value)}</span>`,
        )}</span
      >`;
  }

  protected override rowClass(row: TraceRow): string {
    return row.kind;
  }

  protected override copyText(row: TraceRow): string {
    if (row.kind === 'loss') {
      return row.text;
    }
    const values = row.arguments.map(({ name, value }) => `${name}=${value}`);
    const ends = [...(this.timed ? [durationOf(row)] : []), ...(this.returns ? [`-> ${row.returned}`] : [])];
    return [row.time, row.comm, row.pid, row.cpu, row.function, ...values, ...ends].join(' ');
  }
}

/** The duration as the table shows it, empty where it is not known. */
export function durationOf(row: TraceRow): string {
  return row.durationNs === null ? '' : durationText(row.durationNs);
}

customElements.define('zs-trace-list', TraceList);

declare global {
  interface HTMLElementTagNameMap {
    'zs-trace-list': TraceList;
  }
}
