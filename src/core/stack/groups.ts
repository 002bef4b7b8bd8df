/** Equal stacks of a text as one, and what became of stacks between two texts. */
import { isSleepHelper } from '../zfs/wait-points.ts';
import { type Frame, frameKey } from './frame.ts';
import { type TextTask, type TextTrace, traceKey } from './traces.ts';

/** A stack, however often it is in a text. */
export interface StackGroup {
  /** Without the kernel's guesses, innermost first. */
  readonly frames: readonly Frame[];
  readonly count: number;
  /** The tasks that are named with it, in the order of the text. */
  readonly tasks: readonly TextTask[];
  /** 1-based lines where it begins, of the first that no task is named with. */
  readonly lines: readonly number[];
}

/** Places in the text that are kept of a stack whose tasks are not named. */
const MAX_LINES = 100;

/** The different stacks of a text, the most frequent first, then by the first task's pid. */
export function groupTraces(traces: readonly TextTrace[]): StackGroup[] {
  const groups = new TraceGroups();
  for (const trace of traces) {
    groups.add(trace);
  }
  return groups.sorted();
}

/** Groups stacks that come one by one. */
export class TraceGroups {
  readonly #groups = new Map<
    string,
    { readonly frames: Frame[]; count: number; readonly tasks: TextTask[]; readonly lines: number[] }
  >();

  /** @param max different stacks that are kept; others are left out */
  constructor(private readonly max = Number.POSITIVE_INFINITY) {}

  add({ frames, tasks, firstLine }: TextTrace): void {
    const key = traceKey(frames);
    let group = this.#groups.get(key);
    if (key === '' || (group === undefined && this.#groups.size >= this.max)) {
      return;
    }
    if (group === undefined) {
      const reliable = frames.filter(({ frame }) => frame.reliable).map(({ frame }) => frame);
      group = { frames: reliable, count: 0, tasks: [], lines: [] };
      this.#groups.set(key, group);
    }
    group.count += Math.max(tasks.length, 1);
    for (const task of tasks) {
      group.tasks.push(task);
    }
    if (tasks.length === 0 && group.lines.length < MAX_LINES) {
      group.lines.push(firstLine + 1);
    }
  }

  /** The most frequent first, then by the first task's pid. */
  sorted(): StackGroup[] {
    return [...this.#groups.values()].sort(inOrder);
  }
}

function inOrder(a: StackGroup, b: StackGroup): number {
  return b.count - a.count || (a.tasks[0]?.pid ?? 0) - (b.tasks[0]?.pid ?? 0);
}

/** Tasks that went from one stack to another. */
export interface MovedTasks {
  readonly tasks: readonly TextTask[];
  readonly from: readonly Frame[];
  readonly to: readonly Frame[];
}

/** What is different in a second text; the most frequent first. */
export interface ComparedStacks {
  /** Tasks that are in the second text only, by stack; for stacks of nobody: those there are more of. */
  readonly fresh: readonly StackGroup[];
  /** Tasks that are in the first text only. */
  readonly gone: readonly StackGroup[];
  readonly moved: readonly MovedTasks[];
  /** Tasks, or stacks of nobody, that are where they were. */
  readonly same: number;
}

/**
 * Compares the stacks of two texts. A task is the same when its pid and, where both texts name it, its
 * name are. What the kernel does to sleep is no difference: a log shows it, /proc/PID/stack does not.
 */
export function compareStacks(before: readonly StackGroup[], after: readonly StackGroup[]): ComparedStacks {
  const was = placesOf(before);
  const is = placesOf(after);
  const fresh = new Gathered();
  const gone = new Gathered();
  const moved = new Map<string, { tasks: TextTask[]; from: readonly Frame[]; to: readonly Frame[] }>();
  let same = 0;
  for (const [pid, now] of is.tasks) {
    const then = was.tasks.get(pid);
    if (then === undefined || !mayBeSame(then.task, now.task)) {
      fresh.task(now);
    } else if (then.key === now.key) {
      same++;
    } else {
      const both = `${then.key}\n\n${now.key}`;
      const known = moved.get(both);
      if (known === undefined) {
        moved.set(both, { tasks: [now.task], from: then.frames, to: now.frames });
      } else {
        known.tasks.push(now.task);
      }
    }
  }
  for (const [pid, then] of was.tasks) {
    const now = is.tasks.get(pid);
    if (now === undefined || !mayBeSame(then.task, now.task)) {
      gone.task(then);
    }
  }
  for (const key of new Set([...was.nobody.keys(), ...is.nobody.keys()])) {
    const then = was.nobody.get(key);
    const now = is.nobody.get(key);
    const difference = (now?.count ?? 0) - (then?.count ?? 0);
    same += Math.min(now?.count ?? 0, then?.count ?? 0);
    if (difference > 0 && now !== undefined) {
      fresh.nobody(key, now, difference);
    } else if (difference < 0 && then !== undefined) {
      gone.nobody(key, then, -difference);
    }
  }
  return {
    fresh: fresh.groups(),
    gone: gone.groups(),
    moved: [...moved.values()].sort((a, b) => b.tasks.length - a.tasks.length),
    same,
  };
}

interface TaskPlace {
  readonly task: TextTask;
  readonly key: string;
  readonly frames: readonly Frame[];
}

/** Where each task is, and how often each stack is nobody's. A task that is there twice counts as it was last. */
function placesOf(groups: readonly StackGroup[]) {
  const tasks = new Map<number, TaskPlace>();
  const nobody = new Map<string, StackGroup>();
  for (const group of groups) {
    const key = comparedKey(group.frames);
    let unnamed = group.count - group.tasks.length;
    for (const task of group.tasks) {
      if (task.pid === null) {
        unnamed++;
      } else {
        tasks.set(task.pid, { task, key, frames: group.frames });
      }
    }
    if (unnamed > 0) {
      nobody.set(key, { ...group, tasks: [], count: unnamed + (nobody.get(key)?.count ?? 0) });
    }
  }
  return { tasks, nobody };
}

function comparedKey(frames: readonly Frame[]): string {
  return frames
    .filter(({ module, symbol }) => module !== null || !isSleepHelper(symbol))
    .map(frameKey)
    .join('\n');
}

function mayBeSame(a: TextTask, b: TextTask): boolean {
  return a.comm === null || b.comm === null || a.comm === b.comm;
}

/** Gathers tasks by stack. */
class Gathered {
  readonly #groups = new Map<
    string,
    { frames: readonly Frame[]; count: number; tasks: TextTask[]; lines: number[] }
  >();

  task({ key, frames, task }: TaskPlace): void {
    const group = this.#group(key, frames);
    group.count++;
    group.tasks.push(task);
  }

  nobody(key: string, { frames, lines }: StackGroup, count: number): void {
    const group = this.#group(key, frames);
    group.count += count;
    group.lines.push(...lines);
  }

  groups(): StackGroup[] {
    return [...this.#groups.values()].sort(inOrder);
  }

  #group(key: string, frames: readonly Frame[]) {
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { frames, count: 0, tasks: [], lines: [] };
      this.#groups.set(key, group);
    }
    return group;
  }
}
