/** What a test run in the extension host came to; travels from there to the runner as JSON. */
export interface Outcome {
  passed: number;
  failed: number;
  /** Full titles of the tests that were skipped. */
  skipped: string[];
  /** What did not pass at the first try, as in `failures`. */
  unsteady: string[];
  /** Of each failed test its full title, a colon, and the first line of why. */
  failures: string[];
}
