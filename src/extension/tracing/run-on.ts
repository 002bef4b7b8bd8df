import type { TraceParams } from '../../target/collectors/trace-function.ts';
import type { Connection, StreamEnd } from '../../target/connection.ts';
import { comeback, mayComeBack } from '../targets/comeback.ts';
import type { TargetService } from '../targets/target-service.ts';
import type { TraceSession } from './trace-session.ts';
import type { Subject } from './trace-texts.ts';

/** What a session needs to go on over another connection. */
interface Around {
  readonly targets: TargetService;
  readonly subject: Subject;
  /** What is known of a function for the build that runs there. */
  known(connection: Connection, subject: Subject): Promise<Omit<TraceParams, 'sessionId'>>;
  /** Id of a session that starts there now. */
  sessionId(connection: Connection): string;
  /** Told what is waited for, in words for a person. */
  waits(what: string): void;
}

/**
 * Runs a session; one whose connection is lost goes on over the next one, until the person ends it or
 * disconnects. @returns how it ended at last
 */
export async function runOn(
  session: TraceSession,
  first: Connection,
  { targets, subject, known, sessionId, waits }: Around,
): Promise<StreamEnd> {
  // The person may have chosen another target meanwhile.
  const entry = targets.all.find((target) => target.connection === first)?.entry;
  let end = await session.run();
  if (session.started === null || entry === undefined) {
    return end;
  }
  let failed: unknown = null;
  while (end.reason === 'lost' && session.limit === null) {
    const { connection, params } = session;
    const lost = { entry, connection, module: params.module, error: failed, waits };
    const next = await comeback(targets, lost, session.ending);
    if (next === null) {
      break;
    }
    try {
      // What was known of the function may not hold for the build that runs now.
      const renewed = { ...session.params, ...(await known(next, subject)), sessionId: sessionId(next) };
      end = await session.resume(next, renewed, async (joined) => ({
        ...joined,
        ...(await known(next, joined)),
      }));
      failed = null;
    } catch (error) {
      // Lost again before it began, or the machine is not well yet.
      if (!mayComeBack(error)) {
        throw error;
      }
      failed = error;
    }
  }
  return end;
}
