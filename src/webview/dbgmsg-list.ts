import { css, html, type TemplateResult } from 'lit';
import { inert } from '../core/text/inert.ts';
import type { DbgmsgRow } from '../protocol/dbgmsg-view.ts';
import { rowListStyles } from './list/list-styles.ts';
import { RowList } from './list/row-list.ts';
import { markedText } from './marked-text.ts';
import type { Filter } from './rows/filter.ts';

/** UTF-16 units of a field shown in a row that is one line high, and in one that is opened out. */
const LINE_MAX = 1_000;
const EXPANDED_MAX = 100_000;

/** The lines of dbgmsg. Fires `source-open` (detail: the row) when a person clicks a place. */
export class DbgmsgList extends RowList<DbgmsgRow> {
  static override styles = [
    ...rowListStyles,
    css`
      .row {
        grid-template-columns: 8ch minmax(12ch, min(44ch, 36%)) minmax(0, 1fr);
        font-family: var(--vscode-editor-font-family);
        font-size: calc(var(--vscode-font-size) - 1px);
      }

      .time {
        color: var(--vscode-descriptionForeground);
      }

      .grid:focus .row.active .time {
        color: inherit;
      }
    `,
  ];

  filter: Filter | null = null;
  protected override expandOnClick = true;

  protected override renderCells(row: DbgmsgRow, expanded: boolean): TemplateResult {
    const length = expanded ? EXPANDED_MAX : LINE_MAX;
    if (row.kind === 'gap') {
      return html`<span class="cell long" role="gridcell" aria-colspan="3"
        >${markedText(row.text === '' ? 'Lines may be missing here.' : row.text, null, length)}</span
      >`;
    }
    return html`<span class="cell time" role="gridcell">${markedText(row.time, this.filter, length)}</span>
      <span class="cell source" role="gridcell"
        >${
          row.source === ''
            ? ''
            : html`<a class="link" role="link" title=${inert(row.source)} @click=${() => this.#open(row)}
                >${markedText(row.source, this.filter, length)}</a
              >`
        }</span
      >
      <span class="cell text long" role="gridcell">${markedText(row.text, this.filter, length)}</span>`;
  }

  protected override rowClass(row: DbgmsgRow): string {
    return row.kind;
  }

  protected override copyText(row: DbgmsgRow): string {
    return [row.time, row.source, row.text].filter((part) => part !== '').join(' ');
  }

  #open(row: DbgmsgRow): void {
    this.dispatchEvent(new CustomEvent<DbgmsgRow>('source-open', { detail: row }));
  }
}

customElements.define('zs-dbgmsg-list', DbgmsgList);

declare global {
  interface HTMLElementTagNameMap {
    'zs-dbgmsg-list': DbgmsgList;
  }
}
