import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compareStacks, groupTraces } from '../../../../src/core/stack/groups.ts';
import type { StackItem } from '../../../../src/core/stack/text/items.ts';
import { readStackItems } from '../../../../src/core/stack/text/reader.ts';
import { readTraces } from '../../../../src/core/stack/traces.ts';

function traces(text: string) {
  const items: StackItem[] = [];
  readStackItems(text, (item) => items.push(item));
  const lines = text.split('\n');
  return readTraces(items, (line) => lines[line] ?? '');
}

/** What an outline shows of a text. */
function outline(...lines: readonly string[]) {
  return traces(lines.join('\n')).map(({ firstLine, lastLine, tasks, verdict, title, frames }) => ({
    lines: [firstLine, lastLine],
    tasks: tasks.map(({ comm, pid, state }) => `${comm}/${pid}/${state}`),
    verdict,
    title,
    frames: frames.map(({ frame }) => `${frame.reliable ? '' : '?'}${frame.symbol}`),
  }));
}

describe('the stacks of a text', () => {
  it('are innermost first where they are folded, which begin with the outermost', () => {
    const found = outline('sync;do_syscall_64;ksys_sync;zpl_sync_fs;zil_commit 7');
    expect(found.map(({ frames }) => frames)).toEqual([
      ['zil_commit', 'zpl_sync_fs', 'ksys_sync', 'do_syscall_64'],
    ]);
    const printed = outline('zil_commit+0x1/0x2 [zfs]', 'zpl_sync_fs+0x1/0x2 [zfs]');
    expect(printed.map(({ frames }) => frames)).toEqual([['zil_commit', 'zpl_sync_fs']]);
  });

  it('are one for each outermost call of a graph, with the calls below it', () => {
    const found = outline(
      '# CPU  DURATION                  FUNCTION CALLS',
      ' 0)               |  zfs_read [zfs]() {',
      ' 0)               |    zil_commit [zfs]() {',
      ' 0)   0.198 us    |      mutex_lock();',
      ' 0) + 12.345 us   |    } /* zil_commit [zfs] */',
      ' 0)   0.200 us    |    arc_read [zfs]();',
      ' 0) ! 115.2 us    |  }',
      ' 0)   1.310 us    |  zfs_close [zfs]();',
    );
    expect(found.map(({ lines, frames }) => [lines[1], ...frames])).toEqual([
      [5, 'zfs_read', 'zil_commit', 'mutex_lock', 'arc_read'],
      [7, 'zfs_close'],
    ]);
  });

  it('are one for a hung task, from its report to its last frame', () => {
    const text = [
      'INFO: task sync:3198 blocked for more than 120 seconds.',
      '      Tainted: P           OE      6.12.0',
      '"echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.',
      'task:sync            state:D stack:0     pid:3198  tgid:3198  ppid:1      flags:0x00000002',
      'Call Trace:',
      ' <TASK>',
      ' __schedule+0x4f1/0x970',
      ' ? zio_done+0x1/0x20 [zfs]',
      ' txg_wait_synced+0x10/0x40 [zfs]',
      'RIP: 0033:0x7f3b4c0f5c27',
      ' </TASK>',
    ];
    expect(outline(...text)).toEqual([
      {
        lines: [0, 8],
        tasks: ['sync/3198/D'],
        verdict: 'blocked for more than 120 seconds',
        title: '',
        frames: ['__schedule', '?zio_done', 'txg_wait_synced'],
      },
    ]);
  });

  it('are one for a failed assertion', () => {
    const text = [
      'VERIFY3(0 == dmu_read(os, 1)) failed (0 == 5)',
      'PANIC at zil.c:123:zil_commit()',
      'Showing stack for process 812',
      'CPU: 1 PID: 812 Comm: txg_sync Tainted: P           OE      6.12.0 #1',
      'Call Trace:',
      ' spl_panic+0xc8/0x110 [spl]',
    ];
    expect(outline(...text)).toMatchObject([
      { lines: [0, 5], tasks: ['txg_sync/812/null'], frames: ['spl_panic'] },
    ]);
  });

  it('take the place of an exception and its call trace as one, and no second time', () => {
    const text = [
      'watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [z_wr_iss:812]',
      'CPU: 0 PID: 812 Comm: z_wr_iss Tainted: P           OE      6.12.0 #1',
      'RIP: 0010:zio_nowait+0x1b/0x40 [zfs]',
      'Code: 00 00 48 89',
      'RSP: 0018:ffffb0 EFLAGS: 00000246',
      'Call Trace:',
      ' <TASK>',
      ' zio_execute+0x8b/0x130 [zfs]',
      ' </TASK>',
      '---[ end trace 0000000000000000 ]---',
      'RIP: 0010:zio_nowait+0x1b/0x40 [zfs]',
    ];
    expect(outline(...text)).toMatchObject([
      {
        lines: [0, 7],
        tasks: ['z_wr_iss/812/null'],
        verdict: 'BUG: soft lockup',
        frames: ['zio_nowait', 'zio_execute'],
      },
    ]);
  });

  it('are parted where another line or another task comes', () => {
    expect(
      outline(
        '==> /proc/12/task/14/stack <==',
        '[<0>] a+0x1/0x20',
        '[<0>] b+0x1/0x20',
        '',
        '==> /proc/15/stack <==',
        '[<0>] a+0x1/0x20',
        'waiting for the disk',
        '[<0>] c+0x1/0x20',
      ),
    ).toMatchObject([
      { lines: [0, 2], tasks: ['null/14/null'], frames: ['a', 'b'] },
      { lines: [4, 5], tasks: ['null/15/null'], frames: ['a'] },
      { lines: [6, 7], tasks: [], title: 'waiting for the disk', frames: ['c'] },
    ]);
  });

  it('are those that real tools printed', () => {
    const tasks = (name: string) => {
      const file = `test/unit/core/stack/text/golden/captured/${name}`;
      return traces(readFileSync(file, 'utf8')).map(({ tasks: [task], verdict, frames }) =>
        [task?.comm, task?.pid, task?.state, verdict, frames.length].join(' ').trim(),
      );
    };
    expect(tasks('linux-hung-task.txt')).toEqual([
      'dp_sync_taskq 458 D blocked for more than 10 seconds 18',
      'txg_sync 464 D blocked for more than 10 seconds 21',
      'sync 13613 D blocked for more than 10 seconds 16',
    ]);
    expect(tasks('linux-warn.txt')).toEqual(['bash 9033  WARNING 15']);
    // GDB says first where the program stopped.
    expect(tasks('gdb-full.txt')).toEqual(['1', 'pool 18644   11', 'pool 18642   6']);
    // Places on lines of their own, and frames whose numbers go on.
    expect(tasks('eu-stack-verbose.txt')).toEqual(['18642   7', '18644   10']);
    expect(tasks('decoration-dmesg-json.txt')).toEqual(['bash 14367   7']);
  });

  it('know the tasks that Copy Stack writes above them', () => {
    expect(outline('z_wr_iss:11 state D', 'a:b:12 state S', '[<0>] a+0x1/0x20')).toMatchObject([
      { lines: [0, 2], tasks: ['z_wr_iss/11/D', 'a:b/12/S'] },
    ]);
    expect(outline('spa.c:6241', '[<0>] a+0x1/0x20')).toMatchObject([{ tasks: [] }]);
  });
});

