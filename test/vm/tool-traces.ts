/** Traces by the tools that are installed in the VM, of a workload whose calls are known. */
import { randomBytes } from 'node:crypto';
import type { TraceTool } from '../../src/core/tracers/tools.ts';
import type { CallEvent, TraceStreamEvent, TraceTally } from '../../src/core/tracing/events.ts';
import type { TraceKind } from '../../src/core/tracing/kinds.ts';
import type { SessionParams } from '../../src/target/collectors/trace-function.ts';
import type { Connection } from '../../src/target/connection.ts';
import type { Tracer } from '../../src/target/tracer.ts';
import { zfsLookup } from '../support/zfs-functions.ts';
import { COMM } from './lookups.ts';
import { ask, until, Watched } from './target.ts';

/** A tool has a compiler in it: tens of seconds where the processor is emulated. */
export const START_MS = 240_000;
/** bcc compiles C with the kernel's headers: many minutes there beside other work. */
const BCC_START_MS = 1_800_000;

export interface ToolTrace {
  readonly tool: TraceTool;
  readonly kind: TraceKind;
  readonly sessionId: string;
  /** What ran. */
  readonly program: string;
  readonly watched: Watched<TraceStreamEvent>;
}

/** Starts a trace and waits until it sees calls. @param more what is traced, zfs_lookup() unless given @throws Error when the tool refuses it */
export async function startTrace(
  connection: Connection,
  tracer: Tracer,
  kind: TraceKind,
  condition: string,
  more: Partial<SessionParams> = zfsLookup,
): Promise<ToolTrace> {
  const tool = tracer.id;
  const params: SessionParams = {
    ...zfsLookup,
    module: 'zfs',
    machine: connection.facts.machine,
    kind,
    condition,
    maxEvents: 10_000,
    maxSeconds: (2 * BCC_START_MS) / 1000,
    sessionId: randomBytes(4).toString('hex'),
    ...more,
  };
  const watched = await Watched.start(connection, tracer.session, params);
  const first = await until(
    `the start of ${tool} for ${kind}`,
    tool === 'bcc' ? BCC_START_MS : 2 * START_MS,
    () => watched.events.find((event) => event.kind === 'started' || event.kind === 'refused'),
  );
  if (first.kind === 'refused') {
    throw new Error(`${tool} refuses ${kind}: ${first.why}`);
  }
  return { tool, kind, sessionId: params.sessionId, program: tracer.plan(params).text, watched };
}

export const callsOf = ({ watched }: ToolTrace): CallEvent[] =>
  watched.events.filter((event) => event.kind === 'call').filter(({ comm }) => comm === COMM);

export const sumOf = ({ watched }: ToolTrace): TraceTally | undefined =>
  watched.events.filter((event) => event.kind === 'tally').at(-1);

/** Waits until no tool runs in the VM. */
export async function noToolRuns(observer: Connection, limitMs: number): Promise<void> {
  await until('no tool runs any more', limitMs, async () => {
    const names = await ask(observer, 'cat /proc/[0-9]*/comm 2>/dev/null; true');
    return /^(?:bpftrace|\S+-bpfcc|\S+-perf)$/m.test(names) ? undefined : true;
  });
}
