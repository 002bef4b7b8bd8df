import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  CallEvent,
  LossEvent,
  TraceRefused,
  TraceStarted,
  TraceStreamEvent,
} from '../../src/core/tracing/events.ts';
import { whyNot } from '../../src/core/tracing/why-not.ts';
import { explainUntraceable } from '../../src/target/collectors/explain-untraceable.ts';
import { type TraceParams, traceFunction } from '../../src/target/collectors/trace-function.ts';
import type { Connection } from '../../src/target/connection.ts';
import * as lab from '../lab/lab.ts';
import { zfsGetattrFast } from '../support/zfs-functions.ts';
import { connectToLab } from './connect.ts';
import { FLOOD, type Flood, FloodTrace, pour } from './floods.ts';
import { counted } from './lookups.ts';
import { Relay } from './relay.ts';
import { POOL } from './setup.ts';
import { alive, ask, background, goAhead, traceProcesses, traceRests, until, Watched } from './target.ts';

/** A supervisor gives up after four missed beats of 5 s; five more seconds for the rest. */
const LEASE_MS = 25_000 + 5_000;

const isCall = (event: TraceStreamEvent): event is CallEvent => event.kind === 'call';
const isLoss = (event: TraceStreamEvent): event is LossEvent => event.kind === 'loss';
const isStarted = (event: TraceStreamEvent): event is TraceStarted => event.kind === 'started';
const isRefused = (event: TraceStreamEvent): event is TraceRefused => event.kind === 'refused';

let vm: lab.LabInfo;
let connection: Connection;
/** Looks at what the other does. */
let observer: Connection;
/** Calls zfs_getattr_fast() some ten times a second. */
let calls: { end(): Promise<void> };

beforeAll(async () => {
  vm = await lab.requireUp();
  [connection, observer] = await Promise.all([connectToLab(vm, { allows: () => true }), connectToLab(vm)]);
  calls = await background(`while :; do [ -d /${POOL} ]; sleep 0.05; done`);
});

afterAll(async () => {
  connection?.dispose();
  observer?.dispose();
  await calls?.end();
});

function getattr(more: Partial<TraceParams> = {}): TraceParams {
  return {
    ...zfsGetattrFast,
    module: null,
    machine: connection.facts.machine,
    maxEvents: 100_000,
    maxSeconds: 600,
    sessionId: randomBytes(4).toString('hex'),
    ...more,
  };
}

const start = (params: TraceParams, via = connection) => Watched.start(via, traceFunction, params);