describe('groups and their comparison', () => {
  const stack = (pid: number, ...frames: readonly string[]) =>
    [`t${pid}:${pid} state D`, ...frames.map((frame) => `[<0>] ${frame}`), ''].join('\n');
  const groups = (...texts: readonly string[]) => groupTraces(traces(texts.join('\n')));
  const [a, b] = ['a+0x1/0x20 [zfs]', 'b+0x1/0x20 [zfs]'];

  it('have the most frequent stack first, guesses left out', () => {
    const found = groups(stack(3, b), stack(5, a), stack(9, '? b+0x1/0x20', a));
    expect(found.map(({ count, tasks }) => [count, tasks.map(({ pid }) => pid)])).toEqual([
      [2, [5, 9]],
      [1, [3]],
    ]);
  });

  it('tell the offset apart', () => {
    expect(groups(stack(3, a), stack(5, 'a+0x2/0x20 [zfs]'))).toHaveLength(2);
  });

  it('say what is new, gone and moved', () => {
    const compared = compareStacks(
      groups(stack(1, a), stack(2, a), stack(3, a)),
      groups(stack(1, 'schedule+0x1/0x20', a), stack(2, b), stack(4, b)),
    );
    expect(compared.same).toBe(1);
    expect(compared.fresh.map(({ tasks }) => tasks.map(({ pid }) => pid))).toEqual([[4]]);
    expect(compared.gone.map(({ tasks }) => tasks.map(({ pid }) => pid))).toEqual([[3]]);
    expect(compared.moved).toMatchObject([
      { tasks: [{ pid: 2 }], from: [{ symbol: 'a' }], to: [{ symbol: 'b' }] },
    ]);
  });

  it('take a pid with another name for another task', () => {
    const { fresh, gone, same } = compareStacks(groups(stack(1, a)), groups(`u:1 state D\n[<0>] ${a}`));
    expect([fresh.length, gone.length, same]).toEqual([1, 1, 0]);
  });

  it('count stacks of nobody', () => {
    const one = `Call Trace:\n ${a}\n\n`;
    const { fresh, gone, same } = compareStacks(groups(one), groups(one, one, one));
    expect([fresh[0]?.count, gone, same]).toEqual([2, [], 1]);
  });
});
