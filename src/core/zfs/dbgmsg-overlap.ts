/**
 * Where a list that is read anew goes on after what was read of it before. Lines are appended to the list and dropped at
 * its head; equal ones are frequent, so the longest overlap is taken.
 * @param kept the newest lines that were read, oldest first
 * @param list the list as it is now
 * @returns index in the list of the first line that was not read before; null when none was
 */
export function firstUnread(kept: readonly string[], list: readonly string[]): number | null {
  // The head of the list is what was read last ...
  const overlap = scan(list, kept).matched;
  if (overlap > 0) return overlap;
  // ... or the list reaches further back than what was kept.
  return scan(kept, list).end;
}

/**
 * Searches a pattern as Knuth, Morris and Pratt do: linear, however much of it repeats.
 * @returns how much of the pattern's beginning the text ends with, and the index in the text after the first place that
 *   is the whole pattern; null for none
 */
function scan(pattern: readonly string[], text: readonly string[]): { matched: number; end: number | null } {
  const borders = new Uint32Array(pattern.length);
  for (let at = 1, length = 0; at < pattern.length; at += 1) {
    while (length > 0 && pattern[length] !== pattern[at]) length = borders[length - 1] ?? 0;
    if (pattern[length] === pattern[at]) length += 1;
    borders[at] = length;
  }
  let matched = 0;
  let end: number | null = null;
  for (const [at, line] of text.entries()) {
    // Beyond the pattern nothing is equal to a line.
    while (matched > 0 && pattern[matched] !== line) matched = borders[matched - 1] ?? 0;
    if (pattern[matched] === line) matched += 1;
    if (matched === pattern.length && matched > 0) end ??= at + 1;
  }
  return { matched, end };
}