describe('tracing a function', () => {
  it('shows calls with arguments and stack at once, and leaves nothing when stopped', async () => {
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const params = getattr();
      if (round === 2) {
        await goAhead(connection, observer, params);
      }
      const asked = performance.now();
      const watched = await start(params);
      const call = await watched.first('a call', 20_000, isCall);
      times.push((watched.times[watched.events.indexOf(call)] ?? 0) - asked);
      expect(watched.events[0]).toEqual({ kind: 'started', withArguments: true });
      expect(call).toMatchObject({ comm: 'sh', symbol: 'zfs_getattr_fast' });
      expect(call.arguments.map(({ name }) => name)).toEqual(['user_ns', 'request_mask', 'ip', 'sp']);
      for (const index of [0, 2, 3]) {
        // Pointers of the kernel are in the upper half of the address space.
        expect(call.arguments[index]?.value).toMatch(/^0xffff[0-9a-f]{12}$/);
      }
      expect(call.arguments[1]?.value).toMatch(/^\d+$/);
      expect(call.stack[0]).toMatchObject({ symbol: 'zfs_getattr_fast', module: 'zfs' });
      expect(call.stack.map(({ symbol }) => symbol)).toContain('vfs_statx');
      expect(call.stack.at(-1)?.symbol).toBe('entry_SYSCALL_64_after_hwframe');
      const processes = await traceProcesses(observer, params.sessionId);
      expect(processes.length).toBeGreaterThan(2);
      expect(await traceRests(observer, params.sessionId)).toContain('kprobe_events');
      expect(await watched.stop()).toMatchObject({ reason: 'stopped', cleanUp: 'confirmed', stderr: '' });
      expect(await traceRests(observer, params.sessionId)).toBe('');
      await until('its processes are gone', 5000, async () =>
        (await alive(observer, processes)).length === 0 ? true : undefined,
      );
    }
    console.log(`from the request to the first call: ${times.map(Math.round).join(', ')} ms`);
  });

  it('leaves tracing at the top level, which may be somebody else’s, as it was', async () => {
    const look = () =>
      ask(
        observer,
        `cd /sys/kernel/tracing
        head -c 2000 tracing_on current_tracer trace_options buffer_size_kb set_event set_ftrace_filter`,
      );
    const before = await look();
    const watched = await start(getattr());
    await watched.first('a call', 20_000, isCall);
    expect(await look()).toBe(before);
    await watched.stop();
    expect(await look()).toBe(before);
  });

  it('ends by itself after so many calls', async () => {
    const params = getattr({ maxEvents: 20 });
    const watched = await start(params);
    expect(await watched.ended).toMatchObject({ reason: 'finished', status: 0 });
    expect(watched.events.slice(-2)).toEqual([{ kind: 'limit', of: 'events' }, { kind: 'complete' }]);
    expect(watched.events.filter(isCall).length).toBeGreaterThanOrEqual(20);
    expect(await traceRests(observer, params.sessionId)).toBe('');
  });

  it('ends by itself after so many seconds', async () => {
    const params = getattr({ maxSeconds: 2 });
    const watched = await start(params);
    expect(await watched.ended).toMatchObject({ reason: 'finished', status: 0 });
    expect(watched.events.slice(-2)).toEqual([{ kind: 'limit', of: 'time' }, { kind: 'complete' }]);
    expect(watched.events.filter(isCall).length).toBeGreaterThan(0);
    expect(await traceRests(observer, params.sessionId)).toBe('');
  });

  it('says how many events a full buffer lost', async () => {
    const relay = await Relay.to(vm.port);
    const slow = await connectToLab(vm, { port: relay.port });
    const fast = [1, 2].map(() => background(`while :; do [ -d /${POOL} ]; done`));
    const params = getattr({ maxEvents: 1e6 });
    try {
      const watched = await start(params, slow);
      await watched.first('a call', 20_000, isCall);
      // Nobody takes what the kernel writes, till its buffer has wrapped.
      relay.hold();
      await until('the buffer is full', 30_000, async () => {
        const overrun = await ask(
          observer,
          `cat /sys/kernel/tracing/instances/*_${params.sessionId}/per_cpu/cpu*/stats | awk '/^overrun/ { n += $2 } END { print n }'`,
        );
        return Number(overrun) > 1000 ? true : undefined;
      });
      await Promise.all(fast.map(async (calls) => (await calls).end()));
      relay.release();
      const loss = await watched.first('a loss', 30_000, isLoss);
      expect(loss.count ?? 1).toBeGreaterThan(0);
      // Further calls come after it, in the order of time on each CPU.
      const at = watched.events.indexOf(loss);
      await until('calls after it', 20_000, () => (watched.events.slice(at).some(isCall) ? true : undefined));
      for (const cpu of [0, 1]) {
        const times = watched.events
          .filter(isCall)
          .filter((call) => call.cpu === cpu)
          .map(({ time }) => time);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }
      await watched.stop();
      expect(await traceRests(observer, params.sessionId)).toBe('');
    } finally {
      await Promise.all(fast.map(async (calls) => (await calls).end()));
      slow.dispose();
      await relay.stop();
    }
  });

  it('tells all of a flood that it begins to read as pages, and how much the kernel had no room for', {
    timeout: 180_000,
  }, async () => {
    const flood: Flood = { calls: 2000, processes: 2, slow: 5, rate: null };
    // What is made ahead is for calls with stacks: the one without has to change it.
    const ahead = await FloodTrace.start(connection, observer, { stacks: false, ahead: true });
    // Room for less than what comes, yet for more entries than make it read pages.
    const others = [{ stacks: true }, { stacks: true, bufferKiB: 64 }].map((options) =>
      FloodTrace.start(connection, observer, options),
    );
    const traces = [ahead, ...(await Promise.all(others))];
    const pouring = async () => {
      await pour(observer, `/${POOL}`, flood);
    };
    const byKernel = await counted(observer, pouring, FLOOD);
    const faults = await Promise.all(traces.map((trace) => trace.faults(flood, byKernel)));
    expect(faults).toEqual([[], [], []]);
    expect(traces.map(({ pages, lost }) => [pages > 0, lost > 0])).toEqual([
      [true, false],
      [true, false],
      [true, true],
    ]);
  });

  it('does not disturb another session on the same function', async () => {
    const first = getattr();
    const second = getattr();
    const one = await start(first);
    const other = await start(second);
    await Promise.all([one.first('a call', 20_000, isCall), other.first('a call', 20_000, isCall)]);
    await other.stop();
    expect(await traceRests(observer, second.sessionId)).toBe('');
    const seen = one.events.length;
    await until('more calls', 10_000, () => (one.events.length > seen + 3 ? true : undefined));
    const [a, b] = [one, other].map((watched) => watched.events.filter(isCall)) as [CallEvent[], CallEvent[]];
    expect(new Set([...a, ...b].map(({ symbol }) => symbol))).toEqual(new Set(['zfs_getattr_fast']));
    // While both ran, both saw the same calls.
    const from = b[0]?.time ?? 0;
    const to = b.at(-1)?.time ?? 0;
    const within = (calls: CallEvent[]) =>
      calls.filter(({ time }) => time >= from && time <= to).map((call) => `${call.pid} ${call.cpu}`);
    expect(Math.abs(within(a).length - within(b).length)).toBeLessThanOrEqual(1);
    await one.stop();
    expect(await traceRests(observer, first.sessionId)).toBe('');
  });
});

