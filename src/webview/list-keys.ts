/**
 * Which of the buttons of a list a key leads to: up, down, Home, End; undefined for any other key, and
 * with a modifier.
 * @param at the one that has the focus; all are counted from 0
 */
export function keyTarget(event: KeyboardEvent, at: number, count: number): number | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const last = count - 1;
  switch (event.key) {
    case 'ArrowDown':
      return Math.min(at + 1, last);
    case 'ArrowUp':
      return Math.max(at - 1, 0);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return undefined;
  }
}
