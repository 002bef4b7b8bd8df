import type { TraceRow } from '../protocol/trace-view.ts';
import type { SortKey } from './rows/sorted-rows.ts';
import { isFields } from './shape.ts';

/** Columns that the table can be sorted by. */
export type TraceColumn = keyof typeof KEYS;

/** How the table is sorted. */
export interface TraceSort {
  readonly column: TraceColumn;
  readonly descending: boolean;
}

const KEYS = {
  time: (row: TraceRow): SortKey => (row.kind === 'call' ? row.id : null),
  task: (row: TraceRow): SortKey => (row.kind === 'call' ? row.comm : null),
  pid: (row: TraceRow): SortKey => (row.kind === 'call' ? row.pid : null),
  cpu: (row: TraceRow): SortKey => (row.kind === 'call' ? row.cpu : null),
  function: (row: TraceRow): SortKey => (row.kind === 'call' ? row.function : null),
  duration: (row: TraceRow): SortKey => row.durationNs,
  returned: (row: TraceRow): SortKey => cellKey(row.returned),
  arguments: (row: TraceRow): SortKey =>
    row.arguments.length === 0 ? null : row.arguments.map(({ value }) => value).join(' '),
} as const;

/** Who sorts by these looks for the largest. */
const LARGEST_FIRST: ReadonlySet<TraceColumn> = new Set(['duration', 'returned']);

/** What a row is ordered by. */
export function sortKey(column: TraceColumn): (row: TraceRow) => SortKey {
  return KEYS[column];
}

/** What a click on a header makes of the order: this way, the other way, as the calls came. */
export function nextSort(sort: TraceSort | null, column: TraceColumn): TraceSort | null {
  const first = LARGEST_FIRST.has(column);
  if (sort?.column !== column) {
    return { column, descending: first };
  }
  return sort.descending === first ? { column, descending: !first } : null;
}

/** A saved order; null for what is none. */
export function readTraceSort(value: unknown): TraceSort | null {
  if (!isFields(value)) {
    return null;
  }
  const { column, descending } = value;
  const known = (Object.keys(KEYS) as TraceColumn[]).find((name) => name === column);
  return known === undefined ? null : { column: known, descending: descending === true };
}

/** `5 EIO` by its number. */
function cellKey(text: string): SortKey {
  const [number] = /^-?\d{1,20}(?= |$)|^0x[0-9a-f]{1,16}(?= |$)/.exec(text) ?? [];
  return number === undefined ? (text === '' ? null : text) : Number(number);
}
