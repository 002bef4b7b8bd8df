import type { StackItem } from '../core/stack/text/items.ts';
import { readStackItems } from '../core/stack/text/reader.ts';
import { readTraces, type TextTrace } from '../core/stack/traces.ts';
import type { Place } from '../core/symbols/location.ts';
import { isZfsModule, mayBeProgram, zfsProgramOf } from '../core/zfs/zfs-modules.ts';
import type { LineLink, NextFrame, NextFrameParams } from '../protocol/server.ts';
import { inTrace, type StackDocument } from './stack-documents.ts';
import type { Block } from './stack-lines.ts';
import type { StackLinks } from './stack-links.ts';
import type { StackPlaces } from './stack-places.ts';

/** Longest line of a terminal that is looked at, in UTF-16 units. */
const MAX_LINE = 4000;

/** Links of one line. */
const MAX_LINE_LINKS = 50;

const LIBRARY = /\.so(?:\.|$)/;

/**
 * The next frame of a document that leads into the workspace. From a frame on, in the order of its stack,
 * caller by caller; from any other position, in the order of the text. What the kernel marks as a guess (`?`) is passed
 * over: nobody called from there. Of a stack that has nothing else, each is a frame.
 */
export async function nextFrame(
  document: StackDocument,
  places: Pick<StackPlaces, 'leads' | 'of'>,
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
  const hasReliable = new Map<TextTrace, boolean>();
  for (const { found, trace, at } of candidates) {
    const isGuess = !found.frame.reliable && isPartlyReliable(trace, hasReliable);
    if (!isGuess && places.leads(found.frame)) {
      const all = (await places.of(trace, at)).places;
      if (all.some(({ uri }) => uri !== null)) {
        return { line: found.line, start: found.start, end: found.end, places: all };
      }
    }
  }
  return null;
}

/** @param known what was found before */
function isPartlyReliable(trace: TextTrace, known: Map<TextTrace, boolean>): boolean {
  const is = known.get(trace) ?? trace.frames.some(({ frame }) => frame.reliable);
  known.set(trace, is);
  return is;
}

/**
 * ZFS's programs and libraries that have entries in these lines, each once. Frames of the program zfs look like those
 * of the module: they are meant where libraries have entries too.
 */
export function programsIn(blocks: readonly Pick<Block, 'items'>[]): string[] {
  const files = new Set<string>();
  const both = new Set<string>();
  let hasLibraries = false;
  for (const { items } of blocks) {
    for (const item of items ?? []) {
      if (item.kind === 'address' || (item.kind === 'frame' && !isZfsModule(item.module))) {
        files.add(item.module ?? '');
        hasLibraries ||= LIBRARY.test(item.module ?? '');
      } else if (item.kind === 'frame' && mayBeProgram(item)) {
        both.add(item.module ?? '');
      }
    }
  }
  const names = [...files, ...(hasLibraries ? both : [])].map(zfsProgramOf).filter((name) => name !== null);
  return [...new Set(names)];
}

/** What leads into the workspace in one line of text. */
export async function lineLinks(
  text: string,
  links: Pick<StackLinks, 'reference'>,
  places: Pick<StackPlaces, 'leads' | 'of' | 'ofAddress'>,
): Promise<LineLink[]> {
  const line = text.slice(0, MAX_LINE);
  const items: StackItem[] = [];
  readStackItems(line, (item) => items.push(item));
  const traces = readTraces(items, () => line);
  const found: LineLink[] = [];
  for (const item of items) {
    const all = found.length < MAX_LINE_LINKS ? await placesOf(item, traces, links, places) : [];
    if (all.some(({ uri }) => uri !== null)) {
      found.push({ start: item.start, end: item.end, places: all });
    }
  }
  return found;
}

/** Where an item of a text of one line leads. */
async function placesOf(
  item: StackItem,
  traces: readonly TextTrace[],
  links: Pick<StackLinks, 'reference'>,
  places: Pick<StackPlaces, 'leads' | 'of' | 'ofAddress'>,
): Promise<readonly Place[]> {
  if (item.kind === 'source') {
    const place = links.reference(item);
    return place === null ? [] : [place];
  }
  if (item.kind === 'address') {
    return (await places.ofAddress({ item, others: [], code: null })).places;
  }
  const frame = item.kind === 'frame' ? inTrace(item, 0, traces) : null;
  return frame !== null && places.leads(frame.found.frame)
    ? (await places.of(frame.trace, frame.at)).places
    : [];
}
