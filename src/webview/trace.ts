/** The page of a trace view. */
import '@vscode-elements/elements/dist/vscode-icon/index.js';
import { html, type TemplateResult } from 'lit';
import { inert } from '../core/text/inert.ts';
import { KINDS, type TraceKind } from '../core/tracing/kinds.ts';
import type { FromTraceView, TallyView, ToTraceView, TraceRow, TraceStatus } from '../protocol/trace-view.ts';
import { showView } from './page.ts';
import './refusal.ts';
import { RowsView } from './rows-view.ts';
import { SortedStream } from './sorted-stream.ts';
import './split-pane.ts';
import { viewStyles } from './styles.ts';
import { BesideEvents } from './trace-beside.ts';
import { argumentsNote, traceHeading } from './trace-heading.ts';
import './trace-list.ts';
import { traceRows, traceToolbar } from './trace-rows.ts';
import { nextSort, type TraceColumn, type TraceSort } from './trace-sort.ts';
import { traceStyles } from './trace-styles.ts';
import './trace-tally.ts';
import { readTraceMessage, readTraceState, type TraceState } from './trace-messages.ts';
import type { TallyChoice } from './trace-tally.ts';
import { connect } from './vscode-api.ts';

/** Milliseconds that a chosen row must stay chosen before its stack is asked for: a held arrow key asks once. */
const SELECT_DELAY = 60;

/** Milliseconds that a page waits for what it shows before it asks for it. */
const FILL_DELAY = 50;

export class TraceView extends RowsView<TraceRow> {
  static override styles = [viewStyles, traceStyles];