describe('what cannot be removed', () => {
  it('is said at the end, and removed by the next session', async () => {
    const params = getattr();
    const watched = await start(params);
    await watched.first('a call', 20_000, isCall);
    // An instance that somebody has a file of open can't be removed.
    const holder = await background(
      `exec 4<$(echo /sys/kernel/tracing/instances/*_${params.sessionId}/per_cpu/cpu0/trace_pipe_raw); sleep 600`,
    );
    try {
      await until('it is held', 10_000, async () =>
        (await ask(observer, `readlink /proc/${holder.pid}/fd/4 || true`)).includes(params.sessionId)
          ? true
          : undefined,
      );
      const end = await watched.stop();
      expect(end).toMatchObject({ reason: 'stopped', cleanUp: 'failed' });
      expect(end.stderr).toMatch(/^instance zscope_\d+_\w+ could not be removed\n$/);
    } finally {
      await holder.end();
    }
    const next = await start(getattr());
    await next.first('the start', 20_000, isStarted);
    expect(await traceRests(observer, params.sessionId)).toBe('');
    expect((await next.stop()).cleanUp).toBe('confirmed');
  });
});

describe('a session whose client is gone', () => {
  it('undoes itself, whether the connection was reset, fell silent or its owner was killed', async () => {
    const [reset, silent] = [await Relay.to(vm.port), await Relay.to(vm.port)];
    const clients = await Promise.all([reset, silent].map(({ port }) => connectToLab(vm, { port })));
    const ids = [1, 2, 3].map(() => randomBytes(4).toString('hex')) as [string, string, string];
    const holder = spawn(
      process.execPath,
      ['--import', 'tsx', 'test/vm/holder.ts', 'zfs_getattr_fast', ids[2]],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      const watched = await Promise.all(
        clients.map((client, i) => start(getattr({ sessionId: ids[i] ?? '' }), client)),
      );
      await Promise.all(watched.map((each) => each.first('a call', 20_000, isCall)));
      await once(holder.stdout, 'data');
      const processes = await Promise.all(ids.map((id) => traceProcesses(observer, id)));
      for (const [i, id] of ids.entries()) {
        expect(await traceRests(observer, id)).toContain('kprobe_events');
        expect(processes[i]?.length).toBeGreaterThan(2);
      }
      const gone = performance.now();
      reset.cut();
      silent.hold();
      holder.kill('SIGKILL');
      const took = await Promise.all(
        ids.map(async (id, i) => {
          await until(`nothing is left of session ${i + 1}`, LEASE_MS, async () =>
            (await traceRests(observer, id)) === '' &&
            (await alive(observer, processes[i] ?? [])).length === 0
              ? true
              : undefined,
          );
          return Math.round(performance.now() - gone);
        }),
      );
      console.log(`nothing left after: reset ${took[0]} ms, silence ${took[1]} ms, kill -9 ${took[2]} ms`);
      expect((await watched[0]?.ended)?.reason).toBe('lost');
    } finally {
      holder.kill('SIGKILL');
      for (const client of clients) {
        client.dispose();
      }
      await Promise.all([reset.stop(), silent.stop()]);
    }
  });

  it('is undone by the next session where it could not do so itself, and no other is', async () => {
    const dead = Number(await lab.execChecked('sh -c "echo \\$\\$"'));
    // What a running session's shell calls itself.
    const running = await background('printf zscope >/proc/self/comm; sleep 600 & wait');
    const names = [`zscope_${dead}_vmtest01`, `zscope_${running.pid}_vmtest02`];
    // Probes without an instance, of a process whose number another one has now.
    const bare = 'zscope_1_vmtest03';
    try {
      await ask(
        observer,
        `cd /sys/kernel/tracing
        for n in ${names.join(' ')}; do
          mkdir instances/$n && echo "p:$n/x zfs_getattr_fast" >>kprobe_events && echo 1 >instances/$n/events/$n/enable
        done
        for n in ${bare}; do
          echo "p:$n/x zfs_getattr_fast" >>kprobe_events; echo "p:$n/y zfs_getattr_fast" >>kprobe_events
        done`,
      );
      const watched = await start(getattr());
      await watched.first('the start', 20_000, isStarted);
      expect(await traceRests(observer, 'vmtest01')).toBe('');
      expect(await traceRests(observer, 'vmtest03')).toBe('');
      expect(await traceRests(observer, 'vmtest02')).toContain(names[1]);
      await watched.stop();
      expect(await traceRests(observer, 'vmtest02')).toContain(names[1]);
    } finally {
      await running.end();
      await ask(
        observer,
        `cd /sys/kernel/tracing
        for n in ${names.join(' ')}; do
          echo 0 >instances/$n/events/$n/enable; echo "-:$n/x" >>kprobe_events; rmdir instances/$n
        done 2>/dev/null
        { echo "-:${bare}/x" >>kprobe_events; echo "-:${bare}/y" >>kprobe_events; } 2>/dev/null
        true`,
      );
    }
  });
});

