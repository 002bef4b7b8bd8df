import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import { sourceName } from '../../core/stack/frame.ts';
import type { Parameter } from '../../core/symbols/location.ts';
import { inert } from '../../core/text/inert.ts';
import type { TraceRefused } from '../../core/tracing/events.ts';
import { whyNot } from '../../core/tracing/why-not.ts';
import { callersRequest, definitionsRequest, functionAtRequest } from '../../protocol/server.ts';
import { explainUntraceable } from '../../target/collectors/explain-untraceable.ts';
import type { TraceParams } from '../../target/collectors/trace-function.ts';
import type { Connection, StreamEnd } from '../../target/connection.ts';
import { type FailureFunnel, isCancelled, sentenceOf } from '../failures.ts';
import type { FrameNode } from '../hung-tasks/task-nodes.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { SourceOpener } from '../source/open-place.ts';
import type { PlaceService } from '../source/place-service.ts';
import type { TargetService } from '../targets/target-service.ts';
import { type Context, setting } from '../vscode-table.ts';
import { TracePanel } from './trace-panel.ts';
import { TraceSession } from './trace-session.ts';

/** What is to be traced: a symbol of the running kernel, and what its source says of it. */
interface Subject {
  /** Symbol, with its clone suffix when it was chosen from a frame. */
  readonly symbol: string;
  readonly module: string | null;
  /** The signature's parameters; null when no source of it is open. */
  readonly parameters: readonly Parameter[] | null;
}

/** Runs trace sessions: at most one view each, all ended when this is disposed. */
export class Tracing implements Disposable {
  readonly #open = new Set<{ session: TraceSession; panel: TracePanel }>();
  #running = 0;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly targets: TargetService,
    private readonly server: LazyServer,
    private readonly places: PlaceService,
    private readonly opener: SourceOpener,
    private readonly context: Context,
    private readonly funnel: FailureFunnel,
  ) {}

  /** Traces what the cursor or the chosen frame means; asks for a name when neither means one. */
  async trace(node: unknown): Promise<void> {
    const connection = this.targets.connection;
    if (connection === null) {
      throw new Failure(
        'bad-request',
        'No target is connected.',
        'Connect to the machine that runs ZFS first: ZScope: Connect to Target...',
      );
    }
    const subject = isFrameNode(node) ? await this.#fromFrame(node) : await this.#fromEditor();
    await this.#start(connection, subject);
  }

  /** Stops every session; their views stay. */
  stopAll(): void {
    for (const { session } of this.#open) {
      session.dispose();
    }
  }

  async #fromFrame({ frame, place }: FrameNode): Promise<Subject> {
    const symbol = place.inlined ? place.function : frame.symbol;
    return {
      symbol,
      module: place.inlined ? null : frame.module,
      parameters: await this.#parameters(sourceName(symbol)),
    };
  }

  async #fromEditor(): Promise<Subject> {
    const editor = vscode.window.activeTextEditor;
    // By name, not by language: VS Code takes headers for C++.
    if (editor?.document.uri.scheme === 'file' && /\.[ch]$/.test(editor.document.uri.path)) {
      const { line, character } = editor.selection.active;
      const definition = await this.server.request(functionAtRequest, {
        uri: editor.document.uri.toString(),
        line,
        character,
      });
      if (definition !== null) {
        return { symbol: definition.name, module: null, parameters: definition.parameters };
      }
    }
    const symbol = await vscode.window.showInputBox({
      title: 'Trace which function?',
      placeHolder: 'zil_commit',
      prompt: 'The cursor is in no C function. Name a function of the running kernel or its modules.',
      validateInput: (text) =>
        /^[A-Za-z_][\w.$]*$/.test(text.trim()) ? null : 'A function name: letters, digits, _ and .',
    });
    if (symbol === undefined) {
      throw new vscode.CancellationError();
    }
    return {
      symbol: symbol.trim(),
      module: null,
      parameters: await this.#parameters(sourceName(symbol.trim())),
    };
  }

  async #parameters(name: string): Promise<readonly Parameter[] | null> {
    const [definition] = await this.server.request(definitionsRequest, { name });
    return definition?.parameters ?? null;
  }

  async #start(connection: Connection, subject: Subject): Promise<void> {
    const params: TraceParams = {
      ...subject,
      machine: connection.facts.machine,
      maxEvents: setting('zscope.trace.maxEvents'),
      maxSeconds: setting('zscope.trace.maxSeconds'),
      sessionId: randomBytes(4).toString('hex'),
    };
    const session = new TraceSession(connection, params);
    const panel = new TracePanel(
      this.extensionUri,
      `Trace ${subject.symbol}`,
      argumentsKnown(subject),
      session,
      this.places,
      this.opener,
      this.funnel,
      this.#column(),
    );
    const entry = { session, panel };
    this.#open.add(entry);
    panel.onClose(() => {
      session.dispose();
      this.#open.delete(entry);
    });
    this.#count(1);
    try {
      await this.#follow(connection, subject, session, panel);
    } finally {
      this.#count(-1);
    }
  }

  async #follow(
    connection: Connection,
    subject: Subject,
    session: TraceSession,
    panel: TracePanel,
  ): Promise<void> {
    const running = session.listen(() => {
      if (session.started !== null) {
        panel.state = { text: startedText(session), running: true, isError: false };
        running.dispose();
      }
    });
    try {
      const end = await session.run();
      if (session.refused !== null) {
        await this.#explain(connection, subject, panel, session.refused);
      } else {
        panel.state = { running: false, isError: end.reason === 'lost', text: endText(session, end) };
      }
    } catch (error) {
      if (!isCancelled(error)) {
        panel.state = { text: sentenceOf(error), running: false, isError: true };
      }
      throw error;
    } finally {
      running.dispose();
    }
  }

  /** Says why a function cannot be traced, and offers what can be traced in its place. */
  async #explain(
    connection: Connection,
    subject: Subject,
    panel: TracePanel,
    refused: TraceRefused,
  ): Promise<void> {
    if (refused.reason !== 'no-probe' && refused.reason !== 'no-enable') {
      panel.state = { text: refused.why, running: false, isError: true };
      throw new Failure(refused.reason === 'no-tracefs' ? 'no-tracefs' : 'not-traceable', refused.why);
    }
    panel.state = {
      text: `Cannot trace ${subject.symbol}; looking for the reason...`,
      running: false,
      isError: true,
    };
    const name = sourceName(subject.symbol);
    const definitions = await this.server.request(definitionsRequest, { name });
    const callers = await this.#callers(name);
    const facts = await connection.run(explainUntraceable, { names: [name, ...callers.flat()] });
    const verdict = whyNot({
      symbol: subject.symbol,
      inSource: definitions.length > 0,
      callers,
      refusal: refused.why,
      facts,
    });
    panel.state = { text: verdict.sentence, running: false, isError: true };
    if (verdict.suggestions.length === 0) {
      throw new Failure('not-traceable', verdict.sentence);
    }
    const chosen = await vscode.window.showQuickPick(
      verdict.suggestions.map((suggestion) => ({
        label: suggestion.symbol,
        description: `${suggestion.kind === 'clone' ? `compiled form of ${name}` : `calls ${name}`}${suggestion.module === null ? '' : ` [${suggestion.module}]`}`,
        suggestion,
      })),
      { title: verdict.sentence, placeHolder: 'Trace one of these instead', ignoreFocusOut: true },
    );
    if (chosen !== undefined) {
      panel.dispose();
      const { symbol, module } = chosen.suggestion;
      await this.#start(connection, {
        symbol,
        module,
        parameters: await this.#parameters(sourceName(symbol)),
      });
    }
  }

  /** Where trace views already are, else beside the code, else where there is room. */
  #column(): vscode.ViewColumn {
    for (const { panel } of this.#open) {
      if (panel.column !== undefined) {
        return panel.column;
      }
    }
    return vscode.window.activeTextEditor === undefined ? vscode.ViewColumn.Active : vscode.ViewColumn.Beside;
  }

  /** Callers by the source, generation by generation: a caller may have been inlined itself. */
  async #callers(name: string): Promise<string[][]> {
    const generations: string[][] = [];
    const seen = new Set([name]);
    let names = [name];
    for (let depth = 0; depth < 3 && names.length > 0 && seen.size < 500; depth++) {
      const found = await Promise.all(
        names.map((callee) => this.server.request(callersRequest, { name: callee })),
      );
      names = [...new Set(found.flat().map((caller) => caller.name))].filter((caller) => !seen.has(caller));
      for (const caller of names) {
        seen.add(caller);
      }
      generations.push(names);
    }
    return generations;
  }

  #count(change: 1 | -1): void {
    this.#running += change;
    this.context.set('zscope.tracing', this.#running > 0);
  }

  dispose(): void {
    for (const { session, panel } of [...this.#open]) {
      session.dispose();
      panel.dispose();
    }
    this.#open.clear();
  }
}

