/** Which of the groups that were seen are rows, and in what order. Pure. */
import { traceMatches } from '../../core/stack/filter.ts';
import { isIdleTrace } from '../../core/zfs/idle.ts';
import { type SeenGroup, stackKey } from './task-history.ts';

/** What the person wants to see. */
export interface TaskChoice {
  /** All tasks instead of the hung ones. */
  readonly all: boolean;
  /** Among all tasks: those of ZFS that wait for work, too. */
  readonly idle: boolean;
  /** A module, function or comm; empty for none (see traceMatches()). */
  readonly filter: string;
}

export interface ShownGroups {
  readonly groups: readonly SeenGroup[];
  /** Tasks left out because they only wait for work. */
  readonly idleHidden: number;
}

/** The rows of a choice: most tasks first, then by pid, an order that stays from snapshot to snapshot. */
export function shownGroups(seen: readonly SeenGroup[], { all, idle, filter }: TaskChoice): ShownGroups {
  const groups: SeenGroup[] = [];
  let idleHidden = 0;
  for (const group of seen) {
    if (all && !idle && isIdleTrace(group.trace)) {
      idleHidden += group.tasks.length;
      continue;
    }
    const tasks = group.tasks.filter((task) => (all || task.hung) && traceMatches(filter, task, group.trace));
    if (tasks.length > 0) {
      groups.push(tasks.length === group.tasks.length ? group : { trace: group.trace, tasks });
    }
  }
  groups.sort((a, b) => b.tasks.length - a.tasks.length || firstPid(a) - firstPid(b));
  return { groups, idleHidden };
}

/** Tasks of the groups that hang. */
export function countHung(groups: readonly SeenGroup[]): number {
  return groups.reduce((count, { tasks }) => count + tasks.filter((task) => task.hung).length, 0);
}

/** Stable as long as the stack is: the same row of the tree from snapshot to snapshot. */
export function groupId(group: SeenGroup): string {
  return group.trace.length === 0 ? `empty/${firstPid(group)}` : stackKey(group.trace);
}

function firstPid({ tasks }: SeenGroup): number {
  return tasks[0]?.pid ?? 0;
}
