/**
 * A client in a process of its own, to be killed or cut off: connects to the lab VM, has its views open and says what
 * it sees, a line of JSON each. Argument: {@link ClientOrder} as JSON. Ends by itself once the connection is closed
 * and all that was under way has ended, and when its stdin ends.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { isFailure } from '../../src/core/failure.ts';
import type { TraceKind } from '../../src/core/tracing/kinds.ts';
import type { StreamCollector } from '../../src/target/collector.ts';
import { dbgmsg } from '../../src/target/collectors/dbgmsg.ts';
import { taskSnapshot } from '../../src/target/collectors/task-snapshot.ts';
import { traceFunction } from '../../src/target/collectors/trace-function.ts';
import { watchErrors } from '../../src/target/collectors/watch-errors.ts';
import type { Connection, StreamEnd } from '../../src/target/connection.ts';
import * as lab from '../lab/lab.ts';
import { connectToLab } from '../vm/connect.ts';

export interface ClientOrder {
  readonly user: lab.LabUser;
  /** Another port of 127.0.0.1 that leads to the VM. */
  readonly port?: number;
  /** The connection is given up after so long without a byte, in milliseconds. */
  readonly deadAfterMs: number;
  readonly sessions: readonly SessionOrder[];
  /** Whether dbgmsg is followed. */
  readonly dbgmsg: boolean;
  /** Ids of sessions of which each is made ready ahead once the one before has begun; absent for none. */
  readonly ahead?: readonly string[];
}

export interface SessionOrder {
  /** `watch` watches errors. */
  readonly kind: TraceKind | 'watch';
  readonly symbol: string;
  readonly condition: string;
  readonly sessionId: string;
  /** From the connection to its start, in milliseconds. */
  readonly afterMs: number;
}

/** What the client says; `at` is in milliseconds since 1970. */
export type ClientWord = { readonly at: number } & (
  | { readonly what: 'connected'; readonly bootId: string }
  | { readonly what: 'not connected'; readonly why: string }
  | { readonly what: 'state'; readonly state: string; readonly why: string }
  /** Its event loop turns: said each half second. */
  | { readonly what: 'alive' }
  /** A look at all stacks came to an end, well or with a sentence. */
  | { readonly what: 'snapshot'; readonly tookMs: number; readonly failure: string | null }
  | { readonly what: 'ahead'; readonly stream: string }
  | { readonly what: 'begun'; readonly stream: string }
  | { readonly what: 'events'; readonly stream: string; readonly count: number }
  | { readonly what: 'ended'; readonly stream: string; readonly reason: string; readonly cleanUp: string }
  /** A stream could not be started: a sentence. */
  | { readonly what: 'refused'; readonly stream: string; readonly why: string }
  /** Anything that is no sentence for a person: a bug. */
  | { readonly what: 'bug'; readonly error: string }
);

type Said<T> = T extends unknown ? Omit<T, 'at'> : never;

function say(word: Said<ClientWord>): void {
  process.stdout.write(`${JSON.stringify({ at: Date.now(), ...word })}\n`);
}

/** The sentence of an expected failure; anything else is told as a bug. */
function sentence(error: unknown): string {
  if (isFailure(error)) return error.message;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  say({ what: 'bug', error: text });
  return text;
}

/** How often a connection is tried. */
const ATTEMPTS = 5;

/** Set once the connection is closed: nothing new is begun. */
let over = false;
/** What was begun. */
const begun = new Set<string>();

async function snapshots(connection: Connection): Promise<void> {
  while (!over) {
    const began = Date.now();
    let failure: string | null = null;
    try {
      await connection.run(taskSnapshot, null);
    } catch (error) {
      failure = sentence(error);
    }
    say({ what: 'snapshot', tookMs: Date.now() - began, failure });
    await pause(2000);
  }
}

async function follow<P extends S, E, S>(
  connection: Connection,
  stream: string,
  collector: StreamCollector<P, E, S>,
  params: P,
  afterMs: number,
): Promise<void> {
  await pause(afterMs);
  if (over) return;
  let ended: Promise<StreamEnd>;
  try {
    const events = (batch: readonly E[]): void => say({ what: 'events', stream, count: batch.length });
    ({ ended } = await connection.stream(collector, params, { events }));
  } catch (error) {
    say({ what: 'refused', stream, why: sentence(error) });
    return;
  }
  say({ what: 'begun', stream });
  begun.add(stream);
  const { reason, cleanUp } = await ended;
  say({ what: 'ended', stream, reason, cleanUp });
}

function session(connection: Connection, order: SessionOrder): Promise<void> {
  const { kind, symbol, condition, sessionId, afterMs } = order;
  const { machine } = connection.facts;
  if (kind === 'watch') {
    return follow(connection, sessionId, watchErrors, { machine, sessionId }, afterMs);
  }
  const params = {
    symbol,
    module: 'zfs',
    machine,
    parameters: null,
    returns: 'int',
    kind,
    condition,
    sessionId,
    maxEvents: 1e6,
    maxSeconds: 600,
  };
  return follow(connection, sessionId, traceFunction, params, afterMs);
}

/** As the extension does for what a person is likely to trace next; the last one is never begun. */
async function makeReady(connection: Connection, ids: readonly string[]): Promise<void> {
  for (const sessionId of ids) {
    if (over) return;
    connection.standBy(traceFunction, { sessionId, machine: connection.facts.machine }).goAhead();
    say({ what: 'ahead', stream: sessionId });
    while (!over && !begun.has(sessionId)) await pause(200);
  }
}

async function main(order: ClientOrder): Promise<void> {
  const { user, port, deadAfterMs, sessions } = order;
  let connection: Connection | null = null;
  for (let attempt = 0; connection === null; attempt++) {
    try {
      const vm = await lab.requireUp();
      connection = await connectToLab(vm, {
        user,
        deadAfterMs,
        ...(port !== undefined && { port }),
        // Nothing is made ahead where a person would be asked first.
        allows: () => true,
      });
    } catch (error) {
      // As the extension does, for machines that are busy or boot.
      say({ what: 'not connected', why: sentence(error) });
      if (attempt === ATTEMPTS - 1) return;
      await pause(2000);
    }
  }
  connection.onState((state, why) => {
    over ||= state === 'closed';
    say({ what: 'state', state, why });
  });
  say({ what: 'connected', bootId: connection.facts.bootId });
  const alive = setInterval(() => say({ what: 'alive' }), 500);
  await Promise.all([
    snapshots(connection),
    makeReady(connection, order.ahead ?? []),
    ...sessions.map((one) => session(connection, one)),
    ...(order.dbgmsg ? [follow(connection, 'dbgmsg', dbgmsg, null, 0)] : []),
  ]);
  clearInterval(alive);
}

process.on('uncaughtException', (error) => {
  say({ what: 'bug', error: error.stack ?? error.message });
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
// It must not keep the process: what does is told by the process not ending.
if ('unref' in process.stdin) process.stdin.unref();
// The one that starts this process writes it.
await main(JSON.parse(process.argv[2] ?? '') as ClientOrder);
