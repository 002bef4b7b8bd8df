/** Each tool and kind of trace against one workload whose calls are known, and the kernel's own count of them. */
import { randomBytes } from 'node:crypto';
import { canTrace, TRACE_TOOLS, type TraceTool } from '../../src/core/tracers/tools.ts';
import { TRACE_KINDS, type TraceKind } from '../../src/core/tracing/kinds.ts';
import { installedTools } from '../../src/target/collectors/installed-tools.ts';
import type { Connection } from '../../src/target/connection.ts';
import * as lab from '../lab/lab.ts';
import { connectToLab } from '../vm/connect.ts';
import { ask, until } from '../vm/target.ts';
import {
  COMM,
  callsOf,
  counted,
  lookUp,
  noToolRuns,
  startTrace,
  sumOf,
  type ToolTrace,
} from '../vm/tool-traces.ts';
import type { Finding, Proof, ProofContext } from './proof.ts';

const CALLS = 40;
const LIMIT_MS = 180_000;
/** Traces at a time: each tool has a compiler in its process. */
const AT_ONCE = 3;

type Row = readonly [TraceTool, TraceKind];

/** The kinds by tool, in parts that run at a time; call graphs are of tracefs alone, and have a test of their own. */
const PARTS: readonly (readonly Row[])[] = TRACE_TOOLS.flatMap((tool) => {
  const kinds = TRACE_KINDS.filter((kind) => kind !== 'graph' && canTrace(tool, kind));
  // perf-tools let no other of them trace.
  const size = tool === 'perf-tools' ? 1 : AT_ONCE;
  const rows = kinds.map((kind): Row => [tool, kind]);
  return rows.flatMap((_, at) => (at % size === 0 ? [rows.slice(at, at + size)] : []));
});

export const tracers: Proof = {
  name: 'tracers',
  shows: `Each tool, for each kind of trace, tells of exactly ${CALLS} calls of a workload that makes so many.`,
  needsVm: true,
  async run(context) {
    const vm = await lab.requireUp();
    const [connection, observer] = await Promise.all([connectToLab(vm), connectToLab(vm)]);
    const pool = `ztools${randomBytes(2).toString('hex')}`;
    try {
      await ask(
        observer,
        `truncate -s 128M /dev/shm/${pool} && zpool create -f -o cachefile=none ${pool} /dev/shm/${pool}`,
      );
      const findings: Finding[] = [];
      for (const rows of context.short ? PARTS.slice(0, 1) : PARTS) {
        findings.push(...(await batch(rows, connection, observer, pool, context)));
      }
      return {
        findings,
        notes: [
          'A row holds when the tool, the workload and a probe of the kernel of its own agree on the number, and where calls are told one by one, each has the name that was looked up, one task, what was returned, and a stack from zfs_lookup() through zpl_lookup(). bcc has no arguments at a return and no condition on a comm where it only counts: there the calls of all tasks are counted, which are at least so many.',
        ],
      };
    } finally {
      await ask(observer, `zpool destroy -f ${pool}; rm -f /dev/shm/${pool}`).catch(() => '');
      connection.dispose();
      observer.dispose();
    }
  },
};

async function batch(
  rows: readonly Row[],
  connection: Connection,
  observer: Connection,
  pool: string,
  context: ProofContext,
): Promise<Finding[]> {
  context.progress(rows.map(([tool, kind]) => `${tool} ${kind}`).join(', '));
  const installed = await connection.run(installedTools, null);
  const started = performance.now();
  const traces = await Promise.all(
    rows.map(async ([tool, kind]) => {
      const trace = await startTrace(connection, installed, tool, kind, conditionOf(tool, kind));
      return { trace, seconds: (performance.now() - started) / 1000 };
    }),
  );
  let prefix = '';
  const byKernel = await counted(observer, async () => {
    prefix = await lookUp(observer, `/${pool}`, CALLS);
  });
  const findings: Finding[] = [];
  for (const { trace, seconds } of traces) {
    await until('all calls', LIMIT_MS, () => (told(trace) >= CALLS ? true : undefined)).catch(() => {});
    const end = await trace.watched.stop();
    const wrong = [
      ...(byKernel === CALLS ? [] : [`the kernel counted ${byKernel}`]),
      ...(end.cleanUp === 'confirmed' ? [] : [`clean-up ${end.cleanUp}: ${end.stderr}`]),
      ...faults(trace, prefix),
    ];
    findings.push({
      what: `${trace.tool}, ${trace.kind}`,
      measured: [`${told(trace)} of ${CALLS} calls, started in ${seconds.toFixed(1)} s`, ...wrong].join('; '),
      holds: wrong.length === 0,
    });
  }
  await noToolRuns(observer, LIMIT_MS);
  return findings;
}

/** bcc's tools that only count take no condition on a comm. */
function conditionOf(tool: TraceTool, kind: TraceKind): string {
  return isSum(kind) && tool === 'bcc' ? '' : `comm == "${COMM}"`;
}

const isSum = (kind: TraceKind) => ['count', 'latency', 'stacks', 'callers'].includes(kind);

function told(trace: ToolTrace): number {
  return isSum(trace.kind) ? (sumOf(trace)?.hits ?? 0) : callsOf(trace).length;
}

function faults(trace: ToolTrace, prefix: string): string[] {
  const { tool, kind } = trace;
  const found: string[] = [];
  const check = (holds: boolean, what: string) => {
    if (!holds) found.push(what);
  };
  if (isSum(kind)) {
    const sum = sumOf(trace);
    const rows = sum?.rows ?? [];
    const all = rows.reduce((total, { count }) => total + count, 0);
    check(all === sum?.hits, `rows come to ${all}`);
    check(tool === 'bcc' ? told(trace) >= CALLS : told(trace) === CALLS, 'another number');
    if (sum?.of === 'count') {
      const own = sum.rows.filter(({ comm }) => comm === COMM);
      check(own.length === 1 && own[0]?.count === CALLS, 'not all are of the one task');
    }
    if (sum?.of === 'stacks') {
      check(
        sum.rows.some(({ stack }) => stack.some(({ symbol }) => symbol === 'zpl_lookup')),
        'no stack leads through zpl_lookup',
      );
    }
    return found;
  }
  const calls = callsOf(trace);
  check(calls.length === CALLS, 'another number');
  check(new Set(calls.map(({ pid }) => pid)).size === 1, 'several tasks');
  for (const [i, { arguments: args, stack, returned }] of calls.entries()) {
    const name = args.find((argument) => argument.name === 'nm')?.value;
    const hasNames = !(tool === 'bcc' && kind !== 'calls');
    // A return probe of tracefs has the address of a string only.
    check(
      !hasNames ||
        name === `"${prefix}${i}"` ||
        (kind === 'errors' && (tool === 'ftrace' || tool === 'perf-tools')),
      `call ${i} is of ${name}`,
    );
    check(
      stack.some(({ symbol, module }) => symbol === 'zpl_lookup' && module === 'zfs'),
      `call ${i} has no stack through zpl_lookup`,
    );
    check(
      kind === 'calls' || (returned?.value === '2' && returned.errno === 'ENOENT'),
      `call ${i} returned ${returned?.value}`,
    );
  }
  return found.slice(0, 5);
}
