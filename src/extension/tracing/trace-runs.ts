import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import type { TraceRefused } from '../../core/tracing/events.ts';
import { KINDS, withoutTally } from '../../core/tracing/kinds.ts';
import { tracedName } from '../../core/tracing/sites.ts';
import type { TraceParams } from '../../target/collectors/trace-function.ts';
import type { Connection } from '../../target/connection.ts';
import { ftrace, type Tracer } from '../../target/tracer.ts';
import { type FailureFunnel, isCancelled } from '../failures.ts';
import type { HungTasksView } from '../hung-tasks/hung-tasks-view.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { FrameOpener } from '../source/open-frame.ts';
import type { PlaceService } from '../source/place-service.ts';
import type { TargetService } from '../targets/target-service.ts';
import type { SessionKeeper } from '../trace-sessions/session-keeper.ts';
import { type Context, setting } from '../vscode-table.ts';
import { conditionError, kindLabel, type TraceChoice } from './choose-kind.ts';
import type { InlinedFunctions } from './inlined-functions.ts';
import { choiceInstead, isRefused } from './instead.ts';
import { isNearSource, onNearSource } from './near-source.ts';
import { NextSession, newId } from './next-session.ts';
import { openSoon } from './open-soon.ts';
import { type OpenTrace, OpenTraces } from './open-traces.ts';
import { Refusals } from './refusals.ts';
import type { JoiningFunction } from './rejoin.ts';
import { runOn } from './run-on.ts';
import { TraceLenses } from './trace-lens.ts';
import { type TabPlace, TracePanel } from './trace-panel.ts';
import { TraceSession } from './trace-session.ts';
import type { TraceSubjects } from './trace-subjects.ts';
import {
  argumentsKnown,
  droppedText,
  endReason,
  endText,
  partlyText,
  type Subject,
  startedText,
} from './trace-texts.ts';
import { choiceWhenHot } from './when-hot.ts';

/** Said of sums that the target makes. */
const ANEW = '; sums began anew when the connection was back, without what came before';

/** A cursor that was not moved for so long rests. Milliseconds. */
const RESTS_MS = 300;

/** The machine to trace on, and what a person calls it. */
export interface Target {
  readonly connection: Connection;
  readonly alias: string;
}

/** What may be different from a plain trace. */
interface StartOptions {
  readonly where?: TabPlace;
  /** Calls a second above which it asks; 0 for any. */
  readonly maxRate?: number;
  /** Said beside the state: why it is not what was asked for. */
  readonly note?: string;
  /** Other places where the function was inlined, which join once it runs. */
  readonly more?: readonly Subject[];
  /** View in whose place the new one comes, once that is there. */
  readonly replaces?: TracePanel;
}

