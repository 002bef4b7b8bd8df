/** What the first line of a session's file says it is. */
export const FORMAT = 'zscope-trace-session';

/** Grows when a reader of before would read something wrong; new keys and kinds of lines do not need it. */
export const VERSION = 1;
