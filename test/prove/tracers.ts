/** Each tool and kind of trace against one workload whose calls are known, and the kernel's own count of them. */
import { randomBytes } from 'node:crypto';
import { canTrace, TRACE_TOOLS, type TraceTool } from '../../src/core/tracers/tools.ts';
import { TRACE_KINDS, type TraceKind } from '../../src/core/tracing/kinds.ts';
import { btfFunctions } from '../../src/target/collectors/btf-functions.ts';
import { installedTools } from '../../src/target/collectors/installed-tools.ts';
import type { Connection } from '../../src/target/connection.ts';
import { tracerOf } from '../../src/target/tool-tracers.ts';
import * as lab from '../lab/lab.ts';
import { zfsLookup, zplLookup } from '../support/zfs-functions.ts';
import { connectToLab } from '../vm/connect.ts';
import { COMM, counted, type Lookups, lookUpAs } from '../vm/lookups.ts';
import { ask, until } from '../vm/target.ts';
import { callsOf, noToolRuns, startTrace, sumOf, type ToolTrace } from '../vm/tool-traces.ts';
import { floods } from './floods.ts';
import type { Finding, Proof, ProofContext } from './proof.ts';

const CALLS = 40;
const LIMIT_MS = 180_000;
/** Traces at a time: each tool has a compiler in its process. */
const AT_ONCE = 3;

interface Row {
  readonly tool: TraceTool;
  readonly kind: TraceKind;
  /** bpftrace attaches by the function's BTF. */
  readonly byBtf?: true;
}

/** What zfs_lookup() calls, for its call graph. */
const CALLEES = ['zfs_dirlook', 'zfs_dirent_lock', 'zap_lookup', 'zap_lockdir', 'dbuf_hold'];

const inParts = (rows: readonly Row[], size: number) =>
  rows.flatMap((_, at) => (at % size === 0 ? [rows.slice(at, at + size)] : []));

/** The kinds by tool, in parts that run at a time. */
const PARTS: readonly (readonly Row[])[] = [
  ...TRACE_TOOLS.flatMap((tool) => {
    const rows = TRACE_KINDS.filter((kind) => canTrace(tool, kind)).map((kind): Row => ({ tool, kind }));
    // perf-tools let no other of them trace.
    return inParts(rows, tool === 'perf-tools' ? 1 : AT_ONCE);
  }),
  (['calls', 'count', 'stacks'] as const).map((kind): Row => ({ tool: 'bpftrace', kind, byBtf: true })),
];

const rowName = ({ tool, kind, byBtf }: Row) => `${tool}, ${kind}${byBtf ? ', by BTF' : ''}`;

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
        const chosen = rows.filter((row) => context.rounds(1, 1, rowName(row)).length > 0);
        if (chosen.length > 0) {
          findings.push(...(await batch(chosen, connection, observer, pool, context)));
        }
      }
      if (!context.short) {
        findings.push(...(await floods(context, connection, observer, `/${pool}`)));
      }
      return {
        findings,
        notes: [
          'A row holds when the tool, the workload and a probe of the kernel of its own agree on the number, and where calls are told one by one, each has the name that was looked up (those by BTF: the arguments of zpl_lookup(), which has few enough), the task that did, what was returned, and a stack from zfs_lookup() through zpl_lookup(). bcc has no arguments at a return and no condition on a comm where it only counts: there the calls of all tasks are counted, which are at least so many.',
          'A flood is of two processes that each ask about files in turn, at first ten calls in a second, which are read as lines, then so many that pages of the ring buffer are read. It holds when what came and what is said to be lost are together what was called, by a count of the kernel itself, and where nothing was lost, each call of a process is of the file whose turn it was, with its stack, and later than the one before.',
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
  context.progress(rows.map(rowName).join('; '));
  const installed = await connection.run(installedTools, null);
  const started = performance.now();
  const traces = await Promise.all(
    rows.map(async (row) => {
      const { tool, kind, byBtf } = row;
      const tracer = tracerOf(tool, installed, byBtf ? await connection.run(btfFunctions, null) : undefined);
      const more = byBtf ? zplLookup : { ...zfsLookup, ...(kind === 'graph' ? { callees: CALLEES } : {}) };
      const trace = await startTrace(connection, tracer, kind, conditionOf(tool, kind), more);
      return { row, trace, seconds: (performance.now() - started) / 1000 };
    }),
  );
  let lookups: Lookups = { prefix: '', pid: 0 };
  const byKernel = await counted(observer, async () => {
    lookups = await lookUpAs(observer, `/${pool}`, CALLS);
  });
  const findings: Finding[] = [];
  for (const { row, trace, seconds } of traces) {
    await until('all calls', LIMIT_MS, () => (told(trace) >= CALLS ? true : undefined)).catch(() => {});
    const end = await trace.watched.stop();
    const wrong = [
      ...(byKernel === CALLS ? [] : [`the kernel counted ${byKernel}`]),
      ...(end.cleanUp === 'confirmed' ? [] : [`clean-up ${end.cleanUp}: ${end.stderr}`]),
      ...faults(row, trace, lookups),
    ];
    const measured = [`${told(trace)} of ${CALLS} calls, started in ${seconds.toFixed(1)} s`, ...wrong];
    findings.push({ what: rowName(row), measured: measured.join('; '), holds: wrong.length === 0 });
    context.progress(`  ${rowName(row)}: ${measured.join('; ')}`);
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

function faults({ tool, kind, byBtf }: Row, trace: ToolTrace, { prefix, pid }: Lookups): string[] {
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
      check(own.length === 1 && own[0]?.count === CALLS && own[0].pid === pid, 'not all are of the one task');
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
  check(
    calls.every((call) => call.pid === pid),
    'another task',
  );
  if (byBtf) {
    check(/^\s*fentry:zfs:zpl_lookup$/m.test(trace.program), 'not attached by BTF');
  }
  for (const [i, { arguments: args, stack, returned, below }] of calls.entries()) {
    const name = args.find((argument) => argument.name === 'nm')?.value;
    const hasNames = !(tool === 'bcc' && kind !== 'calls') && !byBtf;
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
      kind === 'calls' || kind === 'graph' || (returned?.value === '2' && returned.errno === 'ENOENT'),
      `call ${i} returned ${returned?.value}`,
    );
    check(
      !byBtf || args.map((argument) => argument.name).join(' ') === 'dir dentry flags',
      `call ${i} has other arguments`,
    );
    check(
      kind !== 'graph' || below?.some(({ frame }) => frame.symbol === 'zfs_dirlook') === true,
      `call ${i} calls no zfs_dirlook`,
    );
  }
  return found.slice(0, 5);
}
