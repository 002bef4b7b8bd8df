import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import { inert } from '../../core/text/inert.ts';
import { parseDbgmsgLine, parseDbgmsgSource } from '../../core/zfs/dbgmsg.ts';
import { firstUnread } from '../../core/zfs/dbgmsg-overlap.ts';
import {
  DBGMSG_ROWS_KEPT,
  type DbgmsgRow,
  type FromDbgmsgView,
  type ToDbgmsgView,
} from '../../protocol/dbgmsg-view.ts';
import { sourceReferenceRequest } from '../../protocol/server.ts';
import type { DbgmsgEvent } from '../../target/collectors/dbgmsg.ts';
import type { Connection, RunningStream } from '../../target/connection.ts';
import { type FailureFunnel, sentenceOf } from '../failures.ts';
import { views } from '../ids.ts';
import { inParts, Newest } from '../newest.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { SourceOpener } from '../source/open-place.ts';
import { targetModule } from '../targets/lazy-target.ts';
import type { TargetService } from '../targets/target-service.ts';
import type { Context } from '../vscode-table.ts';
import { webviewHtml, webviewRoot, webviewScript } from '../webview-html.ts';
import { readDbgmsgMessage } from '../webview-messages.ts';

/** Rows sent to the page in one message: small enough that it stays responsive between two. */
const BATCH = 2000;

/** Between two looks for a module that is not loaded, in ms. */
const RETRY_MS = 5000;

/**
 * The dbgmsg of the active target in the bottom panel. Reading starts when the view is first shown
 * and goes on while the connection stands, also while the panel is hidden, so that nothing is
 * missed; the rows are kept here and sent again when the page is made anew.
 */
