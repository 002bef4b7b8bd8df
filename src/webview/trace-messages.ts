import { TRACE_KINDS } from '../core/tracing/kinds.ts';
import type {
  StackLine,
  TallyRow,
  TallyView,
  ToTraceView,
  TraceAlternative,
  TraceRow,
  TreeRow,
} from '../protocol/trace-view.ts';
import { type ListState, readListState } from './list-state.ts';
import {
  hasBooleans,
  hasNumbers,
  hasStrings,
  isArrayOf,
  isFields,
  messageReader,
  numberOrNull,
  stringOrEmpty,
} from './shape.ts';
import { readTraceSort, type TraceSort } from './trace-sort.ts';

export const readTraceMessage = messageReader<ToTraceView>({
  reset: (message) =>
    hasStrings(message, 'title', 'target', 'argumentsKnown') &&
    hasBooleans(message, 'hasProgram', 'isKept') &&
    TRACE_KINDS.some((kind) => kind === message['kind']),
  about: (message) => hasStrings(message, 'argumentsKnown'),
  tally: (message) => isArrayOf(message['functions'], isTally),
  losses: (message) => hasStrings(message, 'text', 'title'),
  rows: (message) => isArrayOf(message['rows'], isRow),
  state: (message) =>
    hasStrings(message, 'text', 'waiting') &&
    hasBooleans(message, 'running', 'isError') &&
    isArrayOf(message['alternatives'], isAlternative),
  tree: (message) =>
    hasNumbers(message, 'id') &&
    hasStrings(message, 'heading') &&
    hasBooleans(message, 'resolving') &&
    isArrayOf(message['rows'], isTreeRow),
  stack: (message) =>
    hasNumbers(message, 'id') && hasBooleans(message, 'resolving') && isArrayOf(message['lines'], isLine),
});

function isRow(value: unknown): value is TraceRow {
  return (
    isFields(value) &&
    hasNumbers(value, 'id', 'pid', 'cpu') &&
    (value['kind'] === 'call' || value['kind'] === 'loss') &&
    hasStrings(value, 'time', 'comm', 'function', 'returned', 'text') &&
    hasBooleans(value, 'failed') &&
    (value['durationNs'] === null || hasNumbers(value, 'durationNs')) &&
    isArrayOf(value['arguments'], isArgument)
  );
}

function isTally(value: unknown): value is TallyView {
  return (
    isFields(value) &&
    hasStrings(value, 'symbol', 'summary', 'heading') &&
    hasBooleans(value, 'hasStacks') &&
    isArrayOf(value['rows'], isTallyRow)
  );
}

function isTallyRow(value: unknown): value is TallyRow {
  return isFields(value) && hasStrings(value, 'key', 'label', 'detail') && hasNumbers(value, 'count');
}

function isTreeRow(value: unknown): value is TreeRow {
  return (
    isFields(value) &&
    hasNumbers(value, 'depth', 'count', 'share') &&
    hasStrings(value, 'key', 'label', 'source', 'time') &&
    hasBooleans(value, 'canOpen', 'isSlowest')
  );
}

function isArgument(value: unknown): value is TraceRow['arguments'][number] {
  return isFields(value) && hasStrings(value, 'name', 'value');
}

function isAlternative(value: unknown): value is TraceAlternative {
  return isFields(value) && hasStrings(value, 'symbol', 'about');
}

function isLine(value: unknown): value is StackLine {
  return (
    isFields(value) &&
    hasStrings(value, 'label', 'source', 'note') &&
    hasBooleans(value, 'inlined', 'canOpen')
  );
}

/** What a trace view remembers while it is hidden. */
export interface TraceState extends ListState {
  readonly title: string;
  /** The table's share of the room, in percent. */
  readonly split: number;
  /** Null for the order in which the calls came. */
  readonly sort: TraceSort | null;
}

/** The table's share of the room until a person changes it, in percent. */
const SPLIT_AT_FIRST = 60;

/** A saved state, or the first one when the value is none. */
export function readTraceState(value: unknown): TraceState {
  const saved = isFields(value) ? value : {};
  return {
    ...readListState(saved),
    title: stringOrEmpty(saved['title']),
    split: numberOrNull(saved['split']) ?? SPLIT_AT_FIRST,
    sort: readTraceSort(saved['sort']),
  };
}
