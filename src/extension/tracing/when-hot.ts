import type { TraceLimit } from '../../core/tracing/events.ts';
import { ftrace } from '../../target/tracer.ts';
import { askWhenHot, conditionError, PLAIN, type TraceChoice } from './choose-kind.ts';
import type { TraceSession } from './trace-session.ts';
import type { Subject } from './trace-texts.ts';

/** What is traced in the place of what was called too often. */
export interface Cooler {
  readonly choice: TraceChoice;
  /** Calls a second above which it asks again, 0 for any; as the setting says when absent. */
  readonly maxRate?: number;
  /** Said beside the state: why it is not what was asked for. */
  readonly note?: string;
}

/**
 * A function is called so often that recording each call may slow the target down: the person decides.
 * @param target what the person calls it
 * @returns null when it is to stay ended
 */
export async function choiceWhenHot(
  target: string,
  { symbol }: Subject,
  choice: TraceChoice,
  session: TraceSession,
  limit: TraceLimit,
): Promise<Cooler | null> {
  const what = choice.kind === 'graph' ? `${symbol}, with what it calls,` : symbol;
  const answer = await askWhenHot(what, limit, target);
  return answer === null ? null : answer === 'anyway' ? { choice, maxRate: 0 } : countOnly(choice, session);
}

/** Counts the same calls, or all where the kernel cannot tell them apart. */
function countOnly({ kind, condition }: TraceChoice, session: TraceSession): Cooler {
  const tracer = session.tracer.can('count') ? session.tracer : ftrace;
  const counted: TraceChoice = { ...PLAIN, tracer, kind: 'count' };
  return conditionError(tracer, { ...session.params, kind: 'count', condition }) === null
    ? {
        choice: { ...counted, condition },
        note: kind === 'errors' ? ', also of calls without an error' : '',
      }
    : { choice: counted, note: ` of all calls: the kernel cannot count only those with ${condition}` };
}
