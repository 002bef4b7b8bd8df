import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatFrame } from '../../../../src/core/stack/frame.ts';
import type { CallEvent, TraceStreamEvent } from '../../../../src/core/tracing/events.ts';
import { type TraceParams, traceFunction } from '../../../../src/target/collectors/trace-function.ts';
import { type Flavour, flavours, runScript } from './flavours.ts';

const golden = (name: string) =>
  readFileSync(join(import.meta.dirname, 'golden', name), 'utf8')
    .replace(/\n$/, '')
    .split('\n');

function params(
  symbol: string,
  sessionId: string,
  ...parameters: [type: string, name: string][]
): TraceParams {
  return {
    symbol,
    module: 'zfs',
    machine: 'x86_64',
    parameters: parameters.map(([type, name]) => ({ type, name })),
    maxEvents: 1000,
    maxSeconds: 5,
    sessionId,
  };
}

function decode(lines: readonly string[], of: TraceParams): TraceStreamEvent[] {
  const decoder = traceFunction.decoder(of);
  return [...lines.flatMap((line) => [...decoder.line(line)]), ...decoder.end()];
}

const calls = (events: readonly TraceStreamEvent[]) =>
  events.filter((e): e is CallEvent => e.kind === 'call');

const SET_ERROR = params(
  '__set_error',
  '5e70',
  ['const char *', 'file'],
  ['const char *', 'func'],
  ['int', 'line'],
  ['int', 'err'],
);
const SPA_SYNC = params('spa_sync', '5e71', ['spa_t *', 'spa'], ['uint64_t', 'txg']);
const ALLOC: TraceParams = { ...params('kmem_cache_alloc_noprof', '5e73'), module: null };

