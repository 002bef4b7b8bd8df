import type { StackLine, ToTraceView, TraceRow } from '../protocol/trace-view.ts';
import {
  hasBooleans,
  hasNumbers,
  hasStrings,
  isArrayOf,
  isFields,
  numberOrNull,
  stringOrEmpty,
} from './shape.ts';

/** The message that a value is; null for every other value. */
export function readTraceMessage(value: unknown): ToTraceView | null {
  return isTraceMessage(value) ? value : null;
}

function isTraceMessage(value: unknown): value is ToTraceView {
  if (!isFields(value)) {
    return false;
  }
  switch (value['type']) {
    case 'reset':
      return hasStrings(value, 'title', 'argumentsKnown');
    case 'rows':
      return isArrayOf(value['rows'], isRow);
    case 'state':
      return hasStrings(value, 'text') && hasBooleans(value, 'running', 'isError');
    case 'stack':
      return hasNumbers(value, 'id') && hasBooleans(value, 'resolving') && isArrayOf(value['lines'], isLine);
    default:
      return false;
  }
}

function isRow(value: unknown): value is TraceRow {
  return (
    isFields(value) &&
    hasNumbers(value, 'id', 'pid', 'cpu') &&
    (value['kind'] === 'call' || value['kind'] === 'loss') &&
    hasStrings(value, 'time', 'comm', 'function', 'text') &&
    isArrayOf(value['arguments'], isArgument)
  );
}

function isArgument(value: unknown): value is TraceRow['arguments'][number] {
  return isFields(value) && hasStrings(value, 'name', 'value');
}

function isLine(value: unknown): value is StackLine {
  return (
    isFields(value) &&
    hasStrings(value, 'label', 'source', 'note') &&
    hasBooleans(value, 'inlined', 'canOpen')
  );
}

/** What a trace view remembers while it is hidden. */
export interface TraceState {
  readonly title: string;
  readonly filter: string;
  readonly follow: boolean;
  /** Id of the last event before the pause; null while not paused. */
  readonly pausedAfter: number | null;
  /** Id of the chosen event; null when there is none. */
  readonly active: number | null;
  /** The table's share of the room, in percent. */
  readonly split: number;
}

/** The table's share of the room until a person changes it, in percent. */
const SPLIT_AT_FIRST = 60;

/** A saved state, or the first one when the value is none. */
export function readTraceState(value: unknown): TraceState {
  const saved = isFields(value) ? value : {};
  return {
    title: stringOrEmpty(saved['title']),
    filter: stringOrEmpty(saved['filter']),
    follow: saved['follow'] !== false,
    pausedAfter: numberOrNull(saved['pausedAfter']),
    active: numberOrNull(saved['active']),
    split: numberOrNull(saved['split']) ?? SPLIT_AT_FIRST,
  };
}
