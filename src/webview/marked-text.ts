import { html, type TemplateResult } from 'lit';
import { inert } from '../core/text/inert.ts';
import { type Filter, matchRanges } from './rows/filter.ts';

/**
 * At most `length` UTF-16 units of an untrusted text, inert, with the filter's words marked. It is
 * text to the page whatever it holds: it only ever becomes text nodes.
 */
export function markedText(
  text: string,
  filter: Filter | null,
  length: number,
): string | readonly (string | TemplateResult)[] {
  if (filter === null) {
    return inert(text, length);
  }
  const shown = text.slice(0, length);
  const parts: (string | TemplateResult)[] = [];
  let from = 0;
  for (const { start, end } of matchRanges(filter, shown)) {
    if (start > from) {
      parts.push(inert(shown.slice(from, start), length));
    }
    parts.push(html`<mark>${inert(shown.slice(start, end), length)}</mark>`);
    from = end;
  }
  if (from < text.length) {
    // The rest is cut where `length` ends, which then shows as an ellipsis.
    parts.push(inert(text.slice(from), length - from));
  }
  return parts;
}
