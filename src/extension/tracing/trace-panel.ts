import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { type Disposable, Lifetime } from '../../core/lifetime.ts';
import { inert } from '../../core/text/inert.ts';
import { treeBelow, treeOfCallers } from '../../core/tracing/call-tree.ts';
import {
  MOST_BELOW,
  type TraceCounters,
  type TraceEvent,
  type TraceTally,
} from '../../core/tracing/events.ts';
import type { TraceKind } from '../../core/tracing/kinds.ts';
import type { SessionFunction } from '../../core/tracing/sessions/session.ts';
import type { FromTraceView, ToTraceView, TraceRow, TraceStatus } from '../../protocol/trace-view.ts';
import type { Connection } from '../../target/connection.ts';
import type { FailureFunnel } from '../failures.ts';
import type { Newest } from '../newest.ts';
import type { FrameOpener } from '../source/open-frame.ts';
import type { PlaceService } from '../source/place-service.ts';
import type { RunningBuilds } from '../source/running-builds.ts';
import { openProgram } from '../tracers/open-program.ts';
import { webviewHtml, webviewRoot, webviewScript } from '../webview-html.ts';
import { readTraceMessage } from '../webview-messages.ts';
import { EventSender } from './event-sender.ts';
import { LinesBeside } from './lines-beside.ts';
import { stackKey, tallyView } from './tally-view.ts';
import type { SessionListener } from './trace-session.ts';
import { conditionsText, lossRowText, lossText, returnedText } from './trace-texts.ts';

/** A session as a view shows it: one that runs or ran in this window, or one that was kept. */
export interface ShownSession extends Disposable {
  /** Null where its target is not at hand. */
  readonly connection: Connection | null;
  /** Builds that its stacks are of; those that the connection's target runs unless given. */
  readonly builds?: RunningBuilds;
  /** What is traced, and which calls. */
  readonly functions: readonly SessionFunction[];
  readonly events: Pick<Newest<TraceEvent>, 'items' | 'first' | 'at'>;
  /** Over which an event came; null as {@link connection}. */
  connectionOf(index: number): Connection | null;
  readonly tallies: readonly TraceTally[];
  readonly counters: TraceCounters | null;
  readonly lost: number;
  /** What runs on the target, for a person to read; empty when it is not known. */
  readonly program: string;
  listen(listener: SessionListener): Disposable;
}

/** What a trace view says of its session. */
export interface TraceHeading {
  /** Symbol that is traced. */
  readonly symbol: string;
  /** The target's name. */
  readonly target: string;
  /** Why arguments are not shown; empty when they are. */
  readonly argumentsKnown: string;
  readonly kind: TraceKind;
}

/** Where a tab opens, and whether what has the focus keeps it. */
export interface TabPlace {
  readonly viewColumn: vscode.ViewColumn;
  readonly preserveFocus: boolean;
}

/** The view of one trace session, beside the code, from when it is opened. Closing it ends the session. */
export class TracePanel implements Disposable {
  readonly #lifetime = new Lifetime();
  readonly #closed = this.#lifetime.add(new vscode.EventEmitter<void>());
  readonly #instead = this.#lifetime.add(new vscode.EventEmitter<number>());
  /** Null before it is opened. */
  #panel: vscode.WebviewPanel | null = null;
  #state: TraceStatus = { text: 'Starting...', running: true, isError: false, waiting: '', alternatives: [] };
  readonly #beside: LinesBeside;
  #firstTime: number | null = null;
  readonly #sender: EventSender<TraceEvent>;
  #names = false;
  /** Counts the rows of sums that were chosen. */
  #chosen = 0;
  /** The counters that came with the sums that were sent last. */
  #sums: unknown = null;
  #losses = '';
  readonly onClose: vscode.Event<void>;
  /** The person chose to trace the alternative with this index instead. */
  readonly onTraceInstead: vscode.Event<number>;

  /** The editor column it is in; undefined while it is in a window of its own, not open yet, or gone. */
  get column(): vscode.ViewColumn | undefined {
    return this.#lifetime.ended ? undefined : this.#panel?.viewColumn;
  }

