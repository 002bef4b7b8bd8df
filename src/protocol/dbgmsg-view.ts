/** Messages between the extension and the dbgmsg view. All text is untrusted and shown as text only. */

export interface DbgmsgRow {
  /** Ever-growing number of the row in this view; gaps count as rows. */
  readonly id: number;
  readonly kind: 'message' | 'gap';
  /** `hh:mm:ss` in the local time zone of the viewer; empty when the line has no time. */
  readonly time: string;
  /** `file.c:123:func()` as printed; empty when the message names no place. */
  readonly source: string;
  /** The rest of the line, or what is known of the gap. */
  readonly text: string;
}

export type ToDbgmsgView =
  /** Forget all rows and show those that follow. */
  | { readonly type: 'reset'; readonly target: string }
  | { readonly type: 'rows'; readonly rows: readonly DbgmsgRow[] }
  /** What stands in place of rows or beside them: not connected, no ZFS, reading ...; empty for none. */
  | { readonly type: 'status'; readonly text: string; readonly isError: boolean }
  /** Put the focus into the filter box. */
  | { readonly type: 'focusFilter' };

export type FromDbgmsgView =
  | { readonly type: 'ready' }
  /** The person chose the place of a row: the row's `source` text. */
  | { readonly type: 'open'; readonly source: string };

/** Rows that the view and the extension keep; older ones are dropped and counted. */
export const DBGMSG_ROWS_KEPT = 200_000;
