/** `350 ns`, `12 µs`, `1.4 ms`, `2.0 s`: three digits at most, then whole numbers. */
export function durationText(nanoseconds: number): string {
  const units = [
    ['s', 1e9],
    ['ms', 1e6],
    ['µs', 1e3],
  ] as const;
  for (const [unit, size] of units) {
    if (nanoseconds >= size) {
      const value = nanoseconds / size;
      return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
    }
  }
  return `${Math.round(nanoseconds)} ns`;
}
