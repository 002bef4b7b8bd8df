import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { isFailure } from '../../../../src/core/failure.ts';
import { formatFrame } from '../../../../src/core/stack/frame.ts';
import type { TaskSnapshot } from '../../../../src/core/tasks.ts';
import { isHung, isIdleTrace } from '../../../../src/core/zfs/idle.ts';
import { decodeSnapshot, snapshotScript } from '../../../../src/target/collectors/task-snapshot.ts';
import { flavours, runScript } from './flavours.ts';

const golden = (name: string) => readFileSync(join(import.meta.dirname, 'golden', name), 'utf8');

function hung(snapshot: TaskSnapshot) {
  return snapshot.groups.flatMap((group) => group.tasks.filter((task) => isHung(task, group.trace)));
}

describe('snapshots of the test VM', () => {
  test('1,500 tasks of one stack are one group, and all of it takes less than 10 KB', () => {
    const text = golden('tasks-hung.txt');
    const { groups } = decodeSnapshot(text);
    expect(Buffer.byteLength(text)).toBeLessThan(10_000);
    expect(groups.flatMap(({ tasks }) => tasks)).toHaveLength(1633);
    expect(groups[0]?.tasks).toHaveLength(1500);
    expect(groups[0]?.tasks.every((task) => task.comm === 'sleep' && task.state === 'S')).toBe(true);
    expect(new Set(groups[0]?.tasks.map(({ pid }) => pid)).size).toBe(1500);
  });

  test('what waits for the suspended disk hangs, and nothing else', () => {
    const tasks = hung(decodeSnapshot(golden('tasks-hung.txt')));
    expect(tasks.map(({ comm }) => comm).sort()).toEqual(['dd', 'dp_sync_taskq', 'sync', 'txg_sync', 'zfs']);
    for (const task of tasks) {
      // the disk had been suspended for 10.3 to 10.6 s, by the clock of the VM
      expect(task.stillForSeconds).toBeGreaterThan(10.3);
      expect(task.stillForSeconds).toBeLessThan(10.6);
    }
  });

  test('frames come in order with offset, size and module', () => {
    const { groups } = decodeSnapshot(golden('tasks-hung.txt'));
    const sync = groups.find(({ tasks }) => tasks[0]?.comm === 'sync');
    expect(sync?.trace.slice(0, 5).map(formatFrame)).toEqual([
      'cv_wait_common+0xfd/0x130 [spl]',
      'zil_commit_impl+0x2eb/0x15d0 [zfs]',
      'zfs_sync+0x66/0x1e0 [zfs]',
      'zpl_sync_fs+0x52/0x80 [zfs]',
      '__iterate_supers+0xe2/0x150',
    ]);
  });

  test('on an idle pool nothing hangs and every thread of ZFS counts as idle', () => {
    const snapshot = decodeSnapshot(golden('tasks-idle.txt'));
    expect(hung(snapshot)).toEqual([]);
    const ofZfs = snapshot.groups.filter(({ trace }) =>
      trace.some(({ module }) => module === 'zfs' || module === 'spl'),
    );
    expect(ofZfs.length).toBeGreaterThan(5);
    for (const { trace, tasks } of ofZfs) {
      expect(isIdleTrace(trace), tasks[0]?.comm).toBe(true);
    }
  });

  test('while txg_sync waits for the disk it is not idle, and txg_quiesce still is', () => {
    const { groups } = decodeSnapshot(golden('tasks-hung.txt'));
    const idle = (comm: string) =>
      isIdleTrace(groups.find(({ tasks }) => tasks.some((task) => task.comm === comm))?.trace ?? []);
    expect(idle('txg_sync')).toBe(false);
    expect(idle('dp_sync_taskq')).toBe(false);
    expect(idle('txg_quiesce')).toBe(true);
    expect(idle('l2arc_feed')).toBe(true);
  });
});

/** A tree that looks like procfs to the script. */
class FakeProc {
  readonly root = mkdtempSync(join(tmpdir(), 'zscope-proc-'));

