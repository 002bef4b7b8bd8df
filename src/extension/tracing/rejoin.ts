import { Failure, isFailure } from '../../core/failure.ts';
import type { TraceRefused, TraceStarted } from '../../core/tracing/events.ts';
import { tracedName } from '../../core/tracing/sites.ts';
import type { TraceParams } from '../../target/collectors/trace-function.ts';

/** A function that joins a session. */
export type JoiningFunction = Omit<TraceParams, 'sessionId' | 'kind' | 'index'>;

/** The same with its index in the session, by which its probe is known. */
export interface IndexedFunction {
  readonly params: JoiningFunction;
  readonly index: number;
}

/** A function that had joined and is not traced any more. */
export interface DroppedFunction {
  readonly symbol: string;
  /** A sentence. */
  readonly why: string;
}

/** What a person is told who had functions join when the connection was lost. */
export function lostWhileJoining(functions: readonly JoiningFunction[]): Failure {
  const names = functions.map(tracedName).join(', ');
  return new Failure(
    'lost',
    `The connection was lost before ${names} joined the trace.`,
    'It is asked for again when the trace goes on.',
  );
}

/** How often each is asked for: a machine that was just booted answers late. */
const TURNS = 3;

/**
 * Has functions again that had joined a session which goes on over another connection. One whose answer does not come in
 * time is asked for again, under the same index: its probe may be there.
 * @param renewed what is known of it now
 * @param ask joins them; answers in their order
 * @param isLost whether the session was lost again meanwhile: nothing more is asked, and what failed may have failed by that
 * @returns those that were lost again with it, and those that cannot be had, as the build of now has them no more
 */
export async function rejoin(
  joined: readonly IndexedFunction[],
  renewed: (joined: JoiningFunction) => Promise<JoiningFunction>,
  ask: (functions: readonly IndexedFunction[]) => Promise<readonly (TraceStarted | TraceRefused)[]>,
  isLost: () => boolean,
): Promise<{ readonly lost: readonly JoiningFunction[]; readonly dropped: readonly DroppedFunction[] }> {
  const lost: JoiningFunction[] = [];
  const dropped: DroppedFunction[] = [];
  let left = joined;
  for (let turn = 1; left.length > 0; turn++) {
    const again: IndexedFunction[] = [];
    const known: IndexedFunction[] = [];
    const failed = (one: IndexedFunction, error: unknown): void => {
      const code = isFailure(error) ? error.code : null;
      if (code === 'lost' || isLost()) {
        lost.push(one.params);
      } else if (code === 'timeout' && turn < TURNS) {
        again.push(one);
      } else {
        const why = error instanceof Error ? error.message : String(error);
        dropped.push({ symbol: tracedName(one.params), why });
      }
    };
    await Promise.all(
      left.map((one) =>
        renewed(one.params).then(
          (params) => known.push({ ...one, params }),
          (error: unknown) => failed(one, error),
        ),
      ),
    );
    // In the order in which they joined, however long each took.
    known.sort((a, b) => a.index - b.index);
    if (isLost()) {
      lost.push(...[...known, ...again].map(({ params }) => params));
      break;
    }
    try {
      const answers = known.length > 0 ? await ask(known) : [];
      for (const [i, one] of known.entries()) {
        const answer = answers[i];
        if (answer?.kind === 'refused') {
          failed(one, answer.why);
        }
      }
    } catch (error) {
      for (const one of known) {
        failed(one, error);
      }
    }
    left = again;
  }
  return { lost, dropped };
}
