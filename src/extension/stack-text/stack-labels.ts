/** The words of the documents that Group Identical Stacks and Compare Stacks make: pure functions. */
import { type Frame, formatFrame } from '../../core/stack/frame.ts';
import type { ComparedStacks, MovedTasks, StackGroup } from '../../core/stack/groups.ts';
import type { TextTask } from '../../core/stack/traces.ts';
import type { TaskSnapshot } from '../../core/tasks.ts';
import { inert } from '../../core/text/inert.ts';
import { groupDescription, groupLabel } from '../hung-tasks/labels.ts';
import type { SeenTask } from '../hung-tasks/task-history.ts';

/** Tasks that are listed of one stack. */
const MAX_TASKS = 1000;

/** Lines that are named of a stack of nobody. */
const MAX_LINES = 10;

const GROUPED = 'Stacks of ';

/** The title of the document with the stacks of another; null when that is such a document itself, which has each stack once. */
export function groupedTitle(of: string, isOurs: boolean): string | null {
  return isOurs && of.startsWith(GROUPED) ? null : `${GROUPED}${of}`;
}

/** Each stack once under its row of All Tasks, as text whose frames are links. */
export function groupedText(groups: readonly StackGroup[], of: string): string {
  const stacks = groups.reduce((sum, { count }) => sum + count, 0);
  const heading = `${counted(groups.length, 'different stack')} of ${stacks} in ${inert(of)}`;
  return [heading, ...groups.map((group) => groupText(group))].join('\n\n').concat('\n');
}

/** What is different, in the order new, gone, moved. */
export function comparedText(compared: ComparedStacks, before: string, after: string): string {
  const { fresh, gone, moved, same } = compared;
  const count = (groups: readonly StackGroup[]) => groups.reduce((sum, one) => sum + one.count, 0);
  const movedCount = moved.reduce((sum, { tasks }) => sum + tasks.length, 0);
  const parts = [
    `From ${inert(before)} to ${inert(after)}: ${count(fresh)} new, ${count(gone)} gone, ${movedCount} moved, ${same} as before`,
    ...section('New', fresh.map(groupText)),
    ...section('Gone', gone.map(groupText)),
    ...section('Moved', moved.map(movedText)),
  ];
  return parts.join('\n\n').concat('\n');
}

/** The tasks of a target as groups of stack text. */
export function snapshotGroups({ groups }: TaskSnapshot): StackGroup[] {
  return groups
    .filter(({ trace }) => trace.length > 0)
    .map(({ trace, tasks }) => ({ frames: trace, count: tasks.length, tasks, lines: [] }));
}

function section(title: string, texts: readonly string[]): string[] {
  return texts.length === 0 ? [] : [`---- ${title} ----`, ...texts];
}

function groupText({ frames, count, tasks, lines }: StackGroup): string {
  const unnamed = count - tasks.length;
  const where = lines
    .slice(0, MAX_LINES)
    .join(', ')
    .concat(lines.length > MAX_LINES ? ' ...' : '');
  const heads = [
    ...(tasks.length === 0 ? [] : [rowOf(frames, tasks)]),
    ...(unnamed > 0 ? [`×${unnamed}${where === '' ? '' : `  line ${where}`}`] : []),
    ...taskLines(tasks),
  ];
  return [...heads, ...frameLines(frames)].join('\n');
}

function movedText({ tasks, from, to }: MovedTasks): string {
  return [
    `${rowOf(to, tasks)}, was in`,
    ...frameLines(from),
    'is in',
    ...taskLines(tasks),
    ...frameLines(to),
  ].join('\n');
}

/** `sync (3198)  D  txg_wait_synced_impl`, as a row of All Tasks has it. */
function rowOf(trace: readonly Frame[], tasks: readonly TextTask[]): string {
  const seen = tasks.map(
    ({ comm, pid, state }): SeenTask => ({
      pid: pid ?? 0,
      tgid: pid ?? 0,
      comm: comm ?? 'task',
      state: state ?? '',
      stillForSeconds: null,
      sameStackForSeconds: 0,
      hung: false,
    }),
  );
  const group = { trace, tasks: seen };
  return `${groupLabel(group)}  ${groupDescription(group)}`;
}

/** As Copy Stack writes them; a task once that a log shows again and again. */
function taskLines(tasks: readonly TextTask[]): string[] {
  const lines = new Set(
    tasks.map(({ comm, pid, state }) =>
      inert(`${comm ?? 'task'}:${pid ?? 0}${state === null ? '' : ` state ${state}`}`),
    ),
  );
  const shown = [...lines].slice(0, MAX_TASKS);
  return lines.size > MAX_TASKS ? [`${lines.size - MAX_TASKS} more, and`, ...shown] : shown;
}

function frameLines(frames: readonly Frame[]): string[] {
  return frames.map((frame) => `[<0>] ${inert(formatFrame(frame))}`);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
