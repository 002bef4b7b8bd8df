/** What tracing costs, what it can carry and how much a trace's table holds, each beside the tool that people use. */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { TraceStreamEvent } from '../src/core/tracing/events.ts';
import type { TraceKind } from '../src/core/tracing/kinds.ts';
import { type SessionParams, traceFunction } from '../src/target/collectors/trace-function.ts';
import type { Connection } from '../src/target/connection.ts';
import { execChecked, hostAliases, type LabInfo } from '../test/lab/lab.ts';
import { connectToLab } from '../test/vm/connect.ts';
import { quickestPace } from '../test/vm/floods.ts';
import { ask, background, until, Watched } from '../test/vm/target.ts';
import { above, type Figure, median } from './report.ts';
import type { TableFigures } from './table-figures.ts';

const LIMIT_MS = 120_000;
/** Calls of a flood that are waited for, and for how many seconds bcc is watched in one, which is slower. */
const FLOOD = 50_000;
const BCC_SECONDS = 30;
/** Writes of a loop that syncs each: some seconds, so that what a tracer does once a second counts as it is. */
const WRITES = 2000;
/** Sessions of each tracer. */
const ROUNDS = 9;

/** Starts a tracer and resolves when it sees calls, with what stops it. */
type StartTracer = () => Promise<() => Promise<void>>;

/** What a flood of calls makes of us and of bcc. */
export function benchTraceRate(vm: LabInfo): Promise<Figure[]> {
  return withConnections(vm, carried);
}

/** What a session costs those that are traced, and its removal. */
export function benchTraceCost(vm: LabInfo): Promise<Figure[]> {
  return withConnections(vm, async (connection, observer) => [
    ...(await slowed(vm, connection, observer)),
    ...(await removed(connection)),
  ]);
}

async function withConnections(
  vm: LabInfo,
  work: (connection: Connection, observer: Connection) => Promise<Figure[]>,
): Promise<Figure[]> {
  const [connection, observer] = await Promise.all([connectToLab(vm), connectToLab(vm)]);
  try {
    return await work(connection, observer);
  } finally {
    connection.dispose();
    observer.dispose();
  }
}

/** A session of ours as a click starts it. */
async function trace(connection: Connection, symbol: string, kind: TraceKind, stacks = true) {
  const params: SessionParams = {
    symbol,
    module: 'zfs',
    machine: connection.facts.machine,
    parameters: null,
    returns: 'int',
    kind,
    stacks,
    maxEvents: 1e8,
    maxSeconds: 600,
    sessionId: randomBytes(4).toString('hex'),
  };
  const watched = await Watched.start(connection, traceFunction, params);
  await watched.first(
    'the start',
    LIMIT_MS,
    (event: TraceStreamEvent): event is Extract<TraceStreamEvent, { kind: 'started' }> =>
      event.kind === 'started',
  );
  return watched;
}

/** Calls zfs_getattr_fast as fast as two processes can. */
const FLOOD_LOOP = 'while :; do [ -d /tank ]; done';

/**
 * A flood of calls, more than any tracer can tell of: how many a second arrive. It begins when a tracer is attached,
 * which would take minutes beside it. And how many come at most of which none is lost.
 */
async function carried(connection: Connection, observer: Connection): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [stacks, option] of [
    [true, '-K'],
    [false, ''],
  ] as const) {
    const { rate: ours, lost } = await ourFlood(connection, stacks);
    const theirs = await bccFlood(option);
    const { quickest, found } = await quickestPace(connection, observer, '/tank', stacks);
    const overwritten =
      lost === 0 ? 'none lost' : `the kernel overwrote ${lost.toLocaleString('en')} entries, and it is said`;
    const peer = `trace-bpfcc ${stacks ? 'with' : 'without'} -K into a file on the target: ${perSecond(theirs)} of a flood`;
    const goal = 'at least 3 times it';
    figures.push(
      {
        what: `calls a second received and decoded, none lost, at a steady pace, ${stacks ? 'with' : 'without'} stacks`,
        measured: `${perSecond(quickest)}, ${(quickest / theirs).toFixed(1)} times (${found.join('; ')})`,
        ...{ peer, goal, missedBy: below(quickest / theirs, 3) },
      },
      {
        what: `calls a second received and decoded of a flood, ${stacks ? 'with' : 'without'} stacks`,
        measured: `${perSecond(ours)}, ${(ours / theirs).toFixed(1)} times; ${overwritten}`,
        ...{ peer, goal, missedBy: below(ours / theirs, 3) },
      },
    );
  }
  return figures;
}