  constructor() {
    this.write('uptime', '100.25 180.00\n');
    this.write('self/sched', 'awk (1, #threads: 1)\n---\nse.exec_start   :   100250.125\n');
    this.write('self/uid_map', '         0          0 4294967295\n');
    this.write('1/stack', '');
  }

  write(path: string, text: string): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, 'latin1');
  }

  task(
    pid: number,
    comm: string,
    state: string,
    stack: string,
    more: Partial<Record<'tgid' | 'ppid' | 'session', number>> = {},
  ): void {
    const dir = `${more.tgid ?? pid}/task/${pid}`;
    const session = more.session ?? 1;
    this.write(
      `${dir}/stat`,
      `${pid} (${comm}) ${state} ${more.ppid ?? 1} ${session} ${session} 0 -1 4194304 0 0 0 0 1 2\n`,
    );
    this.write(`${dir}/stack`, stack);
  }
}

const SLEEP = '[<0>] hrtimer_nanosleep+0x9a/0x140\n[<0>] do_syscall_64+0x87/0x1b0\n';
const ZIO = '[<ffffffffc0123456>] zio_wait+0x14e/0x2f0 [zfs]\n[<ffffffffffffffff>] 0xffffffffffffffff\n';

describe.each(flavours)('the script in $name', (flavour) => {
  const proc = new FakeProc();
  afterAll(() => rmSync(proc.root, { recursive: true }));
  const snapshot = () => decodeSnapshot(runScript(snapshotScript(proc.root), flavour).stdout);

  test.skipIf(!flavour.present)('groups, counts, and reads any comm', () => {
    for (let i = 0; i < 50; i += 1) {
      proc.task(980 + i * 3, 'sleep', 'S', SLEEP);
    }
    proc.task(50, 'a) R 1 (\n\\n b', 'D', ZIO);
    proc.write(
      '50/task/50/sched',
      'x (50, #threads: 2)\nse.exec_start    :      40250.125000\nse.vruntime : 3\n',
    );
    proc.task(51, 'worker', 'S', ZIO, { tgid: 50 });
    proc.task(60, 'zscope', 'S', SLEEP, { session: 59, ppid: 58 });
    proc.task(61, 'cat', 'S', SLEEP, { session: 59 });
    proc.task(58, 'sh', 'S', SLEEP, { session: 57 });
    proc.task(62, 'sleep', 'S', SLEEP, { session: 57 });
    mkdirSync(join(proc.root, '70/task/70'), { recursive: true });
    const { groups, uptimeSeconds, unreadable } = snapshot();
    expect({ uptimeSeconds, unreadable }).toEqual({ uptimeSeconds: 100.25, unreadable: 0 });
    expect(groups).toHaveLength(2);
    expect(groups[0]?.tasks.map(({ pid }) => pid).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, i) => 980 + i * 3),
    );
    expect(groups[1]?.trace.map(formatFrame)).toEqual(['zio_wait+0x14e/0x2f0 [zfs]']);
    expect(groups[1]?.tasks).toEqual([
      { pid: 50, tgid: 50, comm: 'a) R 1 (\n\\n b', state: 'D', stillForSeconds: 60 },
      { pid: 51, tgid: 50, comm: 'worker', state: 'S', stillForSeconds: null },
    ]);
  });

  test.skipIf(!flavour.present)('a kernel that does not say when a task ran leaves the time unknown', () => {
    rmSync(join(proc.root, '50/task/50/sched'));
    expect(snapshot().groups[1]?.tasks[0]?.stillForSeconds).toBeNull();
    proc.write('50/task/50/sched', 'no such line\n');
    expect(snapshot().groups[1]?.tasks[0]?.stillForSeconds).toBeNull();
    // It sleeps, and was moved to another processor since (see the script).
    proc.write('50/task/50/sched', 'x (50, #threads: 2)\nse.exec_start    :          0.000000\n');
    expect(snapshot().groups[1]?.tasks[0]?.stillForSeconds).toBeNull();
  });

  test.skipIf(!flavour.present)('each build of a module in a stack has a sign of its own', () => {
    const look = () => decodeSnapshot(runScript(snapshotScript(proc.root, proc.root), flavour).stdout).builds;
    const load = (id: string) => {
      const note = Buffer.from(`040000001400000003000000474e5500${id}`, 'hex');
      const folder = join(proc.root, 'module/zfs/notes');
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, '.note.gnu.build-id'), note);
    };
    expect([...look()]).toEqual([['zfs', '']]);
    const signs = new Set<string | undefined>();
    // Zeros, line ends, a mark of ours, blanks: what a shell may stumble over.
    for (const id of ['00'.repeat(19), '0a'.repeat(19), '1e20'.repeat(9), 'fe5c27'.repeat(6)]) {
      for (const last of ['41', '42']) {
        load(id + last);
        const sign = look().get('zfs');
        expect(look().get('zfs')).toBe(sign);
        signs.add(sign);
      }
    }
    expect(signs.size).toBe(8);
    rmSync(join(proc.root, 'module'), { recursive: true });
  });

  test.skipIf(!flavour.present)('tasks whose stack cannot be read are counted, the others shown', () => {
    rmSync(join(proc.root, '50/task/51/stack'));
    // reading a directory fails, as reading a stack does without the right to
    mkdirSync(join(proc.root, '50/task/51/stack'));
    rmSync(join(proc.root, '980/task/980/stack'));
    const { groups, unreadable } = snapshot();
    expect(unreadable).toBe(2);
    expect(groups.map(({ tasks }) => tasks.length)).toEqual([49, 1]);
  });
});

