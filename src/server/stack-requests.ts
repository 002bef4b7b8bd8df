import type { StackItem } from '../core/stack/text/items.ts';
import { readStackItems } from '../core/stack/text/reader.ts';
import { readTraces } from '../core/stack/traces.ts';
import type { LineLink, NextFrame, NextFrameParams } from '../protocol/server.ts';
import type { StackDocument } from './stack-documents.ts';
import type { StackLinks } from './stack-links.ts';
import type { StackPlaces } from './stack-places.ts';

/** Longest line of a terminal that is looked at, in UTF-16 units. */
const MAX_LINE = 4000;

/** Links of one line. */
const MAX_LINE_LINKS = 50;

/**
 * The next frame of a document that leads into the workspace. From a frame on, in the order of its stack,
 * caller by caller; from any other position, in the order of the text.
 */
export async function nextFrame(
  document: StackDocument,
  places: StackPlaces,
  { line, character, by }: Omit<NextFrameParams, 'uri'>,
): Promise<NextFrame | null> {
  const frames = document.traces.flatMap((trace) => trace.frames.map((found, at) => ({ found, trace, at })));
  // The frame that the cursor is on is neither the next nor the one before.
  const here = frames.findIndex(
    ({ found }) => found.line === line && found.start <= character && character <= found.end,
  );
  const candidates =
    by > 0
      ? here < 0
        ? frames.filter(({ found }) => found.line > line || (found.line === line && found.start > character))
        : frames.slice(here + 1)
      : (here < 0
          ? frames.filter(({ found }) => found.line < line || (found.line === line && found.end < character))
          : frames.slice(0, here)
        ).reverse();
  for (const { found, trace, at } of candidates) {
    if (places.leads(found.frame)) {
      const all = (await places.of(trace, at)).places;
      if (all.some(({ uri }) => uri !== null)) {
        return { line: found.line, start: found.start, end: found.end, places: all };
      }
    }
  }
  return null;
}

/** What leads into the workspace in one line of text. */
export async function lineLinks(text: string, links: StackLinks, places: StackPlaces): Promise<LineLink[]> {
  const line = text.slice(0, MAX_LINE);
  const items: StackItem[] = [];
  readStackItems(line, (item) => items.push(item));
  const found: LineLink[] = [];
  for (const item of items) {
    if (item.kind === 'source') {
      const place = links.reference(item);
      if (place !== null) {
        found.push({ start: item.start, end: item.end, places: [place] });
      }
    }
  }
  for (const item of items) {
    if (item.kind === 'address' && found.length < MAX_LINE_LINKS) {
      const { places: all } = await places.ofAddress({ item, others: [] });
      if (all.some(({ uri }) => uri !== null)) {
        found.push({ start: item.start, end: item.end, places: all });
      }
    }
  }
  for (const trace of readTraces(items, () => line)) {
    for (const [at, { frame, start, end }] of trace.frames.entries()) {
      if (found.length < MAX_LINE_LINKS && places.leads(frame)) {
        found.push({ start, end, places: (await places.of(trace, at)).places });
      }
    }
  }
  return found.sort((a, b) => a.start - b.start);
}
