/** What several looks at the tasks tell together that one look cannot. Pure. */
import { frameKey, type Trace } from '../../core/stack/frame.ts';
import type { Task, TaskGroup, TaskSnapshot } from '../../core/tasks.ts';
import { isHung } from '../../core/zfs/idle.ts';

/**
 * A wait with a time limit wakes and waits on, as zio_wait() does (module/zfs/zio.c): a task that
 * hung at a look within so many seconds, and is in the same stack, hangs still.
 */
const HUNG_STAYS_SECONDS = 15;

/** After a longer pause between two looks nothing is said of what was between them; seconds. */
const PAUSE_SECONDS = 120;

/** A task with what earlier looks knew of it. */
export interface SeenTask extends Task {
  /**
   * Seconds between the first and the last of the looks that all found it in this stack; 0 at the
   * first.
   */
  readonly sameStackForSeconds: number;
  readonly hung: boolean;
}

/** Tasks with the same stack. */
export interface SeenGroup extends TaskGroup {
  readonly tasks: readonly SeenTask[];
}

interface Entry {
  readonly task: string;
  readonly stack: string;
  /** Seconds since boot. */
  readonly since: number;
  /** When it last hung by one look alone; null when never in this stack. */
  readonly hungAt: number | null;
}

/** Follows the tasks of one target from look to look. */
export class TaskHistory {
  #entries: ReadonlyMap<number, Entry> = new Map();
  /** When the last look was, in seconds since boot. */
  #last = 0;

  /** The groups of the next snapshot, with what is known by now. */
  see(snapshot: TaskSnapshot): readonly SeenGroup[] {
    const now = snapshot.uptimeSeconds;
    const known = now - this.#last <= PAUSE_SECONDS ? this.#entries : new Map<number, Entry>();
    this.#last = now;
    const entries = new Map<number, Entry>();
    const groups = snapshot.groups.map(({ trace, tasks }) => {
      const stack = stackKey(trace);
      const seen = tasks.map((task): SeenTask => {
        const before = known.get(task.pid);
        // A pid comes again: the name and the process tell most of such tasks apart.
        const name = `${task.tgid} ${task.comm}`;
        const stayed = before?.task === name && before.stack === stack ? before : null;
        const since = stayed?.since ?? now;
        const hungAt = isHung(task, trace) ? now : (stayed?.hungAt ?? null);
        entries.set(task.pid, { task: name, stack, since, hungAt });
        return {
          ...task,
          sameStackForSeconds: now - since,
          hung: hungAt !== null && task.state === 'D' && now - hungAt <= HUNG_STAYS_SECONDS,
        };
      });
      return { trace, tasks: seen };
    });
    this.#entries = entries;
    return groups;
  }
}

/** A text that two stacks share exactly when they are equal. */
export function stackKey(trace: Trace): string {
  return trace.map(frameKey).join('\n');
}

/**
 * For how long a task has been in its stack, in seconds: what has not run cannot have left it, and
 * one that hangs in a wait with a time limit wakes and goes back. Null when that is not known.
 */
export function inStackForSeconds(task: SeenTask): number | null {
  const { stillForSeconds, sameStackForSeconds, hung } = task;
  return hung && sameStackForSeconds > (stillForSeconds ?? 0) ? sameStackForSeconds : stillForSeconds;
}
