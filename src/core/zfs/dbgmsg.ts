/** The place that a dbgmsg line names. */
export interface DbgmsgSource {
  /** As printed: `spa.c:6241:spa_async_request()`. */
  readonly text: string;
  /** Base name of the source file, as `__FILE__` is cut by the kernel side: `spa.c`. */
  readonly path: string;
  /** 1-based line in the source of the running build. */
  readonly line: number;
  readonly function: string;
}

/** One line of `/proc/spl/kstat/zfs/dbgmsg`. All text is untrusted. */
export interface DbgmsgLine {
  /** Whole seconds since 1970 on the target's clock, which may step back; null for a continued message. */
  readonly time: number | null;
  /** Hex of the writer's task_struct pointer, printed since ZFS 2.3; null before. */
  readonly task: string | null;
  /** Null where the message names no place: ZFS 0.6, and messages that are logged bare. */
  readonly source: DbgmsgSource | null;
  /** The message after all that. */
  readonly text: string;
}

const TIME = /^(\d{1,12}) {1,12}/;
// Kept to the width of a pointer, so that a message that starts with a number is not taken for one.
const TASK = /^([0-9a-f]{16}) /;
const TASK32 = /^([0-9a-f]{8}) (?=(?:dprintf: )?[\w.-]{1,128}\.[ch]:\d)/;
const SOURCE = /^(?:dprintf: )?(([\w./-]{1,255}\.[chS]):(\d{1,7}):([A-Za-z_]\w{0,127})\(\))(?:: ?| ?$)/;

/**
 * Reads a line of the list in any format since ZFS 0.6.5 (module/os/linux/zfs/zfs_debug.c,
 * `zfs_dbgmsg_show` and `__dprintf`): time, since 2.3 the task, since 0.7 the place, the message.
 */
export function parseDbgmsgLine(line: string): DbgmsgLine {
  let rest = line;
  const time = TIME.exec(rest);
  if (time !== null) {
    rest = rest.slice(time[0].length);
  }
  const task = time === null ? null : (TASK.exec(rest) ?? TASK32.exec(rest));
  if (task !== null) {
    rest = rest.slice(task[0].length);
  }
  const source = SOURCE.exec(rest);
  return {
    time: time === null ? null : Number(time[1]),
    task: task?.[1] ?? null,
    source: source === null ? null : sourceOf(source),
    text: source === null ? rest : rest.slice(source[0].length),
  };
}

/** Reads a place alone: `spa.c:6241:spa_async_request()`; null when the text is none. */
export function parseDbgmsgSource(text: string): DbgmsgSource | null {
  const source = SOURCE.exec(text);
  return source === null || source[1] !== text ? null : sourceOf(source);
}

function sourceOf([, text = '', path = '', line, name = '']: RegExpExecArray): DbgmsgSource {
  return { text, path, line: Number(line), function: name };
}
