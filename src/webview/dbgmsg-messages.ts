import type { DbgmsgRow, ToDbgmsgView } from '../protocol/dbgmsg-view.ts';
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
export function readDbgmsgMessage(value: unknown): ToDbgmsgView | null {
  return isDbgmsgMessage(value) ? value : null;
}

function isDbgmsgMessage(value: unknown): value is ToDbgmsgView {
  if (!isFields(value)) {
    return false;
  }
  switch (value['type']) {
    case 'reset':
      return hasStrings(value, 'target');
    case 'rows':
      return isArrayOf(value['rows'], isRow);
    case 'status':
      return hasStrings(value, 'text') && hasBooleans(value, 'isError');
    case 'focusFilter':
      return true;
    default:
      return false;
  }
}

function isRow(value: unknown): value is DbgmsgRow {
  return (
    isFields(value) &&
    hasNumbers(value, 'id') &&
    (value['kind'] === 'message' || value['kind'] === 'gap') &&
    hasStrings(value, 'time', 'source', 'text')
  );
}

/** What the dbgmsg view remembers while it is hidden. */
export interface DbgmsgState {
  readonly target: string;
  readonly filter: string;
  readonly follow: boolean;
  /** Id of the last row before the pause; null while not paused. */
  readonly pausedAfter: number | null;
  /** Id of the chosen row; null when there is none. */
  readonly active: number | null;
}

/** A saved state, or the first one when the value is none. */
export function readDbgmsgState(value: unknown): DbgmsgState {
  const saved = isFields(value) ? value : {};
  return {
    target: stringOrEmpty(saved['target']),
    filter: stringOrEmpty(saved['filter']),
    follow: saved['follow'] !== false,
    pausedAfter: numberOrNull(saved['pausedAfter']),
    active: numberOrNull(saved['active']),
  };
}
