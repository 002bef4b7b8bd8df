/** The words of the Hung Tasks view: pure functions of what a snapshot said. */
import { type Frame, formatFrame, sourceName } from '../../core/stack/frame.ts';
import type { Place } from '../../core/symbols/location.ts';
import type { TaskGroup } from '../../core/tasks.ts';
import { inert } from '../../core/text/inert.ts';
import { inStackForSeconds, type SeenGroup, type SeenTask } from './task-history.ts';

/** `sync (3198)` for one task, `z_wr_iss, z_rd_int and 3 more` for a group of several names. */
export function groupLabel(group: TaskGroup): string {
  const [first] = group.tasks;
  if (first !== undefined && group.tasks.length === 1) {
    return inert(`${first.comm} (${first.pid})`);
  }
  const names = [...new Set(group.tasks.map((task) => task.comm))];
  const shown = names.slice(0, 2).join(', ');
  const more = names.length > 2 ? ` and ${names.length - 2} more` : '';
  return inert(`${shown}${more}`);
}

/** What a group waits in, for how long: `×4  D  2 min  txg_wait_synced_impl`. */
export function groupDescription(group: SeenGroup): string {
  const parts = [
    group.tasks.length > 1 ? `×${group.tasks.length}` : '',
    [...new Set(group.tasks.map((task) => task.state))].join('/'),
    stillText(longestInStack(group.tasks)),
    waitFunction(group),
  ];
  return inert(parts.filter((part) => part !== '').join('  '));
}

function longestInStack(tasks: readonly SeenTask[]): number | null {
  const known = tasks.map(inStackForSeconds).filter((seconds) => seconds !== null);
  return known.length === 0 ? null : known.reduce((longest, seconds) => Math.max(longest, seconds));
}

/** `45 s`, `12 min`, `3 h`, `2 d`; empty for null. */
export function stillText(seconds: number | null): string {
  if (seconds === null) {
    return '';
  }
  if (seconds < 120) {
    return `${Math.floor(seconds)} s`;
  }
  const minutes = seconds / 60;
  if (minutes < 120) {
    return `${Math.floor(minutes)} min`;
  }
  const hours = minutes / 60;
  return hours < 48 ? `${Math.floor(hours)} h` : `${Math.floor(hours / 24)} d`;
}

// Frames that only say "it sleeps", not for what (kernel/sched/core.c, module/os/linux/spl/spl-condvar.c).
const sleeping =
  /^(__)?(schedule|io_schedule|schedule_timeout|schedule_hrtimeout|context_switch|cv_wait|cv_timedwait|cv_wait_common|mutex_lock|down_read|down_write|rwsem_|spl_)/;

/** The innermost function that says what the tasks wait for; the innermost of all when none does. */
function waitFunction(group: TaskGroup): string {
  const frame = group.trace.find(({ symbol }) => !sleeping.test(symbol)) ?? group.trace[0];
  return frame === undefined ? '' : sourceName(frame.symbol);
}

/** `D of process 3198  45 s` */
export function memberDescription(task: SeenTask): string {
  const thread = task.tgid === task.pid ? '' : ` of process ${task.tgid}`;
  return `${task.state}${thread}  ${stillText(inStackForSeconds(task))}`.trim();
}

/** `, has not run for 45 s`; when it wakes now and then: `, in this stack for 5 min, last ran 3 s ago`. */
function stayText(task: SeenTask): string {
  const last = task.stillForSeconds;
  const stay = inStackForSeconds(task);
  if (stay === null) {
    return '';
  }
  if (stay === last) {
    return `, has not run for ${stillText(last)}`;
  }
  const ran = last === null ? '' : `, last ran ${stillText(last)} ago`;
  return `, in this stack for ${stillText(stay)}${ran}`;
}

/** Everything about a group as lines of plain text. */
export function groupTooltip(group: SeenGroup): string {
  const tasks = group.tasks
    .slice(0, 20)
    .map((task) => `${task.comm} (pid ${task.pid}), state ${task.state}${stayText(task)}`);
  const more = group.tasks.length > 20 ? [`... and ${group.tasks.length - 20} more`] : [];
  return [...tasks, ...more, '', ...group.trace.map(formatFrame)].map((line) => inert(line)).join('\n');
}

/**
 * What stands after a frame's function. The source comes first: a narrow view cuts the end.
 * `zil.c:3688  +0x3d [zfs]`, `list.h:231  inlined`, `zil.c:3655 function  +0x3d [zfs]`
 */
export function frameDescription(frame: Frame, place: Place): string {
  const where = place.inlined
    ? 'inlined'
    : `+0x${frame.offset.toString(16)}${frame.module === null ? '' : ` [${frame.module}]`}`;
  const source = [sourceText(place), howText(place)].filter((part) => part !== '').join(' ');
  return inert([source, where].filter((part) => part !== '').join('  '));
}

/** `zil.c:3194`; empty when no source is known. */
export function sourceText(place: Place): string {
  if (place.path === null) {
    return '';
  }
  const name = place.path.slice(place.path.lastIndexOf('/') + 1);
  return inert(place.line === null ? name : `${name}:${place.line}`);
}

/** Says when a line is not exact: it is the definition's, or a guessed call's. Empty for an exact one. */
export function howText(place: Place): string {
  if (place.candidates !== undefined) {
    return `function, ${place.candidates.length} lines possible`;
  }
  switch (place.how) {
    case 'function':
      return 'function';
    case 'call-site':
      return 'call site';
    default:
      return '';
  }
}

/** {@link howText} as a sentence for a tooltip. */
export function howSentence(place: Place): string {
  if (place.candidates !== undefined) {
    return 'no debug info: one of several lines, which opening it lets you choose';
  }
  switch (place.how) {
    case 'function':
      return 'no debug info: this is the definition, not the exact line';
    case 'call-site':
      return 'no debug info: this is the only call of the next frame in the function';
    default:
      return '';
  }
}

/** The stack as text, as /proc/PID/stack would print it, under the names of its tasks. */
export function stackText(group: TaskGroup): string {
  const heads = group.tasks.map((task) => inert(`${task.comm}:${task.pid} state ${task.state}`));
  return [...heads, ...group.trace.map((frame) => `[<0>] ${formatFrame(frame)}`), ''].join('\n');
}
