import { Failure } from '../../failure.ts';
import { allOf, type Condition, conjuncts, knownWhen } from '../conditions/check.ts';
import { kernelFilter } from '../conditions/kernel-filter.ts';
import type { TraceKind } from '../kinds.ts';

/** Who checks which part of a condition. */
export interface Filters {
  /** For the event at the function's entry, as the kernel writes it; null for none. */
  readonly entry: string | null;
  /** For the event at its return. */
  readonly return: string | null;
  /** For the durations that the kernel sums up. */
  readonly duration: string | null;
  /** What the kernel cannot check, so that each call is recorded and checked here; null for nothing. */
  readonly ours: Condition | null;
}

const NONE: Filters = { entry: null, return: null, duration: null, ours: null };

/**
 * Parts a condition so that as much of it as possible is checked in the kernel.
 * @param single all is known in one event: nothing is paired
 * @throws Failure `bad-request` when nobody can check it
 */
export function partCondition(condition: Condition | null, kind: TraceKind, single: boolean): Filters {
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
    } else if (kind === 'latency' && isOfDuration(part)) {
      parts.duration.push(part);
    } else {
      parts.ours.push(part);
    }
  }
  const ours = allOf(parts.ours);
  if (ours !== null && (kind === 'count' || kind === 'latency' || kind === 'stacks')) {
    throw new Failure(
      'bad-request',
      'The kernel counts these calls itself and cannot check all of this condition.',
      'Trace calls or returns instead, or ask for arguments, task and return value each by themselves.',
    );
  }
  return {
    entry: filterOf(parts.entry),
    return: filterOf(parts.return),
    duration: filterOf(parts.duration),
    ours,
  };
}

function filterOf(parts: readonly Condition[]): string | null {
  const all = allOf(parts);
  return all === null ? null : kernelFilter(all);
}

function isOfDuration(condition: Condition): boolean {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return isOfDuration(condition.left) && isOfDuration(condition.right);
    case 'not':
      return isOfDuration(condition.of);
    default:
      return condition.field.type === 'duration';
  }
}
