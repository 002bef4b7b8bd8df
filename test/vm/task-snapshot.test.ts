import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { formatFrame } from '../../src/core/stack/frame.ts';
import type { Task, TaskGroup, TaskSnapshot } from '../../src/core/tasks.ts';
import { isHung } from '../../src/core/zfs/idle.ts';
import { taskSnapshot } from '../../src/target/collectors/task-snapshot.ts';
import type { Connection } from '../../src/target/connection.ts';
import * as lab from '../lab/lab.ts';
import { failureOf } from '../support/failure-of.ts';
import { connectToLab } from './connect.ts';

/** `exec sleep` keeps the id that the shell printed. */
const SLEEPERS = 25;

/** Legal names of a task: any bytes but NUL, at most 15. The keys are what they are read as. */
const ODD_NAMES: Readonly<Record<string, string>> = {
  'a) D 1 (b': 'a) D 1 (b',
  'two\nlines': 'two\\nlines',
  'back\\slash': 'back\\\\slash',
  näh: 'näh',
  ' ': ' ',
  'g 1 2': 'g 1 2',
  'bad\ufffd': 'bad\\377',
  '\x1b[31mred': '\\033[31mred',
};

let vm: lab.LabInfo;
let connection: Connection;
let hungBefore: boolean;
let hung: readonly lab.HungTask[];
const started: number[] = [];

beforeAll(async () => {
  vm = await lab.requireUp();
  connection = await connectToLab(vm);
  hungBefore = await lab.isHung();
  hung = await lab.hang();
});

afterAll(async () => {
  connection?.dispose();
  await lab.exec(`kill -KILL ${started.join(' ')}`);
  if (!hungBefore) {
    await lab.resume();
  }
});

async function start(script: string): Promise<number[]> {
  const pids = (await lab.execChecked(script)).trim().split('\n').map(Number);
  started.push(...pids);
  return pids;
}

function groupOf(snapshot: TaskSnapshot, pid: number): TaskGroup {
  const group = snapshot.groups.find(({ tasks }) => tasks.some((task) => task.pid === pid));
  if (group === undefined) {
    throw new Error(`no task ${pid} in the snapshot`);
  }
  return group;
}

function taskOf(snapshot: TaskSnapshot, pid: number): Task {
  return groupOf(snapshot, pid).tasks.find((task) => task.pid === pid) as Task;
}

interface Reading {
  /** When the task last ran, as the kernel prints it. */
  readonly ran: string;
  /** Its frames, a line each. */
  readonly stack: string;
}

/** What the kernel itself prints for each task, by `TGID/task/TID`. */
async function readings(): Promise<Map<string, Reading>> {
  const text = await lab.execChecked(
    "cd /proc; grep -s '' [0-9]*/task/[0-9]*/stack; grep -s se.exec_start [0-9]*/task/[0-9]*/sched; true",
  );
  const all = new Map<string, { ran: string; stack: string[] }>();
  for (const line of text.split('\n')) {
    const [, path = '', file, rest = ''] = /^(\d+\/task\/\d+)\/(stack|sched):(.*)$/.exec(line) ?? [];
    const one = all.get(path) ?? { ran: '', stack: [] };
    all.set(path, one);
    if (file === 'stack') {
      one.stack.push(rest.replace('[<0>] ', ''));
    } else {
      one.ran = rest;
    }
  }
  return new Map([...all].map(([path, { ran, stack }]) => [path, { ran, stack: stack.join('\n') }]));
}

