import type { DbgmsgRow, ToDbgmsgView } from '../protocol/dbgmsg-view.ts';
import { type ListState, readListState } from './list-state.ts';
import {
  hasBooleans,
  hasNumbers,
  hasStrings,
  isArrayOf,
  isFields,
  messageReader,
  stringOrEmpty,
} from './shape.ts';

export const readDbgmsgMessage = messageReader<ToDbgmsgView>({
  reset: (message) => hasStrings(message, 'target'),
  rows: (message) => isArrayOf(message['rows'], isRow),
  status: (message) => hasStrings(message, 'text') && hasBooleans(message, 'isError'),
  focusFilter: () => true,
});

function isRow(value: unknown): value is DbgmsgRow {
  return (
    isFields(value) &&
    hasNumbers(value, 'id') &&
    (value['kind'] === 'message' || value['kind'] === 'gap') &&
    hasStrings(value, 'time', 'source', 'text')
  );
}

/** What the dbgmsg view remembers while it is hidden. */
export interface DbgmsgState extends ListState {
  readonly target: string;
}

/** A saved state, or the first one when the value is none. */
export function readDbgmsgState(value: unknown): DbgmsgState {
  const saved = isFields(value) ? value : {};
  return { ...readListState(saved), target: stringOrEmpty(saved['target']) };
}
