import { type Fields, numberOrNull, stringOrEmpty } from './shape.ts';

/** What the page of a list remembers while it is hidden. */
export interface ListState {
  readonly filter: string;
  readonly follow: boolean;
  /** Id of the last row before the pause; null while not paused. */
  readonly pausedAfter: number | null;
  /** Id of the chosen row; null when there is none. */
  readonly active: number | null;
}

/** A saved state, or the first one where the fields are none. */
export function readListState(saved: Fields): ListState {
  return {
    filter: stringOrEmpty(saved['filter']),
    follow: saved['follow'] !== false,
    pausedAfter: numberOrNull(saved['pausedAfter']),
    active: numberOrNull(saved['active']),
  };
}