describe('what the kernel of the test VM printed', () => {
  test('call graphs of the calls that the probe let pass, whatever others call meanwhile', () => {
    const of: TraceParams = {
      ...params('zfs_lookup', 'abcd1234', ['znode_t *', 'dzp'], ['char *', 'nm']),
      kind: 'graph',
      condition: 'comm == "zkinds"',
    };
    const events = decode(golden('trace-graph.txt'), of);
    expect(events.filter(({ kind }) => kind === 'counters').at(-1)).toMatchObject({ calls: 3, overrun: 0 });
    const found = calls(events);
    expect(found).toHaveLength(3);
    expect(found[1]).toMatchObject({
      time: 610.155053,
      comm: 'zkinds',
      pid: 1216,
      cpu: 1,
      arguments: [{ name: 'dzp' }, { name: 'nm', value: '"17954081362202"' }],
      durationNs: 667_136,
    });
    expect(found[1]?.stack.slice(0, 2).map(formatFrame)).toEqual([
      'zfs_lookup+0x5/0x410 [zfs]',
      'zpl_lookup+0xd9/0x2d0 [zfs]',
    ]);
    const below = (call: CallEvent | undefined) =>
      (call?.below ?? []).map(({ depth, frame, durationNs }) => `${depth} ${frame.symbol} ${durationNs}`);
    expect(below(found[1])).toEqual([
      '1 rrm_enter_read 9154',
      '1 zfs_dirlook 610462',
      '2 zfs_dirent_lock 604433',
      '3 spl_kmem_alloc 11237',
      '3 zap_lookup 572525',
      '4 zap_lockdir 337805',
      '5 dbuf_hold 24377',
      '6 dbuf_hold_impl 21362',
      '5 dbuf_rele 3915',
      '5 dbuf_hold 36815',
      '6 dbuf_hold_impl 34872',
      '5 spl_kmem_alloc 2884',
      '4 zap_lookup_impl 19239',
    ]);
    // The three are of one function: nothing of one is in another.
    expect(new Set(found.map(({ below }) => below?.length))).toEqual(new Set([13]));
    for (const { below = [], durationNs } of found) {
      for (const call of below) {
        expect(call.startNs + (call.durationNs ?? 0)).toBeLessThanOrEqual((durationNs ?? 0) + 2000);
      }
    }
    // Each call is out with its last line.
    const lines = golden('trace-graph.txt');
    const decoder = traceFunction.decoder(of);
    const outAt = lines.flatMap((line, at) => (calls([...decoder.line(line)]).length > 0 ? [lines[at]] : []));
    expect(outAt).toHaveLength(3);
    for (const line of outAt) {
      expect(line).toMatch(/\| {2}\}$/);
    }
  });

  test.each([
    ['a condition on the duration', 'duration > 1ms', 1],
    ['another task', 'comm == "zother"', 0],
  ])('call graphs with %s', (_, condition, count) => {
    const of: TraceParams = { ...params('zfs_lookup', 'abcd1234'), kind: 'graph', condition };
    const lines = golden('trace-graph.txt').filter((line) => count > 0 || !line.includes('/* zfs_lookup_'));
    expect(calls(decode(lines, of))).toHaveLength(count);
  });

  test('call graphs end with what is below their calls, however much other tasks call', () => {
    const of: TraceParams = { ...params('zfs_lookup', 'abcd1234'), kind: 'graph' };
    const [first] = calls(decode(golden('trace-graph.txt'), of));
    const below = first?.below?.length ?? 0;
    expect(below).toBeGreaterThan(1);
    const events = decode(golden('trace-graph.txt'), { ...of, maxEvents: 1 + below });
    expect(events.filter(({ kind }) => kind === 'call' || kind === 'limit')).toEqual([
      first,
      { kind: 'limit', of: 'events' },
    ]);
    expect(traceFunction.script({ ...of, maxEvents: 7 })).toMatch(/^record '?70'? /m);
  });

  test('call graphs of lines in any order, cut or doubled, are trees', () => {
    const of: TraceParams = { ...params('zfs_lookup', 'abcd1234'), kind: 'graph' };
    const lines = golden('trace-graph.txt');
    const piece = fc
      .tuple(fc.nat({ max: lines.length - 1 }), fc.nat({ max: 120 }), fc.boolean())
      .map(([at, length, isWhole]) => (isWhole ? lines[at] : lines[at]?.slice(0, length)) ?? '');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 200 }), (text) => {
        for (const { below = [], durationNs } of calls(decode(text, of))) {
          expect(durationNs === null || durationNs === undefined || durationNs >= 0).toBe(true);
          let most = 1;
          for (const { depth, startNs } of below) {
            expect(depth >= 1 && depth <= most && startNs >= 0).toBe(true);
            most = depth + 1;
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test('call graphs of which a part was lost are left out', () => {
    const of: TraceParams = { ...params('zfs_lookup', 'abcd1234'), kind: 'graph' };
    const lines = [...golden('trace-graph.txt')];
    const inside = lines.findIndex((line) => line.includes('zfs_dirent_lock'));
    lines.splice(inside, 0, 'CPU:1 [LOST 12 EVENTS]');
    const events = decode(lines, of);
    expect(calls(events)).toHaveLength(2);
    expect(events).toContainEqual({ kind: 'loss', cpu: 1, count: 12 });
  });

  test('strings and integers in the order of the declaration', () => {
    const events = decode(golden('trace-set-error.txt'), SET_ERROR);
    expect(events[0]).toEqual({ kind: 'started', withArguments: true });
    expect(calls(events)).toHaveLength(12);
    expect(calls(events)[0]).toMatchObject({
      time: 259.096605,
      comm: 'zfs',
      pid: 1453,
      cpu: 1,
      symbol: '__set_error',
      arguments: [
        { name: 'file', value: '"/var/lib/dkms/zfs/2.3.9/build/module/zfs/zap_micro.c"' },
        { name: 'func', value: '"zap_lookup_impl"' },
        { name: 'line', value: '1137' },
        { name: 'err', value: '2' },
      ],
    });
    expect(calls(events)[0]?.stack.slice(0, 2).map(formatFrame)).toEqual([
      '__set_error+0x5/0x30 [zfs]',
      'zap_lookup_impl+0x22c/0x2a0 [zfs]',
    ]);
  });

  test('a call is out with the last line of its stack, not with the next call', () => {
    const decoder = traceFunction.decoder(SPA_SYNC);
    const lines = golden('trace-spa-sync.txt');
    const end = lines.findIndex((line) => line.includes('ret_from_fork_asm'));
    const seen = lines.slice(0, end + 1).map((line) => decoder.line(line).length);
    expect(seen[0]).toBe(1);
    expect(seen.slice(1, end)).toEqual(Array(end - 1).fill(0));
    expect(seen[end]).toBe(1);
  });

  test('the last stack of a session is whole, and its limit is told', () => {
    const events = decode(golden('trace-spa-sync.txt'), SPA_SYNC);
    expect(events.at(-1)).toEqual({ kind: 'limit', of: 'time' });
    for (const call of calls(events)) {
      expect(call.comm).toBe('txg_sync');
      expect(call.stack.map(({ symbol }) => symbol)).toEqual([
        'spa_sync',
        'txg_sync_thread',
        'thread_generic_wrapper',
        'kthread',
        'ret_from_fork',
        'ret_from_fork_asm',
      ]);
    }
    expect(calls(events).map((call) => call.arguments[1]?.value)).toEqual(['44', '45', '46', '47']);
  });

  test('what the kernel lost is an event of its own, at its place', () => {
    const events = decode(golden('trace-lost.txt'), ALLOC);
    const at = events.findIndex(({ kind }) => kind === 'loss');
    expect(events[at]).toEqual({ kind: 'loss', cpu: 1, count: 142461 });
    expect(events[at - 1]?.kind).toBe('call');
    expect(events[at + 1]).toMatchObject({ kind: 'call', time: 333.973966, comm: 'ls', arguments: [] });
  });
});

describe('decoding', () => {
  const head = (cpu: number, time: number, comm = 'x') =>
    `${comm.padStart(16)}-7       [00${cpu}] .....  ${time}.000000: `;
  const call = (cpu: number, time: number, comm?: string) =>
    `${head(cpu, time, comm)}spa_sync_5e71: (spa_sync+0x4/0x10 [zfs]) a0=0x1 a1=${time} c="${comm ?? 'x'}"`;
  const stack = (cpu: number, time: number) => `${head(cpu, time)}<stack trace>`;

  test('stacks of several CPUs find their calls, and the calls keep their order', () => {
    const events = calls(
      decode(
        [
          call(0, 1),
          call(1, 2),
          stack(1, 2),
          ' => b+0x1/0x2',
          stack(0, 1),
          ' => a+0x1/0x2',
          call(0, 3),
          call(0, 4),
        ],
        SPA_SYNC,
      ),
    );
    expect(events.map(({ time, stack }) => [time, stack[0]?.symbol])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, undefined],
      [4, undefined],
    ]);
  });

  test('a comm may look like anything', () => {
    for (const comm of ['a-1 [000]', 'x c="y"', ' a1=9', 'é\u001b[1m', '" c="']) {
      const [event] = calls(decode([call(0, 1, comm)], SPA_SYNC));
      expect(event?.pid).toBe(7);
      expect(event?.comm.endsWith(comm) || comm.endsWith(event?.comm ?? '?'), comm).toBe(true);
    }
  });

  test('events of others and lines of nobody are no calls', () => {
    expect(
      decode(
        [`${head(0, 1)}other_event: (f+0x0/0x1) c="x"`, 'noise', ' => g+0x1/0x2', '#zscope-0000 limit time'],
        SPA_SYNC,
      ),
    ).toEqual([]);
  });

  test('any lines decode, and end() leaves nothing behind', () => {
    const line = fc.oneof(
      fc.constantFrom(
        call(0, 1),
        call(1, 2),
        stack(0, 1),
        stack(1, 2),
        ' => a+0x1/0x2',
        'CPU:0 [LOST EVENTS]',
        '',
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
        const made = lines.filter((text) => text.includes('spa_sync_5e71: (')).length;
        expect(calls(decode(lines, SPA_SYNC))).toHaveLength(made);
      }),
    );
  });

  test('each refusal is a sentence', () => {
    for (const reason of ['no-tracefs', 'no-kprobes', 'no-instance', 'no-probe', 'no-enable']) {
      expect(decode([`#zscope-5e71 refused ${reason}`], SPA_SYNC)).toEqual([
        { kind: 'refused', reason, why: expect.stringMatching(/^The .*\.$/) },
      ]);
    }
  });

  test('the words of error_log on a refused probe are told, inert', () => {
    const line = '#zscope-5e71 refused no-probe Invalid probed address or \u001b[31msymbol';
    const [refused] = decode([line], SPA_SYNC);
    expect(refused).toMatchObject({ why: expect.stringContaining('Invalid probed address or') });
    expect(JSON.stringify(refused)).not.toContain('\\u001b');
  });
});

