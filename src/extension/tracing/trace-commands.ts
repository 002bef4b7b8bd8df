import type * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import { sourceName } from '../../core/stack/frame.ts';
import { ftrace } from '../../target/tracer.ts';
import { connectedTarget } from '../targets/connected-target.ts';
import type { TargetService } from '../targets/target-service.ts';
import type { TracerChoice } from '../tracers/tracer-choice.ts';
import { chooseKind, PLAIN } from './choose-kind.ts';
import { choosePlaces, type InlinedFunctions } from './inlined-functions.ts';
import type { Target, TraceRuns } from './trace-runs.ts';
import type { TraceSubjects } from './trace-subjects.ts';
import type { Subject } from './trace-texts.ts';

/** The commands that trace: what a person asks for becomes a session. */
export class TraceCommands {
  constructor(
    private readonly targets: TargetService,
    private readonly subjects: TraceSubjects,
    private readonly inlined: InlinedFunctions,
    private readonly runs: TraceRuns,
    private readonly tracers: TracerChoice,
    /** Keeps the last answers. */
    private readonly memento: vscode.Memento,
  ) {}

  /**
   * Traces what the cursor or the chosen frame means; asks for a name when the cursor means none.
   * @param node a row; null when one was meant and none is chosen, undefined for the cursor
   */
  async trace(node: unknown): Promise<void> {
    const target = connectedTarget(this.targets);
    const subject = await this.subjects.of(target.connection, node);
    const tracer = await this.tracers.tracer(target.connection);
    await this.runs.start(target, subject, { ...PLAIN, tracer });
  }

  /** As {@link trace}, but asks what to find out and which calls are meant. */
  async traceWith(node: unknown): Promise<void> {
    const target = connectedTarget(this.targets);
    this.runs.expect(target.connection);
    await this.#ask(target, await this.subjects.of(target.connection, node));
  }

  /** As {@link traceWith}, of a function that is asked for too. */
  async traceByName(): Promise<void> {
    const target = connectedTarget(this.targets);
    this.runs.expect(target.connection);
    await this.#ask(target, await this.subjects.asked(target.connection));
  }

  /**
   * Traces a function in places where it was inlined, also one that has code of its own elsewhere.
   * @throws Failure `not-traceable` when it was inlined nowhere, as far as is known
   */
  async traceInlined(): Promise<void> {
    const target = connectedTarget(this.targets);
    this.runs.expect(target.connection);
    const { symbol } = await this.subjects.of(target.connection, undefined);
    const name = sourceName(symbol);
    const inlined = await this.inlined.of(target.connection, name);
    if (inlined.places.length === 0) {
      throw new Failure(
        'not-traceable',
        `No place is known where ${name} was inlined: the debug info of the running ZFS has none, or is not at hand.`,
        'Trace the function itself, or its callers.',
      );
    }
    const [first, ...more] = await choosePlaces(inlined);
    if (first !== undefined) {
      await this.#ask(target, first, more);
    }
  }

  /** @param more further places of the same inlined function */
  async #ask(target: Target, subject: Subject, more: readonly Subject[] = []): Promise<void> {
    const params = await this.subjects.params(target.connection, subject, true);
    const running = this.runs.open.joinable(target.connection);
    const choice = await chooseKind(
      subject.site === undefined ? await this.tracers.tracer(target.connection) : ftrace,
      { ...params, sessionId: 'ask' },
      running.map(({ session }) => session),
      this.memento,
    );
    const joined = running.find(({ session }) => session === choice.join);
    if (joined === undefined) {
      await this.runs.start(target, subject, choice, { more });
    } else {
      const { condition } = choice;
      const others = await Promise.all(
        more.map((place) => this.subjects.params(target.connection, place, false)),
      );
      await this.runs.join(joined, ...[params, ...others].map((one) => ({ ...one, condition })));
    }
  }

  /** Brings the trace of a function to the front. */
  show(symbol: string): void {
    this.runs.open.of(symbol)?.panel.reveal();
  }

  /** Stops every session; their views stay. */
  stopAll(): void {
    this.runs.open.stopAll();
  }
}
