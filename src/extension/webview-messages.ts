/** Reads what a webview's page posts. A page is not trusted more than the text that it shows. */
import type { FromDbgmsgView } from '../protocol/dbgmsg-view.ts';
import type { FromTraceView } from '../protocol/trace-view.ts';

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null ? (value as Fields) : null;
}

/** Null for what is no message of the dbgmsg view. */
export function readDbgmsgMessage(value: unknown): FromDbgmsgView | null {
  const { type, source } = fields(value) ?? {};
  switch (type) {
    case 'ready':
      return { type };
    case 'open':
      return typeof source === 'string' ? { type, source } : null;
    default:
      return null;
  }
}

/** Null for what is no message of a trace view. */
export function readTraceMessage(value: unknown): FromTraceView | null {
  const { type, id, line, index, symbol, key } = fields(value) ?? {};
  switch (type) {
    case 'ready':
    case 'stop':
    case 'copyProgram':
    case 'openProgram':
      return { type };
    case 'traceInstead':
      return typeof index === 'number' ? { type, index } : null;
    case 'select':
      return typeof id === 'number' ? { type, id } : null;
    case 'selectTally':
      return typeof symbol === 'string' && typeof key === 'string' ? { type, symbol, key } : null;
    case 'open':
      return typeof id === 'number' && typeof line === 'number' ? { type, id, line } : null;
    default:
      return null;
  }
}
