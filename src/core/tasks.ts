import type { Trace } from './stack/frame.ts';

/** One Linux task (thread) as a snapshot saw it. */
export interface Task {
  /** Thread id, in the target's init namespace. */
  readonly pid: number;
  /** Thread group id (the process); equals {@link pid} for a group leader. */
  readonly tgid: number;
  /** `/proc/PID/comm`: at most 15 bytes (63 for kernel threads), any character; untrusted. */
  readonly comm: string;
  /** State letter of `/proc/PID/stat`: R S D T t Z X I ... (fs/proc/array.c). */
  readonly state: string;
  /**
   * Seconds since the task last ran, from `se.exec_start` of `/proc/PID/sched`
   * (kernel/sched/debug.c); null where the kernel does not tell (nor knows: 0) or it was not asked.
   */
  readonly stillForSeconds: number | null;
}

/** Tasks that have the same stack, frame for frame, at the moment of the snapshot. */
export interface TaskGroup {
  readonly trace: Trace;
  readonly tasks: readonly Task[];
}

/** All tasks of a target at (nearly) one moment, equal stacks grouped. */
export interface TaskSnapshot {
  /** Seconds since boot at the target when the snapshot was taken. */
  readonly uptimeSeconds: number;
  /** Most tasks first. */
  readonly groups: readonly TaskGroup[];
  /** Tasks whose stack could not be read: the kernel refused it, or they ended in that very moment. */
  readonly unreadable: number;
  /**
   * Signs of the builds of the modules in the stacks, by name: as long as one stays the same, so does the
   * build that is loaded. Empty for a module without a build-id; good for nothing but comparing.
   */
  readonly builds: ReadonlyMap<string, string>;
}