describe('no answer', () => {
  const fails = (text: string) => {
    try {
      decodeSnapshot(text);
    } catch (error) {
      return isFailure(error) ? `${error.code}: ${error.message} ${error.remedy}` : `bug: ${error}`;
    }
    return 'none';
  };
  const nothing = (about: string) => `snapshot 1\n${about}\nuptime 5\nunreadable 7\nend\n`;

  test('says why no stack can be read and what to do', () => {
    expect(fails(nothing('stacks no\nscope \nmap 0 0 4294967295'))).toMatch(
      /^no-stacks: .*CONFIG_STACKTRACE/,
    );
    expect(fails(nothing('stacks yes\nscope 0\nmap 0 100000 65536'))).toMatch(/^no-stacks: .*container/);
    expect(fails(nothing('stacks yes\nscope 3\nmap 0 0 4294967295'))).toMatch(/^no-stacks: .*ptrace_scope/);
    expect(fails(nothing('stacks yes\nscope 1\nmap 0 0 4294967295'))).toMatch(/^no-stacks: .*CAP_SYS_ADMIN/);
  });

  test('half an answer is none', () => {
    const whole = golden('tasks-idle.txt');
    expect(fails(whole)).toBe('none');
    expect(fails(whole.slice(0, -5))).toMatch(/^bad-output/);
    expect(fails('')).toMatch(/^bad-output/);
  });

  test('a count that makes millions of tasks of nothing is refused', () => {
    expect(fails('snapshot 1\ng\nt - S 1,1x999999,1x999999 x\nend\n')).toMatch(/^bad-output: .*100000/);
  });

  test('a line of times for each of many tasks takes no longer than one for all', () => {
    const ids = Array.from({ length: 50_000 }, (_, i) => i + 1);
    const times = ids.map((id) => `d ${id}:${id * 1000}`);
    const started = performance.now();
    const { groups } = decodeSnapshot(
      ['snapshot 1', 'f a+0x1/0x2', 'g 1', 't - D 1x50000 x', ...times, 'end', ''].join('\n'),
    );
    expect(performance.now() - started).toBeLessThan(5000);
    expect(groups[0]?.tasks.map(({ stillForSeconds }) => stillForSeconds)).toEqual(ids);
  });

  test('any text gives tasks or a Failure', () => {
    const line = fc.oneof(
      fc.constantFrom(
        'f a+0x1/0x2 [zfs]',
        'g 1 2',
        'g',
        't - S 1,2x3 x',
        't 5 D 7 y',
        'd 7:5',
        'end',
        'g -1 1e9',
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        expect(fails(['snapshot 1', ...lines, 'end', ''].join('\n'))).not.toMatch(/^bug/);
      }),
    );
  });
});