  constructor(
    private readonly extensionUri: vscode.Uri,
    readonly heading: TraceHeading,
    private readonly session: ShownSession,
    places: PlaceService,
    frames: FrameOpener,
    private readonly funnel: FailureFunnel,
    private readonly where: TabPlace,
  ) {
    this.#beside = new LinesBeside(session, places, frames, (message) => this.#post(message));
    this.onClose = this.#closed.event;
    this.onTraceInstead = this.#instead.event;
    this.#sender = this.#lifetime.add(
      new EventSender(
        () => session.events,
        (batch, from) =>
          this.#post({ type: 'rows', rows: batch.map((event, i) => this.#row(event, from + i)) }),
      ),
    );
    this.#lifetime.add(
      session.listen(() => {
        this.#beside.noteBuilds();
        if (this.#panel !== null) {
          this.#sender.send();
          this.#sendSums();
        }
      }),
    );
  }

  /** Makes the tab, with all that there is by now. */
  open(): void {
    if (this.#panel !== null || this.#lifetime.ended) {
      return;
    }
    const panel = vscode.window.createWebviewPanel('zscope.trace', this.#title, this.where, {
      enableScripts: true,
      localResourceRoots: [webviewRoot(this.extensionUri)],
    });
    this.#panel = panel;
    panel.iconPath = new vscode.ThemeIcon('pulse');
    panel.onDidDispose(() => this.dispose());
    panel.webview.onDidReceiveMessage((message: unknown) => {
      const known = readTraceMessage(message);
      if (known !== null) {
        this.funnel.guard('Showing a traced call', () => this.#receive(known));
      }
    });
    panel.webview.html = webviewHtml(panel.webview, this.extensionUri, {
      script: 'trace',
      title: this.#title,
      nonce: randomBytes(16).toString('hex'),
      source: webviewScript(this.extensionUri, 'trace'),
    });
    // VS Code keeps it until the page is there; one that it did not get asks for it.
    this.#fill();
  }

  /** Shows how the session stands by now; what is not given stays as it was. */
  update(change: Partial<TraceStatus>): void {
    this.#state = { ...this.#state, ...change };
    this.#post({ type: 'state', ...this.#state });
  }

  /** Whether the tab says which target it is of: needed as soon as there are several. */
  set namesTarget(names: boolean) {
    this.#names = names;
    const title = this.#title;
    if (this.#panel !== null && !this.#lifetime.ended && this.#panel.title !== title) {
      this.#panel.title = title;
    }
  }

  /** The functions, and where it has to be said, the target. */
  get #title(): string {
    const more = this.session.functions.length - 1;
    const target = this.#names ? ` (${this.heading.target})` : '';
    return `Trace ${this.heading.symbol}${more > 0 ? ` +${more}` : ''}${target}`;
  }

  /** Shows that more functions are traced. */
  renamed(): void {
    this.namesTarget = this.#names;
    this.#post({ type: 'about', argumentsKnown: this.#about });
  }

  /** Brings it to the front. */
  reveal(): void {
    this.open();
    if (!this.#lifetime.ended) {
      this.#panel?.reveal(undefined, true);
    }
  }

  /** Sends the page all that it shows. */
  #fill(): void {
    this.#post({
      type: 'reset',
      title: `Trace ${this.heading.symbol}`,
      target: this.heading.target,
      argumentsKnown: this.#about,
      kind: this.heading.kind,
      hasProgram: this.session.program !== '',
      isKept: this.session.connection === null,
    });
    if (this.session.events.first === 0) {
      this.#firstTime = null;
    }
    this.#sender.restart();
    this.#sums = null;
    this.#losses = '';
    this.#sendSums();
    this.#post({ type: 'state', ...this.#state });
  }

  async #receive(message: FromTraceView): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.#fill();
        break;
      case 'stop':
        this.session.dispose();
        break;
      case 'copyProgram':
        await vscode.env.clipboard.writeText(this.session.program);
        break;
      case 'openProgram':
        await openProgram(this.session.program);
        break;
      case 'traceInstead':
        this.#instead.fire(message.index);
        break;
      case 'select': {
        const event = this.session.events.at(message.id);
        if (event === undefined) {
          this.#beside.showGone(message.id);
        }
        if (event?.kind === 'call' && event.below !== undefined) {
          const heading = `What this call of ${inert(event.symbol)} called${event.below.length < MOST_BELOW ? '' : `: the first ${MOST_BELOW} calls`}`;
          await this.#beside.showTree(
            message.id,
            heading,
            [treeBelow([event])],
            this.session.connectionOf(message.id),
          );
        } else if (event?.kind === 'call') {
          await this.#beside.showStack(message.id, event.stack, this.session.connectionOf(message.id));
        }
        break;
      }
      case 'selectTally': {
        const tally = this.session.tallies.find(({ symbol }) => symbol === message.symbol);
        const rows = tally?.of === 'stacks' ? tally.rows : [];
        const row = rows.find(({ stack }) => stackKey(stack) === message.key);
        if (row !== undefined) {
          await this.#beside.showStack(++this.#chosen, row.stack);
        }
        break;
      }
      case 'open':
        await this.#beside.open(message.id, message.line);
        break;
    }
  }

  /** What stands above the table: the conditions, and why arguments are not shown. */
  get #about(): string {
    return [conditionsText(this.session.functions), this.heading.argumentsKnown]
      .filter((part) => part !== '')
      .join(' ');
  }

  #sendSums(): void {
    const { tallies, counters } = this.session;
    // The kernel's counters come right behind its sums: one message for both.
    if (tallies.length > 0 && counters !== this.#sums) {
      this.#sums = counters;
      if (this.heading.kind === 'callers') {
        this.funnel.guard('Showing the callers', () => this.#sendCallers());
      } else {
        this.#post({ type: 'tally', functions: tallies.map(tallyView) });
      }
    }
    const losses = lossText(this.session);
    if (losses.text !== this.#losses) {
      this.#losses = losses.text;
      this.#post({ type: 'losses', ...losses });
    }
  }

  async #sendCallers(): Promise<void> {
    const { tallies } = this.session;
    const roots = tallies.map((tally) =>
      tally.of === 'stacks' && tally.hits > 0 ? treeOfCallers(tally.symbol, tally.rows) : null,
    );
    const heading = `Who calls ${tallies
      .map((tally) => tallyView(tally))
      .map(({ symbol, summary }) => `${symbol}: ${summary}`)
      .join('; ')}`;
    await this.#beside.showTree(++this.#chosen, heading, roots);
  }

  #row(event: TraceEvent, id: number): TraceRow {
    if (event.kind === 'loss') {
      if (event.gap === 'reboot') {
        this.#firstTime = null;
      }
      return {
        id,
        kind: 'loss',
        time: '',
        comm: '',
        pid: 0,
        cpu: event.cpu ?? 0,
        function: '',
        arguments: [],
        durationNs: null,
        returned: '',
        failed: false,
        text: lossRowText(event),
      };
    }
    this.#firstTime ??= event.time;
    return {
      id,
      kind: 'call',
      time: (event.time - this.#firstTime).toFixed(6),
      comm: inert(event.comm),
      pid: event.pid,
      cpu: event.cpu,
      function: inert(event.symbol),
      arguments: event.arguments.map(({ name, value }) => ({ name: inert(name), value: inert(value) })),
      durationNs: event.durationNs ?? null,
      returned: inert(returnedText(event)),
      failed: event.returned?.errno != null,
      text: '',
    };
  }

  #post(message: ToTraceView): void {
    if (!this.#lifetime.ended) {
      void this.#panel?.webview.postMessage(message);
    }
  }

  dispose(): void {
    if (!this.#lifetime.ended) {
      this.#closed.fire();
      this.#lifetime.dispose();
      this.#panel?.dispose();
    }
  }
}
