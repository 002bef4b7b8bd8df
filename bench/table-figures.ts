/** What test/webview/table-bench.ts measures: here, since its own code is that of pages. */
export interface TableFigures {
  /** Calls that were sent, and how many of them are still there. */
  readonly sent: number;
  readonly shown: number;
  /** From the first message until the last row could be on screen, in milliseconds. */
  readonly filledMs: number;
  /** Each frame's work on the page's thread while scrolling by the clock: script, layout, painting; milliseconds, ascending. */
  readonly frameMs: readonly number[];
  /** Milliseconds a frame, on average: other work on the machine does not count. */
  readonly cpuMs: PageWork;
  /** Bytes of the script's heap after a collection. */
  readonly heap: number;
  /** Bytes of anonymous memory of the page's process. */
  readonly process: number;
}

/** Processor time of a page's thread. */
export interface PageWork {
  /** All that it did, painting included. */
  readonly all: number;
  readonly script: number;
  /** Of styles as well. */
  readonly layout: number;
}