/** Sessions and their views, from the start to the stop and what is asked and offered then. */
export class TraceRuns implements Disposable {
  /** Those that are running or were. */
  readonly open: OpenTraces;
  readonly #next = new NextSession();
  readonly #lenses: TraceLenses;
  readonly #refusals: Refusals;
  readonly #listeners: vscode.Disposable;
  #running = 0;
  #resting: NodeJS.Timeout | undefined;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly subjects: TraceSubjects,
    inlined: InlinedFunctions,
    private readonly targets: TargetService,
    hungTasks: HungTasksView,
    server: LazyServer,
    private readonly places: PlaceService,
    private readonly frames: FrameOpener,
    private readonly context: Context,
    private readonly funnel: FailureFunnel,
    private readonly keeper: SessionKeeper,
  ) {
    this.open = new OpenTraces(targets, hungTasks);
    this.#lenses = new TraceLenses(server);
    this.#refusals = new Refusals(subjects, inlined, server, funnel);
    this.#listeners = vscode.Disposable.from(
      this.#lenses,
      targets.onChange(() => {
        this.open.nameTargets();
        if (targets.connection !== null) {
          subjects.warm(targets.connection);
          if (isNearSource()) {
            this.expect(targets.connection);
          }
        }
      }),
      this.#next,
      onNearSource((hasCursor) => {
        this.expect(targets.connection, hasCursor);
        if (hasCursor) {
          this.#foresee();
        }
      }),
      hungTasks.onSnapshot(() => {
        this.expect(hungTasks.connection);
        this.open.sayWhyNone();
      }),
    );
  }

  /**
   * A trace is likely to come soon: it is made ready for.
   * @param isNext whether hardly anything else comes before it
   */
  expect(connection: Connection | null, isNext = false): void {
    if (connection !== null) {
      this.#next.prepare(connection, isNext && setting('zscope.trace.tool') === 'ftrace');
    }
  }

  /** What a trace of the function under the cursor will ask of the debug info is asked once the cursor rests there. */
  #foresee(): void {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => {
      const { connection } = this.targets;
      if (connection !== null) {
        void this.subjects.foresee(connection);
      }
    }, RESTS_MS);
  }

  /** @throws Failure `not-traceable` when the kernel refuses all of the functions */
  async join(trace: OpenTrace, ...functions: readonly JoiningFunction[]): Promise<void> {
    const partly = await this.#add(trace, functions);
    if (partly !== '') {
      trace.panel.update({ text: `Tracing${partly}` });
    }
    trace.panel.reveal();
  }

  /**
   * Adds functions to a session that runs.
   * @returns what to say of those that the kernel refuses; empty when it takes all
   * @throws Failure `not-traceable` when it takes none
   */
  async #add({ session, panel }: OpenTrace, functions: readonly JoiningFunction[]): Promise<string> {
    const refused = (await session.join(...functions)).filter(isRefused);
    const [first] = refused;
    if (first !== undefined && refused.length === functions.length) {
      throw new Failure('not-traceable', first.why);
    }
    for (const symbol of new Set(functions.map((one) => one.symbol))) {
      void this.#lenses.add(session, symbol);
    }
    panel.renamed();
    return partlyText(refused, functions.length);
  }

  /**
   * Traces a function from the click to the stop; resolves when the session is over.
   * @throws Failure `bad-request` for what cannot be traced: all is left as it was
   */
  async start(
    target: Target,
    subject: Subject,
    choice: TraceChoice,
    {
      where = this.open.where(),
      maxRate = setting('zscope.trace.maxRate'),
      note = '',
      more = [],
      replaces,
    }: StartOptions = {},
  ): Promise<void> {
    const { connection, alias } = target;
    const { tracer, kind, condition } = choice;
    const known = await this.subjects.params(connection, subject, kind !== 'calls');
    const { typed } = known;
    const below = kind === 'graph' ? { callees: await this.subjects.callees(subject) } : {};
    const asked = { ...known, ...below, kind, condition, maxRate };
    tracer.plan({ ...asked, sessionId: 'ask' }); // What cannot be traced leaves all as it was.
    const params: TraceParams = { ...asked, sessionId: this.#idOf(tracer, connection) };
    const session = new TraceSession(connection, tracer, params);
    const kept = this.keeper.keep(session, alias);
    const panel = new TracePanel(
      this.extensionUri,
      {
        symbol: tracedName(subject),
        target: alias,
        argumentsKnown: argumentsKnown(subject, typed ?? null),
        kind,
      },
      session,
      this.places,
      this.frames,
      this.funnel,
      where,
    );
    const trace = { session, panel };
    this.open.add(trace);
    void this.#lenses.add(session, subject.symbol);
    if (replaces === undefined) {
      openSoon(trace);
    } else {
      panel.open();
      replaces.dispose();
    }
    panel.onClose(() => {
      session.dispose();
      this.open.delete(trace);
    });
    const closed = new Promise<void>((resolve) => panel.onClose(resolve));
    const quiet = this.open.lookWhyNone(trace);
    this.#count(1);
    let isOver = false;
    const over = (reason: string) => {
      if (!isOver) {
        isOver = true;
        panel.open(); // What is said from now on is said there.
        quiet.dispose();
        kept.end(reason);
        this.#count(-1);
        // Whether its numbers are whole is known at its end.
        void closed.then(() => this.#lenses.close(session));
      }
    };
    try {
      await this.#follow(target, subject, choice, trace, { note, more, over });
    } catch (error) {
      // The view is where the person looks: it says it, and nothing else does.
      if (!isCancelled(error)) {
        panel.update({ text: this.funnel.note(error, 'Tracing'), running: false, isError: true });
      }
    } finally {
      over(connection.state === 'closed' ? 'lost' : 'stopped');
      if (typed == null) {
        this.subjects.learnTypes(connection);
      }
    }
  }

  /**
   * @param note see StartOptions
   * @param over told how the run ended as soon as it has: a person may take their time to answer what comes then
   */
  async #follow(
    first: Target,
    subject: Subject,
    choice: TraceChoice,
    { session, panel }: OpenTrace,
    { note, more, over }: Required<Pick<StartOptions, 'note' | 'more'>> & { over(reason: string): void },
  ): Promise<void> {
    let said: unknown = null;
    let text = '';
    let dropped = session.dropped;
    let others = more;
    const running = session.listen(() => {
      if (session.started !== said && session.started !== null) {
        said = session.started;
        const about = choice.kind === 'calls' ? '' : `: ${kindLabel(choice.kind).toLowerCase()}`;
        const anew = session.hasGap && KINDS[choice.kind].how === 'tally' ? ANEW : '';
        text = `${startedText(session.started, subject)}${about}${note}${anew}`;
        panel.update({ text });
        if (others.length > 0) {
          const joining = others;
          others = []; // What joined once comes back with the session.
          this.funnel.guard('Tracing more places', async () => {
            const partly = await this.#addPlaces({ session, panel }, joining, choice);
            if (partly !== '' && session.isRunning) {
              panel.update({ text: `${text}${partly}` });
            }
          });
        }
        this.#next.prepare(session.connection);
      }
      if (session.dropped !== dropped && session.isRunning) {
        dropped = session.dropped;
        panel.update({ text: `${text}${droppedText(dropped)}` });
      }
    });
    try {
      const end = await runOn(session, first.connection, {
        targets: this.targets,
        known: (connection, one) => this.subjects.params(connection, one, choice.kind !== 'calls'),
        subject,
        sessionId: (connection) => this.#idOf(session.tracer, connection),
        waits: (text) => panel.update({ text }),
      });
      over(endReason(end, session.limit));
      const target = { ...first, connection: session.connection };
      if (session.refused?.reason === 'no-tally') {
        const kind = withoutTally(session.plan.seesReturns);
        const why = `; this kernel cannot sum up by itself, so ${kindLabel(kind).toLowerCase()} are traced`;
        await this.#replace(panel, target, subject, { ...choice, kind }, { note: why, more });
      } else if (session.refused !== null) {
        await this.#explain(target, subject, choice, panel, session.refused, more);
      } else {
        const text = endText(end, session.limit, session.params, session.isCut ? session.tracer.id : null);
        panel.update({ running: false, isError: end.reason === 'lost', text });
        if (session.limit?.of === 'rate') {
          const { alias } = target;
          const cooler = await choiceWhenHot(alias, subject, choice, session, session.limit);
          if (cooler !== null) {
            const { choice: next, ...options } = cooler;
            await this.#replace(panel, target, subject, next, { ...options, more });
          }
        }
      }
    } finally {
      running.dispose();
    }
  }

  /** Id of a session that starts now: the one that a shell stands by for, where the tracer has one. */
  #idOf(tracer: Tracer, connection: Connection): string {
    return tracer === ftrace ? this.#next.take(connection) : newId();
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
    await this.start(target, subject, choice, { ...options, where, replaces: panel });
  }

  /** Adds places where a function was inlined; returns as {@link #add}. */
  async #addPlaces(
    trace: OpenTrace,
    subjects: readonly Subject[],
    { tracer, kind, condition }: TraceChoice,
  ): Promise<string> {
    const { session } = trace;
    const known = await Promise.all(
      subjects.map((subject) => this.subjects.params(session.connection, subject, false)),
    );
    // A condition may ask for what is nowhere at some of them.
    const { sessionId } = session.params;
    const asked = known.map((params) => ({ ...params, kind, condition, sessionId }));
    const wrong = asked.flatMap((params) => conditionError(tracer, params) ?? []);
    const partly = await this.#add(
      trace,
      asked.filter((params) => conditionError(tracer, params) === null),
    );
    return wrong.length === 0
      ? partly
      : partlyText(
          wrong.map((why) => ({ why })),
          asked.length,
        );
  }

  /** Says why a function cannot be traced, and offers what can be traced in its place. */
  async #explain(
    target: Target,
    subject: Subject,
    choice: TraceChoice,
    panel: TracePanel,
    refused: TraceRefused,
    more: readonly Subject[],
  ): Promise<void> {
    if (refused.reason !== 'no-probe' && refused.reason !== 'no-enable') {
      throw new Failure(refused.reason === 'no-tracefs' ? 'no-tracefs' : 'not-traceable', refused.why);
    }
    const [next, ...others] = more;
    if (subject.site !== undefined && next !== undefined) {
      const note = `; not in ${subject.site.at}: ${refused.why}`;
      await this.#replace(panel, target, next, choice, { more: others, note });
      return;
    }
    if (subject.site !== undefined) {
      const text = `${tracedName(subject)} cannot be traced at its instruction. ${refused.why}`;
      panel.update({ text, running: false, isError: true });
      return;
    }
    await this.#refusals.explain(target.connection, subject, panel, refused.why, (first, rest, note) =>
      this.#replace(panel, target, first, choiceInstead(choice, first), { more: rest, note }),
    );
  }

  #count(change: 1 | -1): void {
    this.#running += change;
    this.context.set('zscope.tracing', this.#running > 0);
  }

  dispose(): void {
    this.#listeners.dispose();
    clearTimeout(this.#resting);
    this.open.dispose();
  }
}
