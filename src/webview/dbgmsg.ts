/** The page of the dbgmsg view. */
import '@vscode-elements/elements/dist/vscode-icon/index.js';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { inert } from '../core/text/inert.ts';
import {
  DBGMSG_ROWS_KEPT,
  type DbgmsgRow,
  type FromDbgmsgView,
  type ToDbgmsgView,
} from '../protocol/dbgmsg-view.ts';
import './dbgmsg-list.ts';
import { type DbgmsgState, readDbgmsgMessage, readDbgmsgState } from './dbgmsg-messages.ts';
import './filter-box.ts';
import { RowStream } from './row-stream.ts';
import { fillPage, viewStyles } from './styles.ts';
import { countLabel, followButton, pauseButton, waitingBadge } from './toolbar.ts';
import { connect } from './vscode-api.ts';

export class DbgmsgView extends LitElement {
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
  readonly #stream = new RowStream<DbgmsgRow>(
    DBGMSG_ROWS_KEPT,
    { fields: (row) => [row.time, row.source, row.text], always: (row) => row.kind === 'gap' },
    (refiltered) => this.#draw(refiltered),
  );
  /** What was remembered; it holds until the first reset says for which target. */
  #saved: DbgmsgState | null = this.#host.load();
  #target = '';
  #follow = this.#saved?.follow ?? true;
  #status: { readonly text: string; readonly isError: boolean } = { text: '', isError: false };

  constructor() {
    super();
    this.#stream.filterText = this.#saved?.filter ?? '';
  }

  override firstUpdated(): void {
    this.#host.post({ type: 'ready' });
  }

  override render(): TemplateResult {
    const { store, filterText } = this.#stream;
    const paused = store.pausedAfter !== null;
    return html`<div class="toolbar" role="toolbar" aria-label="dbgmsg">
        <zs-filter-box
          .value=${filterText}
          placeholder="Filter (e.g. metaslab -unload)"
          label="Filter dbgmsg lines: all words must occur, -word must not"
          @filter-change=${this.#onFilter}
          @filter-leave=${() => this.#list?.focus()}
        ></zs-filter-box>
        ${countLabel(store, 'lines')}
        <span class="space"></span>
        ${waitingBadge(store)} ${pauseButton(paused, (on) => this.#setPaused(on))}
        ${followButton(this.#follow, (on) => this.#setFollow(on))}
      </div>
      <div class=${this.#status.isError ? 'status error' : 'status'} role="status">${this.#renderStatus()}</div>
      <zs-dbgmsg-list
        .label=${'dbgmsg'}
        .emptyText=${store.total > 0 ? 'No line passes the filter.' : ''}
        .source=${store}
        @active-change=${() => this.#save()}
        @row-open=${this.#onRowOpen}
        @source-open=${(event: CustomEvent<DbgmsgRow>) => this.#open(event.detail)}
        @follow-change=${() => this.#setFollow(this.#list?.follow ?? true)}
        @keydown=${this.#onKeyDown}
      ></zs-dbgmsg-list>`;
  }

  #renderStatus(): TemplateResult | typeof nothing {
    const { text, isError } = this.#status;
    if (text === '') {
      return nothing;
    }
    return html`<vscode-icon name=${isError ? 'error' : 'info'}></vscode-icon><span>${inert(text)}</span>`;
  }

  get #list() {
    return this.renderRoot.querySelector('zs-dbgmsg-list');
  }

  #receive(message: ToDbgmsgView): void {
    switch (message.type) {
      case 'reset':
        this.#reset(message.target);
        break;
      case 'rows':
        this.#stream.append(message.rows);
        break;
      case 'status':
        this.#status = message;
        this.requestUpdate();
        break;
      case 'focusFilter':
        this.renderRoot.querySelector('zs-filter-box')?.focus();
        break;
    }
  }

  /** The first reset of the page brings back what was remembered of the same target; others forget it. */
  #reset(target: string): void {
    const saved = this.#saved?.target === target ? this.#saved : null;
    this.#saved = null;
    this.#target = target;
    this.#stream.clear();
    this.#list?.reset();
    if (saved !== null && saved.pausedAfter !== null) {
      this.#stream.pause(saved.pausedAfter);
    }
    if (this.#list !== null && saved !== null) {
      this.#list.activeId = saved.active;
      this.#list.follow = this.#follow;
      this.#list.revealActive();
    }
    this.#save();
    this.requestUpdate();
  }

  #draw(refiltered: boolean): void {
    const list = this.#list;
    if (list !== null) {
      list.filter = this.#stream.filter;
      list.follow = this.#follow;
      list.refresh();
      if (refiltered) {
        list.revealActive();
      }
    }
    this.requestUpdate();
  }

  #setPaused(on: boolean): void {
    if (on) {
      this.#stream.pause();
    } else {
      this.#stream.resume();
    }
    this.#save();
    this.requestUpdate();
  }

  #setFollow(on: boolean): void {
    if (on === this.#follow) {
      return;
    }
    this.#follow = on;
    this.#save();
    this.#stream.schedule();
  }

  #open(row: DbgmsgRow): void {
    this.#host.post({ type: 'open', source: row.source });
  }

  #save(): void {
    const { pausedAfter } = this.#stream.store;
    this.#host.save({
      target: this.#target,
      filter: this.#stream.filterText,
      follow: this.#follow,
      pausedAfter,
      active: this.#list?.activeId ?? null,
    });
  }

  #onFilter(event: Event): void {
    if (event.target instanceof HTMLElement && 'value' in event.target) {
      this.#stream.filterText = String(event.target.value);
      this.#save();
      this.requestUpdate();
    }
  }

  #onRowOpen(): void {
    const row = this.#list?.activeRow;
    if (row === undefined || row.source === '') {
      this.#list?.toggleExpanded();
    } else {
      this.#open(row);
    }
  }

  #onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'f' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.renderRoot.querySelector('zs-filter-box')?.focus();
    }
  }
}

fillPage();
customElements.define('zs-dbgmsg', DbgmsgView);