describe('a function that cannot be traced', () => {
  /** How it was refused, and what is said of it. */
  async function verdict(symbol: string, inSource: boolean, callers: readonly (readonly string[])[] = []) {
    const params = getattr({ symbol, parameters: null });
    const watched = await start(params);
    const refused = await watched.first('a refusal', 20_000, isRefused);
    expect(refused.reason).toBe('no-probe');
    expect((await watched.ended).reason).toBe('finished');
    expect(watched.events.filter(isCall)).toEqual([]);
    expect(await traceRests(observer, params.sessionId)).toBe('');
    const facts = await connection.run(explainUntraceable, { names: [symbol, ...callers.flat()] });
    return whyNot({ symbol, inSource, callers, refusal: refused.why, facts });
  }

  it('was inlined: its caller can', async () => {
    expect(await verdict('zil_commit_writer', true, [['zil_commit_impl'], ['zil_commit']])).toMatchObject({
      reason: 'inlined',
      suggestions: [{ symbol: 'zil_commit_impl', module: 'zfs', kind: 'caller' }],
    });
  });

  it('was changed by the compiler: the form that it made can', async () => {
    const symbols = await lab.execChecked(`awk '$4 == "[zfs]" { print $3 }' /proc/kallsyms`);
    const all = new Set(symbols.split('\n'));
    const clone = [...all].find(
      (name) => /^[a-z]\w+\.(isra|constprop)\.0$/.test(name) && !all.has(name.split('.')[0] ?? ''),
    );
    const name = clone?.split('.')[0] ?? '';
    const { reason, suggestions } = await verdict(name, true);
    expect(reason).toBe('clone');
    expect(suggestions).toContainEqual({ symbol: clone, module: 'zfs', kind: 'clone' });
    const watched = await start(getattr({ symbol: clone ?? '' }));
    expect(await watched.first('the start', 20_000, isStarted)).toBeDefined();
    await watched.stop();
  });

  it('is one that probes themselves run through', async () => {
    const { reason, sentence } = await verdict('do_int3', false);
    expect(['blacklisted', 'notrace']).toContain(reason);
    expect(sentence).toContain('do_int3 cannot be traced');
  });

  it('does not exist', async () => {
    expect(await verdict('zfs_no_such_function', false)).toMatchObject({
      reason: 'not-in-module',
      suggestions: [],
    });
  });
});
