/** A measured figure with what it is held against. */
export interface Figure {
  readonly what: string;
  /** What was measured, with its unit. */
  readonly measured: string;
  /** The peer of the same run, with its unit; empty where the figure is absolute. */
  readonly peer: string;
  /** What is to be reached. */
  readonly goal: string;
  readonly reached: boolean;
}

/** Middle of the values; of an even number the lower middle. @throws RangeError for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[(sorted.length - 1) >> 1];
  if (middle === undefined) {
    throw new RangeError('no values');
  }
  return middle;
}

/** `min / median / max` in milliseconds. */
export function spread(values: readonly number[]): string {
  const ms = (value: number) => Math.round(value);
  return `${ms(Math.min(...values))} / ${ms(median(values))} / ${ms(Math.max(...values))} ms`;
}

/** The figures as a Markdown table. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map(
    ({ what, measured, peer, goal, reached }) =>
      `| ${what} | ${measured} | ${peer} | ${goal} | ${reached ? 'yes' : '**no**'} |`,
  );
  return ['| what | measured | peer | goal | reached |', '|---|---|---|---|---|', ...rows].join('\n');
}
