import { TRACE_ROWS_KEPT, type TraceRow } from '../protocol/trace-view.ts';
import { rowCondition } from './row-condition.ts';
import { RowStream } from './row-stream.ts';
import { PackedTraceRows } from './rows/packed-trace-rows.ts';
import type { ToolbarTexts } from './rows-view.ts';
import { durationOf } from './trace-list.ts';

export const traceToolbar: ToolbarTexts = {
  label: 'Trace',
  filterPlaceholder: 'Filter (e.g. txg_sync, -exclude, duration > 1ms)',
  filterLabel:
    'Filter events: all words must occur, -word must not; or a condition, such as duration > 1ms && ret != 0',
  things: 'events',
};

/** The events of a trace. @param draw as of {@link RowStream} */
export function traceRows(draw: (refiltered: boolean) => void): RowStream<TraceRow> {
  return new RowStream<TraceRow>(
    TRACE_ROWS_KEPT,
    {
      fields: (row) => [
        row.comm,
        String(row.pid),
        row.function,
        row.time,
        row.returned,
        durationOf(row),
        ...row.arguments.map(({ name, value }) => `${name}=${value}`),
      ],
      always: (row) => row.kind === 'loss',
      condition: rowCondition,
      buffer: (capacity) => new PackedTraceRows(capacity),
    },
    draw,
  );
}
