import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import { sourceName } from '../../core/stack/frame.ts';
import type { Parameter } from '../../core/symbols/location.ts';
import type { TraceLimit, TraceRefused } from '../../core/tracing/events.ts';
import { ftraceProgram } from '../../core/tracing/ftrace-program.ts';
import { withoutTally } from '../../core/tracing/kinds.ts';
import { programText } from '../../core/tracing/program/program-text.ts';
import { declaredReturn } from '../../core/tracing/return-type.ts';
import type { KernelSymbol } from '../../core/tracing/why-not.ts';
import { definitionsRequest, functionAtRequest } from '../../protocol/server.ts';
import type { TraceParams } from '../../target/collectors/trace-function.ts';
import type { Connection } from '../../target/connection.ts';
import { type FailureFunnel, isCancelled } from '../failures.ts';
import type { HungTasksView } from '../hung-tasks/hung-tasks-view.ts';
import type { FrameNode, TaskNode } from '../hung-tasks/task-nodes.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { FrameOpener } from '../source/open-frame.ts';
import type { PlaceService } from '../source/place-service.ts';
import type { TargetService } from '../targets/target-service.ts';
import type { SessionKeeper } from '../trace-sessions/session-keeper.ts';
import { type Context, setting } from '../vscode-table.ts';
import { chooseKind, conditionError, kindLabel, PLAIN, type TraceChoice } from './choose-kind.ts';
import { explainRefusal } from './explain.ts';
import { NextSession } from './next-session.ts';
import { TraceLenses } from './trace-lens.ts';
import { type TabPlace, TracePanel } from './trace-panel.ts';
import { TraceSession } from './trace-session.ts';
import {
  alternative,
  argumentsKnown,
  endReason,
  endText,
  rateText,
  type Subject,
  startedText,
  waitingText,
} from './trace-texts.ts';
import { TypedFunctions } from './typed-functions.ts';

/** When no call came for so long, it is worth to know whether tasks hang in the function; milliseconds. */
const QUIET_MS = 3000;

/** The machine to trace on, and what a person calls it. */
interface Target {
  readonly connection: Connection;
  readonly alias: string;
}

interface OpenTrace {
  readonly session: TraceSession;
  readonly panel: TracePanel;
}

/** What may be different from a plain trace. */
interface StartOptions {
  readonly where?: TabPlace;
  /** Calls a second above which it asks; 0 for any. */
  readonly maxRate?: number;
  /** Said beside the state: why it is not what was asked for. */
  readonly note?: string;
  /** View in whose place the new one comes, once that is there. */
  readonly replaces?: TracePanel;
}