/**
 * A tree that looks like tracefs to the script. A kernel's refuses much of what plain files allow, and takes
 * a removed probe out of the list; the lab's tests run on a real one.
 */
class FakeTracefs {
  readonly root = mkdtempSync(join(tmpdir(), 'zscope-tracefs-'));
  readonly #bin = join(this.root, 'bin');

  constructor(instances: readonly string[], probes: readonly string[], cpus = 1) {
    mkdirSync(this.#bin);
    mkdirSync(join(this.root, 'instances'));
    this.command('rmdir', 'exec rm -rf "$1"');
    this.command('mkdir', `exec /bin/mkdir -p $(seq -f "$1/per_cpu/cpu%.0f" ${cpus})`);
    for (const name of instances) {
      mkdirSync(join(this.root, 'instances', name, 'events', name), { recursive: true });
    }
    writeFileSync(join(this.root, 'kprobe_events'), probes.map((probe) => `${probe}\n`).join(''));
  }

  command(name: string, script: string): void {
    writeFileSync(join(this.#bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(this.#bin, name), 0o755);
  }

  run(script: string, flavour: Flavour): { stdout: string; status: number | null } {
    return runScript(
      `PATH=${this.#bin}:$PATH\n${script.replaceAll('/sys/kernel/tracing', this.root)}`,
      flavour,
    );
  }

  get instances(): string[] {
    return readdirSync(join(this.root, 'instances')).sort();
  }

  /** Names of the probes that were to be removed. */
  get removals(): Set<string> {
    const lines = readFileSync(join(this.root, 'kprobe_events'), 'utf8').split('\n');
    return new Set(lines.filter((line) => line.startsWith('-:')).map((line) => line.slice(2)));
  }

  dispose(): void {
    rmSync(this.root, { recursive: true });
  }
}

describe.each(flavours)('clean-up in $name', (flavour) => {
  const cleanup = traceFunction.cleanup(SPA_SYNC);

  test.skipIf(!flavour.present)('undoes its own session only', () => {
    const fake = new FakeTracefs(
      ['zscope_12_5e71', 'zscope_13_other', 'mine'],
      ['p:zscope_12_5e71/spa_sync_5e71 zfs:spa_sync a0=%di:x64', 'p:zscope_13_other/f f', 'p:mine/g g'],
    );
    try {
      for (let i = 0; i < 2; i += 1) {
        // The fake keeps the line of a removed probe.
        expect(fake.run(cleanup, flavour)).toEqual({
          stdout: 'probe zscope_12_5e71/spa_sync_5e71 could not be removed\n',
          status: 0,
        });
        expect(fake.instances).toEqual(['mine', 'zscope_13_other']);
      }
      expect(fake.removals).toEqual(new Set(['zscope_12_5e71/spa_sync_5e71']));
    } finally {
      fake.dispose();
    }
  });

  test.skipIf(!flavour.present)('says nothing when nothing is left, and else what', () => {
    const fake = new FakeTracefs(['zscope_12_5e71', 'mine'], ['p:mine/g g']);
    try {
      fake.command('rmdir', 'exit 1');
      fake.command('sleep', 'exit 0');
      expect(fake.run(cleanup, flavour).stdout).toBe('instance zscope_12_5e71 could not be removed\n');
      fake.command('rmdir', 'exec rm -rf "$1"');
      expect(fake.run(cleanup, flavour)).toEqual({ stdout: '', status: 0 });
      expect(fake.instances).toEqual(['mine']);
      // A kernel without kprobe_events.
      rmSync(join(fake.root, 'kprobe_events'));
      expect(fake.run(`exec 2>&1\n${cleanup}`, flavour)).toEqual({ stdout: '', status: 0 });
    } finally {
      fake.dispose();
    }
  });
});

describe.each(flavours)('the start in $name', (flavour) => {
  test.skipIf(!flavour.present)(
    'undoes what dead sessions left, whether an instance or a probe',
    async () => {
      const dead = spawnSync('true').pid;
      const session = spawn('sh', ['-c', 'printf zscope >/proc/self/comm; echo; read -r end'], {
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      await once(session.stdout, 'data');
      const [alive, reused] = [session.pid, process.pid];
      const fake = new FakeTracefs(
        [`zscope_${dead}_a`, `zscope_${alive}_b`, `zscope_${reused}_c`, 'zscope_notes', `zscope_${dead}_d e`],
        [
          'p:mine/g g',
          `p:zscope_${dead}_f/x f`,
          `p:zscope_${dead}_f/y f`,
          `r8:zscope_${reused}_h/x f`,
          `p:zscope_${alive}_b/x f`,
          `p:zscope_${dead}_a/x f`,
        ],
      );
      try {
        const { stdout } = fake.run(`${traceFunction.preamble}${traceFunction.script(SPA_SYNC)}`, flavour);
        // A tree of plain files has no probe to enable.
        expect(stdout).toBe('#zscope-5e71 started arguments\n#zscope-5e71 refused no-enable\n');
        const kept = fake.instances.filter((name) => !name.endsWith('_5e71'));
        expect(kept).toEqual([`zscope_${alive}_b`, `zscope_${dead}_d e`, 'zscope_notes'].sort());
        expect(fake.removals).toEqual(
          new Set([`zscope_${dead}_f/x`, `zscope_${dead}_f/y`, `zscope_${reused}_h/x`, `zscope_${dead}_a/x`]),
        );
      } finally {
        session.stdin.end();
        fake.dispose();
      }
    },
  );

  test.skipIf(!flavour.present)('goes on from what was done ahead', () => {
    const fake = new FakeTracefs([], []);
    const known = { sessionId: '5e71', machine: 'x86_64' };
    try {
      const ahead = `${traceFunction.preamble}${traceFunction.ahead?.(known)}`;
      expect(fake.run(`${ahead}echo "$made"`, flavour).stdout).toBe('5e71\n');
      const [name = ''] = fake.instances;
      expect(name).toMatch(/^zscope_\d+_5e71$/);
      expect(readFileSync(join(fake.root, 'instances', name, 'buffer_size_kb'), 'utf8')).toBe('4096\n');
      fake.run(traceFunction.cleanup(SPA_SYNC), flavour);
      const { stdout } = fake.run(
        `${ahead}mkdir() { echo "made twice"; }\n${traceFunction.script(SPA_SYNC)}`,
        flavour,
      );
      expect(stdout).toBe('#zscope-5e71 started arguments\n#zscope-5e71 refused no-enable\n');
      // A kernel without tracefs, where the session itself says why.
      expect(fake.run(`${ahead.replaceAll('/sys/kernel', '/nowhere')}echo $?$made`, flavour).stdout).toBe(
        '0\n',
      );
    } finally {
      fake.dispose();
    }
  });

  test.skipIf(!flavour.present)('is read under its mark ahead, and not while a call graph is set up', () => {
    const fake = new FakeTracefs([], []);
    const of: TraceParams = { ...SPA_SYNC, kind: 'graph' };
    const ahead = traceFunction.ahead?.(of);
    try {
      // In the place of what reads pages: says so, and what is set up when it ends.
      const reader = `pages() {
        say reads
        trap '[ ! -e "$instance/current_tracer" ] || echo "has a tracer"; exit' TERM
        : >'${fake.root}/ready'
        while :; do sleep 0.05; done
      }\n`;
      writeFileSync(join(fake.root, 'available_filter_functions'), 'spa_sync [zfs]\n');
      const { stdout } = fake.run(
        `${traceFunction.preamble}${reader}${ahead}
        while [ ! -e '${fake.root}/ready' ]; do sleep 0.05; done\n${traceFunction.script(of)}`,
        flavour,
      );
      expect(stdout).toBe(
        '#zscope-5e71 reads\n#zscope-5e71 started arguments\n#zscope-5e71 refused no-enable\n',
      );
      const [name = ''] = fake.instances;
      expect(readFileSync(join(fake.root, 'instances', name, 'current_tracer'), 'utf8')).toBe(
        'function_graph\n',
      );
    } finally {
      fake.dispose();
    }
  });

  test.skipIf(!flavour.present)('shares 64 MiB of buffer among the CPUs', () => {
    for (const [cpus, size] of [
      [1, 4096],
      [16, 4096],
      [64, 1024],
      [512, 256],
    ]) {
      const fake = new FakeTracefs([], [], cpus);
      try {
        fake.run(`${traceFunction.preamble}${traceFunction.script(SPA_SYNC)}`, flavour);
        const file = join(fake.root, 'instances', fake.instances[0] ?? '', 'buffer_size_kb');
        expect(readFileSync(file, 'utf8'), `${cpus} CPUs`).toBe(`${size}\n`);
      } finally {
        fake.dispose();
      }
    }
  });
});
