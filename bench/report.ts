/** A measured figure with what it is held against. */
export interface Figure {
  readonly what: string;
  /** What was measured, with its unit. */
  readonly measured: string;
  /** The peer of the same run, with its unit; empty where the figure is absolute. */
  readonly peer: string;
  /** What is to be reached; empty for a figure that is only told. */
  readonly goal: string;
  /** By how much the goal was missed: `12 %`; null when it was reached or there is none. */
  readonly missedBy: string | null;
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

/** For {@link Figure.missedBy}: how far a value is above the most that it may be. */
export function above(value: number, limit: number): string | null {
  if (value <= limit) {
    return null;
  }
  return limit === 0 ? String(value) : `${Math.ceil((value / limit - 1) * 100)} %`;
}

/** Bytes as the goals count them: 1 KB is 1,000 bytes. */
export function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} KB`;
}

/** The figures as a Markdown table. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, measured, peer, goal, missedBy }) => {
    const reached = goal === '' ? '' : missedBy === null ? 'yes' : `**no**, by ${missedBy}`;
    return `| ${[what, measured, peer, goal, reached].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| what | measured | peer | goal | reached |', '|---|---|---|---|---|', ...rows].join('\n');
}
