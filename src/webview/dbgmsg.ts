/** The page of the dbgmsg view. */
import '@vscode-elements/elements/dist/vscode-icon/index.js';
import { css, html, nothing, type TemplateResult } from 'lit';
import { inert } from '../core/text/inert.ts';
import {
  DBGMSG_ROWS_KEPT,
  type DbgmsgRow,
  type FromDbgmsgView,
  type ToDbgmsgView,
} from '../protocol/dbgmsg-view.ts';
import './dbgmsg-list.ts';
import { type DbgmsgState, readDbgmsgMessage, readDbgmsgState } from './dbgmsg-messages.ts';
import { showView } from './page.ts';
import { RowStream } from './row-stream.ts';
import { RowsView, type ToolbarTexts } from './rows-view.ts';
import { viewStyles } from './styles.ts';
import { connect } from './vscode-api.ts';

const toolbar: ToolbarTexts = {
  label: 'dbgmsg',
  filterPlaceholder: 'Filter (e.g. metaslab, -exclude)',
  filterLabel: 'Filter dbgmsg lines: all words must occur, -word must not',
  things: 'lines',
};

export class DbgmsgView extends RowsView<DbgmsgRow> {
  static override styles = [
    viewStyles,
    css`
      zs-dbgmsg-list {
        flex: 1 1 0;
      }
    `,
  ];

  readonly #host = connect<ToDbgmsgView, FromDbgmsgView, DbgmsgState>(
    { message: readDbgmsgMessage, state: readDbgmsgState },
    (message) => this.#receive(message),
  );
  protected override readonly stream = new RowStream<DbgmsgRow>(
    DBGMSG_ROWS_KEPT,
    { fields: (row) => [row.time, row.source, row.text], always: (row) => row.kind === 'gap' },
    (refiltered) => this.draw(refiltered),
  );
  /** What was remembered; it holds until the first reset says for which target. */
  #saved: DbgmsgState | null = this.#host.load();
  #target = '';
  protected override follow = this.#saved?.follow ?? true;
  #status: { readonly text: string; readonly isError: boolean } = { text: '', isError: false };

  constructor() {
    super();
    this.stream.filterText = this.#saved?.filter ?? '';
  }

  override firstUpdated(): void {
    this.#host.post({ type: 'ready' });
  }

  override render(): TemplateResult {
    const { store } = this.stream;
    return html`${this.renderToolbar(toolbar, this.#target)}
      <div class=${this.#status.isError ? 'status error' : 'status'} role="status">${this.#renderStatus()}</div>
      <zs-dbgmsg-list
        .label=${'dbgmsg'}
        .emptyText=${store.total > 0 ? 'No line passes the filter.' : ''}
        .source=${store}
        @active-change=${() => this.save()}
        @row-open=${this.#onRowOpen}
        @source-open=${(event: CustomEvent<DbgmsgRow>) => this.#open(event.detail)}
        @follow-change=${() => this.setFollow(this.list?.follow ?? true)}
        @keydown=${this.onListKeyDown}
      ></zs-dbgmsg-list>`;
  }

  #renderStatus(): TemplateResult | typeof nothing {
    const { text, isError } = this.#status;
    if (text === '') {
      return nothing;
    }
    return html`<vscode-icon name=${isError ? 'error' : 'info'}></vscode-icon><span>${inert(text)}</span>`;
  }

  protected override get list() {
    return this.renderRoot.querySelector('zs-dbgmsg-list');
  }

  #receive(message: ToDbgmsgView): void {
    switch (message.type) {
      case 'reset':
        this.#reset(message.target);
        break;
      case 'rows':
        this.stream.append(message.rows);
        break;
      case 'status':
        this.#status = message;
        this.requestUpdate();
        break;
      case 'focusFilter':
        this.focusFilter();
        break;
    }
  }

  /** The first reset of the page brings back what was remembered of the same target; others forget it. */
  #reset(target: string): void {
    const saved = this.#saved?.target === target ? this.#saved : null;
    this.#saved = null;
    this.#target = target;
    this.restart(saved);
    this.save();
    this.requestUpdate();
  }

  #open(row: DbgmsgRow): void {
    this.#host.post({ type: 'open', source: row.source });
  }

  protected override save(): void {
    this.#host.save({ ...this.listState, target: this.#target });
  }

  #onRowOpen(): void {
    const row = this.list?.activeRow;
    if (row === undefined || row.source === '') {
      this.list?.toggleExpanded();
    } else {
      this.#open(row);
    }
  }
}

showView('zs-dbgmsg', DbgmsgView);
