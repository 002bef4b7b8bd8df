import type { TraceStreamEvent } from '../tracing/events.ts';

/** Reads what one run of a tool prints. */
export interface ToolOutput {
  /** Longest line that it prints and that makes sense, in UTF-16 units; LINE_LIMIT (text/lines.ts) unless given. */
  readonly longestLine?: number;
  /** Null for a line that is not of the trace: what the tool says of itself. */
  line(text: string): readonly TraceStreamEvent[] | null;
  /** What is left when the tool has ended. */
  end(): readonly TraceStreamEvent[];
}

/** The module of a symbol; null for the kernel's own, and when it is not known. */
export type ModuleOf = (symbol: string) => string | null;
