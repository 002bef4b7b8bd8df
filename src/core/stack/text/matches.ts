/**
 * All matches of a global pattern, which may be empty ones. What String.matchAll makes for each text, a copy of the
 * pattern first, takes longer than to read most lines.
 */
export function allMatches(text: string, pattern: RegExp): RegExpExecArray[] {
  const matches: RegExpExecArray[] = [];
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    matches.push(match);
    if (match[0] === '') {
      pattern.lastIndex++;
    }
  }
  return matches;
}