function argumentsKnown(subject: Subject): string {
  if (/\.(isra|part|constprop)\b/.test(subject.symbol)) {
    return `${subject.symbol} is a form the compiler changed: where its arguments are is not known.`;
  }
  return subject.parameters === null
    ? 'No source of this function is open: its arguments are not known.'
    : '';
}

function startedText(session: TraceSession): string {
  return session.started?.withArguments === false && session.params.parameters !== null
    ? 'Tracing; the kernel took the probe only without arguments'
    : 'Tracing';
}

function endText(session: TraceSession, end: StreamEnd): string {
  switch (end.reason) {
    case 'lost':
      return 'The connection was lost; the target removes the probe by itself within 25 seconds.';
    case 'stopped':
      return stoppedText(end);
    case 'finished':
      if (session.limit !== null) {
        return session.limit.of === 'events'
          ? `Ended by itself: the limit of ${session.params.maxEvents} events was reached (zscope.trace.maxEvents).`
          : `Ended by itself: the limit of ${session.params.maxSeconds} seconds was reached (zscope.trace.maxSeconds).`;
      }
      return `Ended by itself with status ${end.status ?? 'unknown'}. ${inert(end.stderr, 500)}`.trim();
  }
}

function stoppedText(end: StreamEnd): string {
  switch (end.cleanUp) {
    case 'confirmed':
      return 'Stopped; nothing is left on the target.';
    case 'failed':
      return `Stopped, but not everything could be removed from the target: ${inert(end.stderr.trim(), 500)}. The next trace tries again.`;
    case 'unknown':
      return 'Stopped; the target did not confirm that the probe is gone. It removes it by itself.';
  }
}

function isFrameNode(node: unknown): node is FrameNode {
  return typeof node === 'object' && node !== null && 'kind' in node && node.kind === 'frame';
}