async function ourFlood(connection: Connection, stacks: boolean): Promise<{ rate: number; lost: number }> {
  const watched = await trace(connection, 'zfs_getattr_fast', 'calls', stacks);
  const flood = await background(`a() { ${FLOOD_LOOP}; }; a & a`);
  try {
    const calls = () => watched.times.filter((_, at) => watched.events[at]?.kind === 'call');
    await until('the calls', LIMIT_MS, () => (calls().length >= FLOOD ? true : undefined));
    const times = calls();
    await flood.end();
    await watched.stop();
    return {
      // They come by rounds: counted is to the end of the one that made it enough.
      rate: times.length / (((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000),
      lost: watched.events.findLast((event) => event.kind === 'counters')?.overrun ?? 0,
    };
  } finally {
    await flood.end();
  }
}

async function bccFlood(option: '-K' | ''): Promise<number> {
  // It writes its first ones when it has a block of them.
  const seconds = await execChecked(
    `out=/run/zscope-bench-calls
    timeout 300 trace-bpfcc ${option} zfs_getattr_fast >$out 2>/dev/null &
    pid=$!
    while ! grep -q zfs_getattr_fast /sys/kernel/debug/kprobes/list; do kill -0 $pid || { echo 'bcc ended before it was attached' >&2; exit 1; }; sleep 0.2; done
    (${FLOOD_LOOP}) & one=$!
    (${FLOOD_LOOP}) & two=$!
    trap 'kill $one $two' EXIT
    while ! grep -q -m 1 zfs_getattr_fast $out; do kill -0 $pid || exit 1; sleep 0.1; done
    before=$(grep -c ' zfs_getattr_fast *$' $out)
    read -r from rest </proc/uptime
    sleep ${BCC_SECONDS}
    read -r to rest </proc/uptime
    after=$(grep -c ' zfs_getattr_fast *$' $out)
    trap - EXIT
    kill $one $two $pid
    wait $pid
    rm -f $out
    echo $from $to $before $after`,
    { timeoutMs: 330_000 },
  );
  const [from = 0, to = 0, before = 0, after = 0] = seconds.trim().split(' ').map(Number);
  return (after - before) / Math.max(0.01, to - from);
}

/** Seconds that a loop of writes took by the clock, and of processor time of its own. */
interface LoopTime {
  readonly wall: number;
  readonly cpu: number;
}

/**
 * What tracing does to a loop of synced writes. An emulated machine is not equally fast all the time, so each session is
 * compared with the untraced loops before and after it, and ours with bpftrace's next to it.
 *
 * Calls with their stacks come here, so bpftrace's come here too, as they do for who types it at the end of an ssh. What it
 * costs where it sends nothing is measured beside it. Of sums next to nothing is sent.
 */
async function slowed(vm: LabInfo, connection: Connection, observer: Connection): Promise<Figure[]> {
  const loop = async (): Promise<LoopTime> => {
    // What dash says of the times of its children, among which is only dd, is the second line.
    const text = await ask(
      observer,
      `sh -c 'read -r from rest </proc/uptime
      dd if=/dev/zero of=/tank/zscope-bench bs=4k count=${WRITES} oflag=dsync conv=notrunc 2>/dev/null || exit 1
      read -r to rest </proc/uptime
      echo $from $to
      times'`,
    );
    const [from = 0, to = 0] = text.split('\n', 1)[0]?.split(' ').map(Number) ?? [];
    const children = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(text)?.slice(1).map(Number) ?? [];
    const [minutes = 0, seconds = 0, inKernel = 0, secondsThere = 0] = children;
    const time = { wall: to - from, cpu: (minutes + inKernel) * 60 + seconds + secondsThere };
    // Numbers that were not understood would make every figure a good one.
    if (!(time.wall > 0) || children.length < 4) throw new Error(`a loop of writes was not timed: ${text}`);
    return time;
  };
  const ours =
    (kind: TraceKind): StartTracer =>
    async () => {
      const watched = await trace(connection, 'zil_commit', kind);
      return async () => {
        await watched.stop();
        if (kind === 'calls' && !watched.events.some((event) => event.kind === 'call')) {
          throw new Error('the trace that was timed told of no call');
        }
      };
    };
  const overSsh =
    (program: string): StartTracer =>
    async () => {
      const pidFile = '/run/zscope-bench-pid';
      const command = `echo $$ >${pidFile}; exec bpftrace -B line -e '${program}'`;
      // The VM is on this machine, and nobody trusted its key yet.
      const options = [
        '-F',
        vm.sshConfig,
        '-o',
        'StrictHostKeyChecking=no',
        '-o',
        'UserKnownHostsFile=/dev/null',
      ];
      const ssh = spawn('ssh', [...options, hostAliases.root, command], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const ended = new Promise((resolve) => ssh.once('close', resolve));
      let [told, came] = ['', 0];
      ssh.stdout.setEncoding('utf8').on('data', (text: string) => {
        told = (told + text).slice(0, 1000);
        came += text.length;
      });
      try {
        await until('bpftrace', LIMIT_MS, () => {
          if (ssh.exitCode !== null) throw new Error('bpftrace ended before it was attached');
          return /^Attach/m.test(told) ? true : undefined;
        });
      } catch (error) {
        ssh.kill();
        throw error;
      }
      await ask(observer, 'sleep 1');
      return async () => {
        await ask(observer, `kill -INT $(cat ${pidFile}); rm -f ${pidFile}`);
        await ended;
        if (came < 100 * WRITES) throw new Error(`of bpftrace's stacks only ${came} characters came`);
      };
    };
  const bpftrace =
    (program: string): StartTracer =>
    async () => {
      const out = '/run/zscope-bench-bpftrace';
      const running = await background(`exec bpftrace -e '${program}' >${out} 2>&1`);
      // It has attached.
      await ask(
        observer,
        `tries=0; while ! grep -q Attach ${out}; do tries=$((tries + 1)); [ $tries -lt 600 ] || exit 1; sleep 0.1; done; sleep 1`,
      );
      return async () => {
        await running.end();
        await ask(observer, `rm -f ${out}`);
      };
    };
  const traced = async (start: StartTracer): Promise<LoopTime> => {
    const stop = await start();
    try {
      return await loop();
    } finally {
      await stop();
    }
  };
  const stacks = 'kprobe:zil_commit { printf("%s %d %s\\n", comm, tid, kstack); }';
  const kinds = [
    ['calls', 'with stacks', overSsh(stacks), 'bpftrace over ssh'],
    ['calls', 'with stacks, bpftrace sends nothing', bpftrace(stacks), 'bpftrace into a file on the target'],
    ['count', 'counted', bpftrace('kprobe:zil_commit { @[comm, tid] = count(); }'), 'bpftrace'],
    [
      'latency',
      'latencies',
      bpftrace(
        'kprobe:zil_commit { @s[tid] = nsecs; } kretprobe:zil_commit /@s[tid]/ { @h = hist(nsecs - @s[tid]); delete(@s[tid]); }',
      ),
      'bpftrace',
    ],
  ] as const;
  await loop();
  const figures: Figure[] = [];
  for (const [kind, what, peer, peerName] of kinds) {
    const plain: LoopTime[] = [await loop()];
    const mine: LoopTime[] = [];
    const theirs: LoopTime[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      mine.push(await traced(ours(kind)));
      plain.push(await loop());
      theirs.push(await traced(peer));
      plain.push(await loop());
    }
    /** Of what each session is slower, by what is around it. */
    const slower = (times: readonly LoopTime[], by: keyof LoopTime, place: 0 | 1): number[] =>
      times.map((time, round) => {
        const before = plain[2 * round + place]?.[by] ?? 0;
        const after = plain[2 * round + place + 1]?.[by] ?? 0;
        return time[by] / Math.max(0.01, (before + after) / 2);
      });
    const figure = (by: keyof LoopTime) => {
      const [us, them] = [slower(mine, by, 0), slower(theirs, by, 1)];
      return {
        us: median(us),
        them: median(them),
        ratio: median(us.map((value, round) => value / Math.max(0.01, them[round] ?? 0))),
      };
    };
    const [wall, cpu] = [figure('wall'), figure('cpu')];
    const seconds = plain.map((time) => time.wall);
    figures.push({
      what: `${WRITES} synced writes with zil_commit traced: ${what} (medians of ${ROUNDS} sessions, each by the untraced loops around it)`,
      measured: `${wall.us.toFixed(2)} of untraced (${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)} s), ${wall.ratio.toFixed(2)} of bpftrace's; processor time of the loop itself ${cpu.us.toFixed(2)} of untraced, ${cpu.ratio.toFixed(2)} of bpftrace's`,
      peer: `${peerName}: ${wall.them.toFixed(2)} of untraced; processor time ${cpu.them.toFixed(2)}`,
      goal:
        kind === 'count' ? 'no worse (at most 1.05), and at most 1.1 of untraced' : 'no worse (at most 1.05)',
      // What differs by less than sessions of one tracer do does not differ.
      missedBy: kind === 'count' ? (above(wall.us, 1.1) ?? above(wall.ratio, 1.05)) : above(wall.ratio, 1.05),
    });
  }
  await ask(observer, 'rm -f /tank/zscope-bench');
  return figures;
}

/** From Stop to the word that nothing is left. */
async function removed(connection: Connection): Promise<Figure[]> {
  const took: number[] = [];
  for (let round = 0; round < 5; round++) {
    const watched = await trace(connection, 'zil_commit', 'calls');
    const began = performance.now();
    const { cleanUp } = await watched.stop();
    if (cleanUp !== 'confirmed') throw new Error(`the end of a trace was ${cleanUp}`);
    took.push(performance.now() - began);
  }
  const ms = (value: number) => Math.round(value);
  return [
    {
      what: 'removing a session, from Stop to the word that nothing is left (min / median / max of 5)',
      measured: `${ms(Math.min(...took))} / ${ms(median(took))} / ${ms(Math.max(...took))} ms`,
      peer: '',
      goal: 'at most 300 ms',
      missedBy: above(median(took), 300),
    },
  ];
}

/** The table of a trace in a browser, in a process of its own: its code is that of pages. */
export async function benchTraceTable(): Promise<Figure[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    'test/webview/table-bench.ts',
  ]);
  const figures = JSON.parse(stdout) as TableFigures;
  const { all, script, layout } = figures.cpuMs;
  const at = (share: number) => figures.frameMs[Math.floor((figures.frameMs.length - 1) * share)] ?? 0;
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  return [
    {
      what: `scrolling in the table of ${figures.sent.toLocaleString('en')} calls, of which ${figures.shown === figures.sent ? 'all' : `the newest ${figures.shown.toLocaleString('en')}`} are kept: a frame's work in the page`,
      measured: `${all.toFixed(1)} ms of processor time on average, of which script takes ${script.toFixed(1)} ms, styles and layout ${layout.toFixed(1)} ms; by the clock, median ${at(0.5).toFixed(1)} ms, 95 of 100 below ${at(0.95).toFixed(1)} ms`,
      peer: '',
      goal: 'at most 16 ms',
      missedBy: above(all, 16),
    },
    {
      what: 'memory of that page',
      measured: `script ${megabytes(figures.heap)}, whole process ${megabytes(figures.process)}; filled in ${(figures.filledMs / 1000).toFixed(1)} s`,
      peer: '',
      goal: 'at most 400 MB',
      missedBy: above(figures.process, 400e6),
    },
  ];
}

function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en')}/s`;
}

function below(value: number, least: number): string | null {
  return value >= least ? null : `${Math.ceil((1 - value / least) * 100)} %`;
}