/** Runs trace sessions: at most one view each, all ended when this is disposed. */
export class Tracing implements Disposable {
  readonly #open = new Set<OpenTrace>();
  readonly #next = new NextSession();
  readonly #typed: TypedFunctions;
  readonly #listeners: vscode.Disposable;
  readonly #lenses: TraceLenses;
  #running = 0;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly targets: TargetService,
    private readonly hungTasks: HungTasksView,
    private readonly server: LazyServer,
    private readonly places: PlaceService,
    private readonly frames: FrameOpener,
    private readonly context: Context,
    private readonly funnel: FailureFunnel,
    /** Keeps the last answers. */
    private readonly memento: vscode.Memento,
    private readonly keeper: SessionKeeper,
  ) {
    this.#typed = new TypedFunctions(server, places);
    this.#lenses = new TraceLenses(server);
    this.#listeners = vscode.Disposable.from(
      this.#lenses,
      targets.onChange(() => {
        this.#nameTargets();
        if (targets.connection !== null) {
          this.#next.prepare(targets.connection);
          this.#typed.warm(targets.connection);
        }
      }),
      this.#next,
      hungTasks.onSnapshot(() => {
        for (const trace of this.#open) {
          this.#sayWhyNone(trace);
        }
      }),
    );
  }

  /**
   * Traces what the cursor or the chosen frame means; asks for a name when the cursor means none.
   * @param node a row; null when one was meant and none is chosen, undefined for the cursor
   */
  async trace(node: unknown): Promise<void> {
    const target = this.#target();
    await this.#start(target, await this.#subject(node), PLAIN);
  }

  /** As {@link trace}, but asks what to find out and which calls are meant. */
  async traceWith(node: unknown): Promise<void> {
    const target = this.#target();
    const subject = await this.#subject(node);
    const params = await this.#params(target, subject, true);
    const running = [...this.#open].filter(
      ({ session }) => session.isRunning && session.connection === target.connection,
    );
    const choice = await chooseKind(
      { ...params, sessionId: 'ask' },
      running.map(({ session }) => session),
      this.memento,
    );
    const joined = running.find(({ session }) => session === choice.join);
    if (joined === undefined) {
      await this.#start(target, subject, choice);
    } else {
      await this.#join(joined, { ...params, condition: choice.condition });
    }
  }

  /** Brings the trace of a function to the front. */
  show(symbol: string): void {
    [...this.#open]
      .reverse()
      .find(({ session }) => session.symbols.includes(symbol))
      ?.panel.reveal();
  }

  #target(): Target {
    const { connection, active } = this.targets;
    if (connection === null || active === null) {
      throw new Failure(
        'bad-request',
        'No target is connected.',
        'Connect to the machine that runs ZFS first: ZScope: Connect to Target...',
      );
    }
    return { connection, alias: active.entry.alias };
  }

  /** Stops every session; their views stay. */
  stopAll(): void {
    for (const { session } of this.#open) {
      session.dispose();
    }
  }

  #subject(node: unknown): Promise<Subject> {
    if (isFrameNode(node)) {
      return this.#fromFrame(node);
    }
    // A file's menu passes its URI: the cursor is meant.
    if (node === null || isTaskNode(node)) {
      throw new Failure(
        'bad-request',
        'No frame is chosen.',
        'Open a stack in Hung Tasks and choose the frame whose function is to be traced.',
      );
    }
    return this.#fromEditor();
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

  /**
   * What to trace, but for the kind and the session.
   * @param seesReturn whether what the function returns matters: it may have to be looked up in the source
   */
  async #params(
    { connection }: Target,
    subject: Subject,
    seesReturn: boolean,
  ): Promise<Omit<TraceParams, 'sessionId'>> {
    const typed = await this.#typed.of(connection, subject.symbol, subject.module);
    return {
      ...subject,
      typed,
      returns: seesReturn && typed === null ? await this.#declared(sourceName(subject.symbol)) : null,
      machine: connection.facts.machine,
      maxEvents: setting('zscope.trace.maxEvents'),
      maxSeconds: setting('zscope.trace.maxSeconds'),
    };
  }

  /** What the open source declares a function to return; null when it does not say. */
  async #declared(name: string): Promise<string | null> {
    const [definition] = await this.server.request(definitionsRequest, { name });
    if (definition === undefined) {
      return null;
    }
    try {
      const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(definition.uri));
      return declaredReturn(document.getText().split(/\r?\n/), definition.line, name);
    } catch {
      return null; // The file is gone since it was indexed.
    }
  }

  async #join({ session, panel }: OpenTrace, params: Omit<TraceParams, 'sessionId'>): Promise<void> {
    const answer = await session.join(params);
    if (answer.kind === 'refused') {
      throw new Failure('not-traceable', answer.why);
    }
    void this.#lenses.add(session, params.symbol);
    panel.renamed();
    panel.reveal();
  }

  async #start(
    target: Target,
    subject: Subject,
    choice: TraceChoice,
    {
      where = this.#where(),
      maxRate = setting('zscope.trace.maxRate'),
      note = '',
      replaces,
    }: StartOptions = {},
  ): Promise<void> {
    const { connection, alias } = target;
    const { kind, condition } = choice;
    const known = await this.#params(target, subject, kind !== 'calls');
    const { typed } = known;
    const asked = { ...known, kind, condition, maxRate };
    ftraceProgram({ ...asked, sessionId: 'ask' }); // What cannot be traced leaves all as it was.
    const params: TraceParams = { ...asked, sessionId: this.#next.take(connection) };
    const session = new TraceSession(connection, params);
    const kept = this.keeper.keep(session, alias);
    const panel = new TracePanel(
      this.extensionUri,
      {
        symbol: subject.symbol,
        target: alias,
        argumentsKnown: typed == null ? argumentsKnown(subject) : '',
        kind,
        program: programText(ftraceProgram(params)),
      },
      session,
      this.places,
      this.frames,
      this.funnel,
      where,
    );
    replaces?.dispose();
    const trace = { session, panel };
    this.#open.add(trace);
    void this.#lenses.add(session, subject.symbol);
    panel.onClose(() => {
      session.dispose();
      this.#lenses.close(session);
      this.#open.delete(trace);
      this.#nameTargets();
    });
    this.#nameTargets();
    this.#sayWhyNone(trace);
    const quiet = setTimeout(() => this.#lookWhyNone(trace), QUIET_MS);
    this.#count(1);
    let isOver = false;
    const over = (reason: string) => {
      if (!isOver) {
        isOver = true;
        clearTimeout(quiet);
        kept.end(reason);
        this.#count(-1);
      }
    };
    try {
      await this.#follow(target, subject, choice, trace, { note, over });
    } catch (error) {
      // The view is where the person looks: it says it, and nothing else does.
      if (!isCancelled(error)) {
        panel.update({ text: this.funnel.note(error, 'Tracing'), running: false, isError: true });
      }
    } finally {
      over(connection.state === 'closed' ? 'lost' : 'stopped');
    }
  }

  /**
   * @param note see StartOptions
   * @param over told how the run ended as soon as it has: a person may take their time to answer what comes then
   */
  async #follow(
    target: Target,
    subject: Subject,
    choice: TraceChoice,
    { session, panel }: OpenTrace,
    { note, over }: { readonly note: string; readonly over: (reason: string) => void },
  ): Promise<void> {
    const running = session.listen(() => {
      if (session.started !== null) {
        const about = choice.kind === 'calls' ? '' : `: ${kindLabel(choice.kind).toLowerCase()}`;
        panel.update({ text: `${startedText(session.started, subject)}${about}${note}` });
        this.#next.prepare(session.connection);
        running.dispose();
      }
    });
    try {
      const end = await session.run();
      over(endReason(end, session.limit));
      if (session.refused?.reason === 'no-tally') {
        const kind = withoutTally(ftraceProgram(session.params));
        const why = `; this kernel cannot sum up by itself, so ${kindLabel(kind).toLowerCase()} are traced`;
        await this.#replace(panel, target, subject, { ...choice, kind }, { note: why });
      } else if (session.refused !== null) {
        await this.#explain(target, subject, panel, session.refused);
      } else {
        const text = endText(end, session.limit, session.params);
        panel.update({ running: false, isError: end.reason === 'lost', text });
        if (session.limit?.of === 'rate') {
          await this.#askWhenHot(target, subject, choice, { session, panel }, session.limit);
        }
      }
    } finally {
      running.dispose();
    }
  }

  /** A function is called so often that recording each call may slow the target down: the person decides. */
  async #askWhenHot(
    target: Target,
    subject: Subject,
    choice: TraceChoice,
    trace: OpenTrace,
    limit: TraceLimit,
  ): Promise<void> {
    const anyway = 'Trace Anyway';
    const count = 'Count Only';
    const answer = await vscode.window.showWarningMessage(
      `${subject.symbol} had ${rateText(limit)} on ${target.alias}.`,
      {
        modal: true,
        detail:
          'Recording each of them with its stack slows the target down, so the trace was ended. Counting in the kernel costs little.',
      },
      anyway,
      count,
    );
    if (answer === anyway) {
      await this.#replace(trace.panel, target, subject, choice, { maxRate: 0 });
    } else if (answer === count) {
      await this.#countOnly(target, subject, choice, trace);
    }
  }

  /** Counts the same calls, or all where the kernel cannot tell them apart. */
  async #countOnly(
    target: Target,
    subject: Subject,
    { kind, condition }: TraceChoice,
    { session, panel }: OpenTrace,
  ): Promise<void> {
    const counted: TraceChoice = { ...PLAIN, kind: 'count' };
    if (conditionError({ ...session.params, kind: 'count', condition }) === null) {
      const note = kind === 'errors' ? ', also of calls without an error' : '';
      await this.#replace(panel, target, subject, { ...counted, condition }, { note });
    } else {
      const note = ` of all calls: the kernel cannot count only those with ${condition}`;
      await this.#replace(panel, target, subject, counted, { note });
    }
  }

  /** Traces in the place of a view that is of no more use: it stays when nothing can be traced. */
  async #replace(
    panel: TracePanel,
    target: Target,
    subject: Subject,
    choice: TraceChoice,
    options: StartOptions,
  ): Promise<void> {
    const viewColumn = panel.column ?? vscode.ViewColumn.Active;
    // The other view takes the focus, which the button that was pressed had.
    const where = { viewColumn, preserveFocus: false };
    await this.#start(target, subject, choice, { ...options, where, replaces: panel });
  }

  /** Says why a function cannot be traced, and offers what can be traced in its place. */
  async #explain(target: Target, subject: Subject, panel: TracePanel, refused: TraceRefused): Promise<void> {
    if (refused.reason !== 'no-probe' && refused.reason !== 'no-enable') {
      throw new Failure(refused.reason === 'no-tracefs' ? 'no-tracefs' : 'not-traceable', refused.why);
    }
    const { symbol } = subject;
    panel.update({ text: `Cannot trace ${symbol}; looking for the reason...`, running: false });
    const closed = new AbortController();
    panel.onClose(() => closed.abort());
    const verdict = await explainRefusal(target.connection, this.server, symbol, refused.why, closed.signal);
    const listener = panel.onTraceInstead((index) => {
      const chosen = verdict.suggestions[index];
      if (chosen !== undefined) {
        listener.dispose(); // A second click would trace twice.
        this.funnel.guard('Tracing', () => this.#instead(target, chosen, panel));
      }
    });
    panel.update({
      text: verdict.sentence,
      isError: true,
      alternatives: verdict.suggestions.map((suggestion) => alternative(suggestion, symbol)),
    });
  }

  /** Traces another function in the place of the view of one that cannot be traced. */
  async #instead(target: Target, { symbol, module }: KernelSymbol, panel: TracePanel): Promise<void> {
    const parameters = await this.#parameters(sourceName(symbol));
    await this.#replace(panel, target, { symbol, module, parameters }, PLAIN, {});
  }

  /** While no call has come: says so when tasks hang in the function, for it may never be called. */
  #sayWhyNone({ session, panel }: OpenTrace): void {
    if (session.events.items.length === 0) {
      const { symbol } = session.params;
      panel.update({ waiting: waitingText(symbol, this.hungTasks.tasksIn(session.connection, symbol)) });
    }
  }

  /** Has the tasks looked at once when no call came, also while their view is hidden. */
  #lookWhyNone({ session }: OpenTrace): void {
    if (session.events.items.length === 0 && session.connection === this.hungTasks.connection) {
      this.hungTasks.refresh();
    }
  }

  /** The tabs name their target as soon as there are several. */
  #nameTargets(): void {
    const connected = this.targets.all.filter(({ connection }) => connection !== null);
    const names = new Set([
      ...connected.map(({ entry }) => entry.alias),
      ...[...this.#open].map(({ panel }) => panel.heading.target),
    ]);
    for (const { panel } of this.#open) {
      panel.namesTarget = names.size > 1;
    }
  }

  /** Where trace views already are, else beside the code, else where there is room. The code keeps the focus. */
  #where(): TabPlace {
    const columns = [...this.#open].map(({ panel }) => panel.column);
    const viewColumn =
      columns.find((column) => column !== undefined) ??
      (vscode.window.activeTextEditor === undefined ? vscode.ViewColumn.Active : vscode.ViewColumn.Beside);
    return { viewColumn, preserveFocus: true };
  }

  #count(change: 1 | -1): void {
    this.#running += change;
    this.context.set('zscope.tracing', this.#running > 0);
  }

  dispose(): void {
    this.#listeners.dispose();
    for (const { session, panel } of [...this.#open]) {
      session.dispose();
      panel.dispose();
    }
    this.#open.clear();
  }
}

function isTaskNode(node: unknown): node is TaskNode {
  return typeof node === 'object' && node !== null && 'kind' in node;
}

function isFrameNode(node: unknown): node is FrameNode {
  return isTaskNode(node) && node.kind === 'frame';
}