describe('a snapshot of all stacks', () => {
  it('finds the tasks that hang, with their stacks as the kernel prints them', async () => {
    const snapshot = await connection.run(taskSnapshot, null);
    expect(hung.map(({ comm }) => comm).sort()).toEqual(['dd', 'sync', 'txg_sync', 'zfs']);
    for (const { pid, comm } of hung) {
      const { trace } = groupOf(snapshot, pid);
      const task = taskOf(snapshot, pid);
      expect(task).toMatchObject({ pid, tgid: pid, comm, state: 'D' });
      expect(isHung(task, trace)).toBe(true);
      expect(trace.some((frame) => frame.module === 'zfs')).toBe(true);
      const printed = await lab.execChecked(`cat /proc/${pid}/stack`);
      expect(trace.map((frame) => `[<0>] ${formatFrame(frame)}`).join('\n')).toBe(printed.trim());
    }
  });

  it('says of every task that keeps still what a reading task by task says', async () => {
    const before = await readings();
    const snapshot = await connection.run(taskSnapshot, null);
    const after = await readings();
    const seen = new Map(
      snapshot.groups.flatMap(({ trace, tasks }) =>
        tasks.map((task): [string, string] => [
          `${task.tgid}/task/${task.pid}`,
          trace.map(formatFrame).join('\n'),
        ]),
      ),
    );
    const still = [...before].flatMap(([path, { ran, stack }]): [string, string][] =>
      stack !== '' && after.get(path)?.ran === ran ? [[path, stack]] : [],
    );
    expect(still.length).toBeGreaterThan(50);
    const missing = still.filter(([path]) => !seen.has(path));
    // Left out are the processes of ZScope itself, this connection's and perhaps another's.
    expect(missing.length).toBeLessThan(20);
    const compared = still.filter(([path]) => seen.has(path));
    expect(new Map(compared.map(([path]) => [path, seen.get(path)]))).toEqual(new Map(compared));
  });

  it('puts tasks with equal stacks into one group, and groups by nothing else', async () => {
    const pids = await start(
      `i=0; while [ $i -lt ${SLEEPERS} ]; do sleep 3600 </dev/null >/dev/null 2>&1 & echo $!; i=$((i+1)); done`,
    );
    // On a slow machine the last of them may still be on its way to sleep.
    const snapshot = await vi.waitFor(
      async () => {
        const taken = await connection.run(taskSnapshot, null);
        const group = groupOf(taken, pids[0] ?? 0);
        const members = new Set(group.tasks.map(({ pid }) => pid));
        expect(pids.filter((pid) => !members.has(pid))).toEqual([]);
        expect(group.trace.map(({ symbol }) => symbol)).toContain('hrtimer_nanosleep');
        return taken;
      },
      { timeout: 30_000, interval: 1000 },
    );
    const texts = snapshot.groups.map(({ trace }) => trace.map(formatFrame).join('\n'));
    expect(new Set(texts).size).toBe(texts.length);
    const sizes = snapshot.groups.map(({ tasks }) => tasks.length);
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  });

  it('reads names of any bytes', async () => {
    const names = Object.entries(ODD_NAMES);
    const script = names
      .map(([, printf]) => {
        const text = printf.replaceAll("'", "'\\''");
        // A shell that waits for a child keeps the name that it gave itself.
        return `sh -c 'printf "$1" >/proc/self/comm; sleep 3600 & wait' odd '${text}' </dev/null >/dev/null 2>&1 & echo $!`;
      })
      .join('\n');
    const pids = await start(script);
    await lab.execChecked('sleep 1');
    const snapshot = await connection.run(taskSnapshot, null);
    expect(pids.map((pid) => taskOf(snapshot, pid).comm)).toEqual(names.map(([name]) => name));
    expect(pids.map((pid) => taskOf(snapshot, pid).state)).toEqual(names.map(() => 'S'));
    const children = await lab.execChecked(
      `for p in ${pids.join(' ')}; do cat /proc/$p/task/$p/children; done`,
    );
    started.push(...children.trim().split(/\s+/).map(Number));
  });

  it('knows how long a task has not moved', async () => {
    const pid = hung.find(({ comm }) => comm === 'zfs')?.pid ?? 0;
    const first = await connection.run(taskSnapshot, null);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const second = await connection.run(taskSnapshot, null);
    const [early, late] = [first, second].map((snapshot) => taskOf(snapshot, pid).stillForSeconds ?? -1) as [
      number,
      number,
    ];
    expect(early).toBeGreaterThan(0);
    expect(early).toBeLessThan(first.uptimeSeconds);
    // It was started after its process was: field 22 of proc_pid_stat(5), in hundredths of a second.
    const stat = await lab.execChecked(`cat /proc/${pid}/stat`);
    const age = first.uptimeSeconds - Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) / 100;
    expect(early).toBeLessThan(age + 1);
    expect(late - early).toBeCloseTo(second.uptimeSeconds - first.uptimeSeconds, -0.5);
  });

  it('leaves out what ZScope itself runs on the target', async () => {
    const snapshot = await connection.run(taskSnapshot, null);
    expect(snapshot.groups.flatMap(({ tasks }) => tasks).filter(({ comm }) => comm === 'zscope')).toEqual([]);
  });
});

describe('the way to root', () => {
  it('is sudo where it asks for no password', async () => {
    const dev = await connectToLab(vm, { user: 'dev' });
    try {
      expect(dev.facts.root).toBe('sudo');
      const snapshot = await dev.run(taskSnapshot, null);
      for (const { pid } of hung) {
        expect(taskOf(snapshot, pid).state).toBe('D');
      }
    } finally {
      dev.dispose();
    }
  });

  it('is missing otherwise, which is said with what to do', async () => {
    const plain = await connectToLab(vm, { user: 'plain' });
    try {
      expect(plain.facts.root).toBe('none');
      const { code, message, remedy } = await failureOf(plain.run(taskSnapshot, null));
      expect(code).toBe('not-root');
      expect(message).toMatch(/root/);
      expect(remedy).toMatch(/sudo/);
    } finally {
      plain.dispose();
    }
  });
});
