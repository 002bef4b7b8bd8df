import { Failure } from '../../failure.ts';
import { allOf, type Condition, conjuncts, type Field, knownWhen } from '../conditions/check.ts';
import { kernelFilter } from '../conditions/kernel-filter.ts';
import { KINDS, type TraceKind } from '../kinds.ts';

/** Who checks which part of a condition. */
export interface Filters {
  /** For the event at the function's entry, as the kernel writes it; null for none. */
  readonly entry: string | null;
  /** For the event at its return. */
  readonly return: string | null;
  /** Whether a call that is recorded at its entry is at its return: nothing that is known only then is asked for. */
  readonly keepsReturns: boolean;
  /** For the durations that the kernel sums up. */
  readonly duration: string | null;
  /** What the kernel cannot check, so that each call is recorded and checked here; null for nothing. */
  readonly ours: Condition | null;
}

const NONE: Filters = { entry: null, return: null, keepsReturns: true, duration: null, ours: null };

/**
 * Parts a condition so that as much of it as possible is checked in the kernel. What it asks of the task is checked
 * at both ends: the returns of all others would fill the buffer.
 * @param single all is known in one event: nothing is paired
 * @param keepsName the task has the same name at both ends: only one that executes a program gets another
 * @throws Failure `bad-request` when nobody can check it
 */
export function partCondition(
  condition: Condition | null,
  kind: TraceKind,
  single: boolean,
  keepsName: boolean,
): Filters {
  if (condition === null) {
    return NONE;
  }
  const parts: Record<'entry' | 'return' | 'duration' | 'ours', Condition[]> = {
    entry: [],
    return: [],
    duration: [],
    ours: [],
  };
  for (const part of conjuncts(condition)) {
    const filter = kernelFilter(part);
    const known = single ? 'entry' : knownWhen(part);
    if (filter === null) {
      parts.ours.push(part);
    } else if (known !== 'both') {
      parts[known].push(part);
    } else if (kind === 'latency' && everyField(part, ({ type }) => type === 'duration')) {
      parts.duration.push(part);
    } else {
      parts.ours.push(part);
    }
  }
  const ours = allOf(parts.ours);
  if (ours !== null && KINDS[kind].how === 'tally') {
    throw new Failure(
      'bad-request',
      'The kernel counts these calls itself and cannot check all of this condition.',
      'Trace calls or returns instead, or ask for arguments, task and return value each by themselves.',
    );
  }
  const ofTask = parts.entry.filter((part) => everyField(part, (field) => isOfTask(field, keepsName)));
  return {
    entry: filterOf(parts.entry),
    return: filterOf(single ? parts.return : [...ofTask, ...parts.return]),
    keepsReturns: parts.return.length === 0,
    duration: filterOf(parts.duration),
    ours,
  };
}

function filterOf(parts: readonly Condition[]): string | null {
  const all = allOf(parts);
  return all === null ? null : kernelFilter(all);
}

function isOfTask(field: Field, keepsName: boolean): boolean {
  return field.kernel === 'common_pid' || (keepsName && field.kernel === 'comm');
}

function everyField(condition: Condition, test: (field: Field) => boolean): boolean {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return everyField(condition.left, test) && everyField(condition.right, test);
    case 'not':
      return everyField(condition.of, test);
    default:
      return test(condition.field);
  }
}
