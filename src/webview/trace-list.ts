import { css, html, nothing, type TemplateResult } from 'lit';
import { durationText } from '../core/tracing/duration-text.ts';
import type { TraceRow } from '../protocol/trace-view.ts';
import { rowListStyles } from './list/list-styles.ts';
import { RowList } from './list/row-list.ts';
import { markedText } from './marked-text.ts';
import type { Filter } from './rows/filter.ts';

/** UTF-16 units of a field shown in a row that is one line high, and in one that is opened out. */
const LINE_MAX = 500;
const EXPANDED_MAX = 20_000;

/** The events of a trace session, as a table. */
export class TraceList extends RowList<TraceRow> {
  static override properties = {
    ...RowList.properties,
    returns: { type: Boolean, reflect: true },
    timed: { type: Boolean, reflect: true },
    single: { type: Boolean, reflect: true },
  };

  static override styles = [
    ...rowListStyles,
    css`
      .row {
        column-gap: 10px;
        grid-template-columns: 10ch minmax(5ch, 15ch) 7ch 4ch minmax(6ch, 1fr) minmax(10ch, 4fr);
        font-family: var(--vscode-editor-font-family);
        font-size: calc(var(--vscode-font-size) - 1px);
      }

      :host([returns]) .row {
        grid-template-columns:
          10ch minmax(5ch, 15ch) 7ch 4ch minmax(6ch, 1fr) 9ch minmax(10ch, 14ch)
          minmax(10ch, 4fr);
      }

      /* One function is in the heading: the room is the others'. */
      :host([returns][single]) .row {
        grid-template-columns: 10ch minmax(5ch, 15ch) 7ch 4ch 9ch minmax(10ch, 14ch) minmax(10ch, 4fr);
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
  /** Whether calls are seen to return: two columns more. */
  returns = false;
  /** Whether their durations are known: a column. */
  timed = false;
  /** Whether all calls are of one function, which needs no column beside those of returns. */
  single = true;

  get #showsFunction(): boolean {
    return !this.returns || !this.single;
  }

  protected override renderHead(): TemplateResult {
    return html`<div class="row" role="row" aria-rowindex="1">
      <span class="cell number" role="columnheader" title="Seconds since the first event">Time</span>
      <span class="cell" role="columnheader">Task</span>
      <span class="cell number" role="columnheader">PID</span>
      <span class="cell number" role="columnheader">CPU</span>
      ${this.#showsFunction ? html`<span class="cell" role="columnheader">Function</span>` : nothing}
      ${
        this.returns
          ? html`<span class="cell number" role="columnheader" title="From entry to return">Duration</span>
              <span class="cell" role="columnheader">Returned</span>`
          : nothing
      }
      <span class="cell" role="columnheader">Arguments</span>
    </div>`;
  }

  protected override renderCells(row: TraceRow, expanded: boolean): TemplateResult {
    const length = expanded ? EXPANDED_MAX : LINE_MAX;
    const marked = (text: string) => markedText(text, this.filter, length);
    if (row.kind === 'loss') {
      const text = row.text === '' ? 'Events were lost here.' : row.text;
      return html`<span class="cell" role="gridcell" aria-colspan=${this.returns ? (this.single ? 7 : 8) : 6}>${markedText(text, null, length)}</span>`;
    }
    return html`<span class="cell number time" role="gridcell">${marked(row.time)}</span>
      <span class="cell" role="gridcell">${marked(row.comm)}</span>
      <span class="cell number" role="gridcell">${marked(String(row.pid))}</span>
      <span class="cell number" role="gridcell">${row.cpu}</span>
      ${this.#showsFunction ? html`<span class="cell" role="gridcell">${marked(row.function)}</span>` : nothing}
      ${
        this.returns
          ? html`<span class="cell number" role="gridcell">${marked(durationOf(row))}</span>
              <span class=${row.failed ? 'cell failed' : 'cell'} role="gridcell">${marked(row.returned)}</span>`
          : nothing
      }
      <span class="cell arguments long" role="gridcell"
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
    const ends = this.returns ? [durationOf(row), `-> ${row.returned}`] : [];
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