  readonly #host = connect<ToTraceView, FromTraceView, TraceState>(
    { message: readTraceMessage, state: readTraceState },
    (message) => this.#receive(message),
  );
  protected override readonly stream = traceRows((refiltered) => this.draw(refiltered));
  /** What was remembered; the first reset says whether it is of the same session. */
  readonly #first = this.#host.load();
  #saved: TraceState | null = this.#first;
  #isFilled = false;
  #title = '';
  #target = '';
  #argumentsKnown = '';
  #state: TraceStatus = { text: '', running: false, isError: false, waiting: '', alternatives: [] };
  protected override follow = this.#first.follow;
  #split = this.#first.split;
  #sort = this.#first.sort;
  readonly #sorted = new SortedStream(() => this.stream.schedule());
  #kind: TraceKind = 'calls';
  #hasProgram = false;
  /** Functions that calls came of. */
  readonly #functions = new Set<string>();
  #losses: { readonly text: string; readonly title: string } = { text: '', title: '' };
  #tally: readonly TallyView[] = [];
  #isKept = false;
  readonly #beside = new BesideEvents(
    this,
    (message) => this.#host.post(message),
    () => this.list?.focus(),
  );
  #asking: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.stream.filterText = this.#first.filter;
  }

  override firstUpdated(): void {
    // What a new page shows is on its way; one that comes back asks for it.
    setTimeout(() => {
      if (!this.#isFilled) {
        this.#host.post({ type: 'ready' });
      }
    }, FILL_DELAY);
  }

  override render(): TemplateResult {
    // Nothing came and nothing will: the reason is all there is to show.
    const refused = this.#state.isError && !this.#state.running && this.stream.store.total === 0;
    const heading = {
      title: this.#title,
      target: this.#target,
      state: this.#state,
      losses: this.#losses,
      hasProgram: this.#hasProgram,
      isRefused: refused,
    };
    return html`${traceHeading(heading, (message) => this.#host.post(message))}
      ${
        refused
          ? html`<zs-refusal
              .text=${this.#state.text}
              .alternatives=${this.#state.alternatives}
              @alternative-choose=${(event: CustomEvent<number>) =>
                this.#host.post({ type: 'traceInstead', index: event.detail })}
            ></zs-refusal>`
          : KINDS[this.#kind].how === 'tally'
            ? this.#renderTally()
            : this.#renderEvents()
      }`;
  }

  #renderTally(): TemplateResult {
    const waiting = `Waiting for the first call… ${inert(this.#state.waiting)}`.trim();
    if (this.#kind === 'callers') {
      return html`<div class="alone">${this.#beside.renderTree(this.#kind, this.#state.running ? waiting : 'No call was counted.')}</div>`;
    }
    const bars = html`<zs-trace-tally
      slot="first"
      .functions=${this.#tally}
      .emptyText=${this.#state.running ? waiting : 'No call was counted.'}
      @tally-choose=${(event: CustomEvent<TallyChoice>) => {
        this.#beside.clear();
        this.#host.post({ type: 'selectTally', ...event.detail });
      }}
    ></zs-trace-tally>`;
    if (this.#kind !== 'stacks') {
      return html`<div class="alone">${bars}</div>`;
    }
    return html`<zs-split-pane .share=${this.#split} @split-change=${this.#onSplit}>
      ${bars} ${this.#beside.renderStack('Choose a row to see its stack.')}
    </zs-split-pane>`;
  }

  #renderEvents(): TemplateResult {
    return html`${argumentsNote(this.#argumentsKnown)}
      ${this.renderToolbar(traceToolbar, '', !this.#isKept)}
      <zs-split-pane .share=${this.#split} @split-change=${this.#onSplit}>
        <zs-trace-list
          slot="first"
          .label=${'Events'}
          .returns=${KINDS[this.#kind].returns}
          .timed=${KINDS[this.#kind].timed}
          .single=${this.#functions.size < 2}
          .emptyText=${this.#emptyText()}
          .sort=${this.#sort}
          .source=${this.#sort === null ? this.stream.store : this.#sorted.rows}
          @sort-choose=${(event: CustomEvent<TraceColumn>) => this.#sortBy(nextSort(this.#sort, event.detail))}
          @active-change=${() => this.#ask(SELECT_DELAY)}
          @row-open=${() => this.#beside.focus()}
          @follow-change=${this.#onFollow}
          @keydown=${this.onListKeyDown}
        ></zs-trace-list>
        ${
          this.#kind === 'graph'
            ? this.#beside.renderTree(
                this.#kind,
                this.list?.activeId == null ? 'Choose a call to see its graph.' : 'Reading the call graph…',
              )
            : this.#beside.renderStack(this.#stackMessage())
        }
      </zs-split-pane>`;
  }

  #emptyText(): string {
    if (this.stream.store.total > 0) {
      return 'No event passes the filter.';
    }
    return this.#state.running ? `Waiting for the first call… ${inert(this.#state.waiting)}`.trim() : '';
  }

  #stackMessage(): string {
    if (this.#beside.hasStack) {
      return 'This event has no stack.';
    }
    return this.list?.activeId == null ? 'Choose an event to see its stack.' : 'Reading the stack…';
  }

  /** @param sort null for the order in which the calls came */
  #sortBy(sort: TraceSort | null): void {
    this.#sort = sort;
    this.#sorted.expire();
    if (sort === null) {
      this.list?.revealActive();
    } else {
      // The newest calls are anywhere.
      this.setFollow(false);
      this.#sorted.draw(this.stream.store, sort, true);
      const { list } = this;
      if (list !== null) {
        list.source = this.#sorted.rows; // Before it scrolls: a list stays with the row that it last showed at the top.
        list.scrollToTop();
      }
    }
    this.save();
    this.stream.schedule();
    this.requestUpdate();
  }

  /** Who follows the newest calls wants them in the order in which they came. */
  protected override setFollow(on: boolean): void {
    super.setFollow(on);
    if (on && this.#sort !== null) {
      this.#sortBy(null);
    }
  }

  protected override draw(refiltered: boolean): void {
    if (this.#sort !== null) {
      this.#sorted.draw(this.stream.store, this.#sort, refiltered);
    }
    super.draw(refiltered);
  }

  protected override get list() {
    return this.renderRoot.querySelector('zs-trace-list');
  }

  #receive(message: ToTraceView): void {
    switch (message.type) {
      case 'reset':
        this.#isFilled = true;
        this.#target = message.target;
        this.#kind = message.kind;
        this.#hasProgram = message.hasProgram;
        this.#isKept = message.isKept;
        this.#reset(message.title, message.argumentsKnown);
        break;
      case 'about':
        this.#argumentsKnown = message.argumentsKnown;
        this.requestUpdate();
        break;
      case 'tally':
        this.#tally = message.functions;
        this.requestUpdate();
        break;
      case 'losses':
        this.#losses = message;
        this.requestUpdate();
        break;
      case 'rows':
        this.#append(message.rows);
        break;
      case 'state':
        this.#state = message;
        this.requestUpdate();
        break;
      case 'stack':
        if (this.#isWanted(message.id)) {
          this.#beside.showStack(message);
        }
        break;
      case 'tree':
        if (this.#isWanted(message.id)) {
          this.#beside.showTree(message, KINDS[this.#kind].how === 'event');
        }
        break;
    }
  }

  /** The first reset of the page brings back what was remembered of the same session; others forget it. */
  #reset(title: string, argumentsKnown: string): void {
    const saved = this.#saved?.title === title ? this.#saved : null;
    this.#saved = null;
    this.#sort = saved?.sort ?? null;
    this.#title = title;
    this.#argumentsKnown = argumentsKnown;
    this.#losses = { text: '', title: '' };
    this.#tally = [];
    this.#functions.clear();
    this.#beside.clear();
    if (this.#isKept) {
      this.follow = false; // It is read from its beginning.
    }
    this.restart(saved);
    if (saved?.active != null) {
      this.#ask(0);
    }
    this.save();
    this.requestUpdate();
  }

  #append(rows: readonly TraceRow[]): void {
    this.stream.append(rows);
    for (const row of rows) {
      if (row.kind === 'call') {
        this.#functions.add(row.function);
      }
    }
    const list = this.list;
    const first = rows.find((row) => row.kind === 'call');
    if (list !== null && list.activeId === null && first !== undefined) {
      list.activeId = first.id;
      this.#ask(0);
    }
  }

  /** Asks for the stack of the chosen row once it has stayed chosen for a while (milliseconds). */
  #ask(delay: number): void {
    clearTimeout(this.#asking);
    this.#asking = setTimeout(() => {
      const id = this.list?.activeId ?? null;
      if (id !== null && !this.#beside.isOf(id)) {
        this.#beside.clear();
        if (this.list?.activeRow?.kind === 'loss') {
          // What was lost has no stack that could be asked for.
          this.#beside.showStack({ id, lines: [], resolving: false });
        } else {
          this.#host.post({ type: 'select', id });
        }
        this.save();
      }
    }, delay);
  }

  /** Whether what comes for an event is still wanted: another one may be chosen by now. */
  #isWanted(id: number): boolean {
    return KINDS[this.#kind].how !== 'event' || id === this.list?.activeId;
  }

  protected override save(): void {
    this.#host.save({
      ...this.listState,
      title: this.#title,
      split: this.#split,
      sort: this.#sort,
    });
  }

  #onSplit(event: Event): void {
    if (event.target instanceof HTMLElement && 'share' in event.target) {
      this.#split = Number(event.target.share);
      this.save();
    }
  }

  #onFollow(): void {
    const { list } = this;
    if (list !== null && this.#sort !== null) {
      list.follow = false; // The end of the list is not where new calls come.
    } else {
      this.setFollow(list?.follow ?? true);
    }
  }
}

showView('zs-trace', TraceView);