export class DbgmsgView implements vscode.WebviewViewProvider, Disposable {
  readonly #listeners: vscode.Disposable;
  #view: vscode.WebviewView | null = null;
  #ready = false;
  #connection: Connection | null = null;
  #stream: RunningStream | null = null;
  readonly #rows = new Newest<DbgmsgRow>(DBGMSG_ROWS_KEPT);
  /** Whose rows these are. */
  #shown: { readonly alias: string; readonly bootId: string } | null = null;
  /** The first row of what the kernel may still hold. */
  #since = 0;
  #retry: NodeJS.Timeout | undefined;
  #status = { text: '', isError: false };

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly targets: TargetService,
    private readonly server: LazyServer,
    private readonly opener: SourceOpener,
    private readonly context: Context,
    private readonly funnel: FailureFunnel,
  ) {
    this.#listeners = vscode.Disposable.from(
      vscode.window.registerWebviewViewProvider(views.dbgmsg, this),
      targets.onActiveChange(() => this.#follow()),
    );
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.#view = view;
    this.#ready = false;
    view.webview.onDidReceiveMessage((message: unknown) => {
      const known = readDbgmsgMessage(message);
      if (known !== null) {
        this.funnel.guard('Showing a dbgmsg line', () => this.#receive(known));
      }
    });
    view.onDidChangeVisibility(() => this.context.set('zscope.dbgmsgVisible', view.visible));
    view.onDidDispose(() => {
      this.#view = null;
      this.#ready = false;
      this.context.set('zscope.dbgmsgVisible', false);
    });
    view.webview.options = { enableScripts: true, localResourceRoots: [webviewRoot(this.extensionUri)] };
    view.webview.html = webviewHtml(view.webview, this.extensionUri, {
      script: 'dbgmsg',
      title: 'dbgmsg',
      nonce: randomBytes(16).toString('hex'),
      source: webviewScript(this.extensionUri, 'dbgmsg'),
    });
    this.context.set('zscope.dbgmsgVisible', view.visible);
    this.#follow();
  }

  focusFilter(): void {
    this.#view?.show(false);
    this.#post({ type: 'focusFilter' });
  }

  async #receive(message: FromDbgmsgView): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.#ready = true;
        this.#sendAll();
        break;
      case 'open':
        await this.#open(message.source);
        break;
    }
  }

  async #open(text: string): Promise<void> {
    const source = parseDbgmsgSource(text);
    const place =
      source === null
        ? null
        : await this.server.request(sourceReferenceRequest, {
            path: source.path,
            line: source.line,
            function: source.function,
          });
    if (place === null) {
      throw new Failure(
        'no-source',
        `${inert(text)} is not in this workspace.`,
        'Open the source folder of the module that runs on the target.',
      );
    }
    await this.opener.open(place, { preserveFocus: false });
  }

  /** Reads from the active target, once somebody looked at the view. */
  #follow(): void {
    const connection = this.targets.connection;
    if (this.#view === null) {
      // The person took the view away; when it comes back it reads what is then the active target.
      if (connection !== this.#connection) {
        this.#connection = null;
        this.#stop();
      }
      return;
    }
    if (connection === null) {
      const target = this.targets.active;
      this.#say(
        target === null
          ? 'Connect to a target to read its dbgmsg.'
          : target.state === 'connecting'
            ? `Connecting to ${target.entry.alias}...`
            : `${target.entry.alias} is not connected; its row under Targets says why.`,
        false,
      );
      this.#connection = null;
      this.#stop();
      return;
    }
    if (connection !== this.#connection) {
      this.#stop();
      this.#connection = connection;
      this.#begin(connection);
      void this.#read(connection);
    }
  }

  /**
   * The rows of another target go. What the kernel holds comes again with every connection: those that are
   * shown go on after a gap. After a reboot nothing can come twice: the last lines of the kernel that went stay.
   */
  #begin(connection: Connection): void {
    const alias = this.targets.active?.entry.alias ?? '';
    const { bootId } = connection.facts;
    if (this.#shown?.alias === alias) {
      if (this.#shown.bootId !== bootId) {
        this.#add([{ kind: 'gap', why: `${alias} was rebooted here; its last lines may be missing.` }]);
        this.#since = this.#rows.end;
      }
    } else {
      this.#rows.clear();
      this.#since = this.#rows.end;
      this.#post({ type: 'reset', target: alias });
    }
    this.#shown = { alias, bootId };
  }

  /** Looks again after a while: the module may be loaded by then. */
  #readLater(connection: Connection): void {
    this.#retry = setTimeout(() => {
      if (this.#connection === connection) {
        void this.#read(connection);
      }
    }, RETRY_MS);
  }

  async #read(connection: Connection): Promise<void> {
    if (!this.#status.isError) {
      this.#say('Reading dbgmsg...', false);
    }
    let absent = false;
    try {
      // Looked through only when something has come: an absent module is asked for again and again.
      const goesOn = (held: readonly string[]) => firstUnread(this.#known(), held.map(keyOf));
      const resume = this.#rows.end === this.#since ? null : goesOn;
      const { dbgmsg } = targetModule();
      const stream = await connection.stream(dbgmsg, resume, {
        events: (batch) => {
          if (this.#connection === connection) {
            absent = batch.some(({ kind }) => kind === 'failure');
            this.#add(batch);
            if (!absent) {
              this.#say('', false);
            }
          }
        },
      });
      if (this.#connection !== connection) {
        stream.dispose();
        return;
      }
      this.#stream = stream;
      if (!this.#status.isError) {
        this.#say('', false);
      }
      const end = await stream.ended;
      if (this.#connection === connection && end.reason === 'finished') {
        if (absent) {
          this.#readLater(connection);
        } else {
          this.#say(`Reading dbgmsg ended: ${inert(end.stderr, 500) || `status ${end.status}`}`, true);
        }
      }
    } catch (error) {
      if (this.#connection === connection) {
        this.funnel.note(error, 'Reading dbgmsg');
        this.#say(sentenceOf(error), true);
      }
    }
  }

  /** The rows of this boot, to know their lines again. */
  #known(): string[] {
    return this.#rows.items
      .slice(Math.max(0, this.#since - this.#rows.first))
      .filter(({ kind }) => kind === 'message')
      .map(rowKey);
  }

  #add(events: readonly DbgmsgEvent[]): void {
    // Asked again and again while the module is absent: that is said above the rows, once.
    const absent = events.find((event) => event.kind === 'failure');
    if (absent !== undefined) {
      this.#say(absent.sentence, true);
    }
    const rows = events
      .filter((event) => event.kind !== 'failure')
      .map((event, i) => rowOf(event, this.#rows.end + i));
    this.#rows.push(rows);
    this.#send(rows);
  }

  #sendAll(): void {
    this.#post({ type: 'reset', target: this.#shown?.alias ?? '' });
    this.#send(this.#rows.items);
    this.#post({ type: 'status', ...this.#status });
  }

  #send(rows: readonly DbgmsgRow[]): void {
    for (const part of inParts(rows, BATCH)) {
      this.#post({ type: 'rows', rows: part });
    }
  }

  #say(text: string, isError: boolean): void {
    if (text !== this.#status.text || isError !== this.#status.isError) {
      this.#status = { text, isError };
      this.#post({ type: 'status', text, isError });
    }
  }

  #post(message: ToDbgmsgView): void {
    if (this.#ready) {
      void this.#view?.webview.postMessage(message);
    }
  }

  #stop(): void {
    clearTimeout(this.#retry);
    this.#stream?.dispose();
    this.#stream = null;
  }

  dispose(): void {
    this.#connection = null;
    this.#stop();
    this.#listeners.dispose();
  }
}

function rowOf(event: Exclude<DbgmsgEvent, { kind: 'failure' }>, id: number): DbgmsgRow {
  switch (event.kind) {
    case 'line':
      return { id, kind: 'message', ...lineParts(event.text) };
    case 'gap':
      return { id, kind: 'gap', time: '', source: '', text: event.why };
  }
}

type LineParts = Pick<DbgmsgRow, 'time' | 'source' | 'text'>;

function lineParts(line: string): LineParts {
  const { time, source, text } = parseDbgmsgLine(line);
  return { time: time === null ? '' : clock(time), source: source?.text ?? '', text: inert(text) };
}

function rowKey({ time, source, text }: LineParts): string {
  return `${time} ${source} ${text}`;
}

/** The same of a line as of the row that it was made to. */
const keyOf = (line: string) => rowKey(lineParts(line));

/** `hh:mm:ss` of seconds since the epoch, in the local time zone. */
function clock(seconds: number): string {
  const date = new Date(seconds * 1000);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}
