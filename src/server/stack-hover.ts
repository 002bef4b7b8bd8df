import type { Hover, MarkupContent, Position, Range } from 'vscode-languageserver/node';
import { type Frame, formatFrame, mayBeOfAnyModule } from '../core/stack/frame.ts';
import type { TextTrace } from '../core/stack/traces.ts';
import type { Place } from '../core/symbols/location.ts';
import { inert, inertBlock } from '../core/text/inert.ts';
import { isSleepHelper, type WaitPoint, waitAt, waitFrame } from '../core/zfs/wait-points.ts';
import type { OtherSource } from '../protocol/server.ts';
import type { AddressInStack, FrameInTrace, StackDocument } from './stack-documents.ts';
import type { StackLinks } from './stack-links.ts';
import { type StackPlaces, withoutFunction } from './stack-places.ts';

/** Lines of source that are shown above and below the one meant. */
const AROUND = 2;

/** Longest line of source that is shown, in UTF-16 units. */
const MAX_WIDTH = 160;

/** Functions of an inlined chain that are listed. */
const MAX_CHAIN = 16;

/** Reads files of the index by their URI. */
export interface ReadSource {
  /** The file that is open; null when it cannot be read. */
  open(uri: string): Promise<string | null>;
  /** What the running module was built from, where that is another; null where it is not, or nothing is known. */
  running(uri: string): Promise<OtherSource | null>;
}

/** What is said of a frame or source reference under the mouse. */
export class StackHover {
  constructor(
    private readonly links: StackLinks,
    private readonly places: StackPlaces,
    private readonly source: ReadSource,
  ) {}

  async at(document: StackDocument, position: Position): Promise<Hover | null> {
    const reference = document.referenceAt(position);
    if (reference !== null) {
      const place = this.links.reference(reference);
      const parts =
        place === null
          ? ['not in the workspace']
          : [`${code(whereText(place))} as the text says`, await this.#excerpt(place)];
      return { contents: markdown(parts), range: rangeOf(position.line, reference) };
    }
    const address = document.addressAt(position);
    if (address !== null) {
      return this.#atAddress(address, position.line);
    }
    const frame = document.frameAt(position);
    if (frame === null) {
      return null;
    }
    const { places, buildId } = await this.places.of(frame.trace, frame.at);
    const { found, trace } = frame;
    const parts = [
      fence('kernel-stack', formatFrame(found.frame)),
      chain(places),
      await this.#buildText(places, found.frame, trace, buildId),
      await this.#firstExcerpt(places),
      waitText(frame, places),
    ];
    return { contents: markdown(parts), range: rangeOf(position.line, frame.found) };
  }

  async #atAddress(address: AddressInStack, line: number): Promise<Hover | null> {
    const { places, buildId, doubt } = await this.places.ofAddress(address);
    const frame = withoutFunction(address.item.module);
    const parts = [
      chain(places, doubt !== undefined),
      doubt === undefined ? await this.#buildText(places, frame, null, buildId) : prose(doubt),
      await this.#firstExcerpt(places),
    ];
    return parts.every((part) => part === '')
      ? null
      : { contents: markdown(parts), range: rangeOf(line, address.item) };
  }

  /** Which build has the lines, or why they are not known. */
  async #buildText(
    places: readonly Place[],
    frame: Frame,
    trace: TextTrace | null,
    buildId: string | null,
  ): Promise<string> {
    if (buildId === null || !places.some(({ how }) => how === 'dwarf')) {
      return prose(await this.places.remark(frame, trace, buildId));
    }
    const why = mayBeOfAnyModule(frame)
      ? ': the text names no module, and of those of ZFS that are known here it alone has this function'
      : ', which all frames of this stack fit';
    return `Exact lines are by the debug info of build ${buildId.slice(0, 12)}${why}.`;
  }

  async #firstExcerpt(places: readonly Place[]): Promise<string> {
    const shown = places.find(({ uri }) => uri !== null);
    return shown === undefined ? '' : await this.#excerpt(shown);
  }

  /** The line of a place with those around it, and whose they are where that is a question; '' when it cannot be read. */
  async #excerpt({ uri, line, how }: Place): Promise<string> {
    if (uri === null || line === null) {
      return '';
    }
    // A call or a definition was looked up in the source that is open.
    const other = how === 'dwarf' ? await this.source.running(uri) : null;
    const text = other?.text ?? (await this.source.open(uri));
    const lines = text === null ? '' : excerpt(text, line);
    if (other === null || lines === '') {
      return lines;
    }
    const version = code(other.version);
    return other.text === null
      ? `${lines}\n\nThe file differs from the running version ${version}: the line may be off.`
      : `As it stands in the running version ${version}:\n\n${lines}`;
  }
}

/** One line each: the functions that a frame stands for, innermost first, and how their lines are known. */
function chain(places: readonly Place[], isAssumed = false): string {
  const [first] = places;
  if (first?.candidates !== undefined) {
    const lines = first.candidates.map(
      ({ path, line, text }) => `- ${code(`${path}:${line}`)} ${code(text)}`,
    );
    return `${heading(first, isAssumed)}: it may be at one of these lines\n\n${lines.join('\n')}`;
  }
  if (first !== undefined && places.length === 1) {
    return heading(first, isAssumed);
  }
  const more = places.length > MAX_CHAIN ? [`- and ${places.length - MAX_CHAIN} more`] : [];
  const lines = places.slice(0, MAX_CHAIN).map((place) => `- ${heading(place, isAssumed)}`);
  return [...lines, ...more].join('\n');
}

function heading(place: Place, isAssumed: boolean): string {
  if (place.path === null) {
    return `${code(place.function)}: not in the workspace`;
  }
  const inlined = place.inlined ? ', inlined' : '';
  return `${code(place.function)} ${code(whereText(place))}${inlined}: ${isAssumed ? 'if it is of this build' : howText(place)}`;
}

function whereText({ path, line }: Place): string {
  return `${path ?? ''}${line === null ? '' : `:${line}`}`;
}

function howText({ how, uri }: Place): string {
  switch (how) {
    case 'dwarf':
      return uri === null ? 'exact, in a file that is not in the workspace' : 'exact';
    case 'call-site':
      return 'the call of the next frame; no debug info says so';
    default:
      return 'definition of the function; its exact line is not known';
  }
}

/** A place in one line of plain text. */
export function placeText(place: Place): string {
  const name = place.function === '' ? '' : `${place.function}: `;
  if (place.path === null || place.line === null) {
    return `${name}not in the workspace`;
  }
  const how =
    place.how === 'function'
      ? place.candidates === undefined
        ? ' (definition of the function; its exact line is not known)'
        : ` (one of ${place.candidates.length} lines; Go to Definition shows all)`
      : place.how === 'call-site'
        ? ' (the call of the next frame)'
        : '';
  return inert(`${name}${place.path}:${place.line}${how}`);
}

/** What a task waits for at a frame. */
function waitText({ trace, at }: FrameInTrace, places: readonly Place[]): string {
  const frames = trace.frames.map(({ frame }) => frame);
  const inlined = places.filter((place) => place.inlined).map((place) => place.function);
  const wait = waitAt(frames, at, inlined);
  if (wait !== null) {
    return waitLines(wait);
  }
  const symbol = frames[at]?.symbol ?? '';
  const waiting = isSleepHelper(symbol) ? waitFrame(frames) : null;
  const outer = waiting === null ? undefined : frames[waiting];
  return waiting === null || outer === undefined || waiting < at
    ? ''
    : `The task sleeps; what for says ${code(outer.symbol)}.\n\n${waitLines(waitAt(frames, waiting))}`;
}

function waitLines(wait: WaitPoint | null): string {
  if (wait === null) {
    return '';
  }
  const look = wait.lookAt === '' ? '' : `\n\n${wait.lookAt}`;
  return `**Waits for** ${wait.waitsFor}.  \n**Woken by** ${wait.wokenBy}.${look}`;
}

/** Lines of a text around a 1-based one, with their numbers; '' when it has no such line. */
function excerpt(text: string, line: number): string {
  const first = Math.max(line - AROUND, 1);
  const lines: string[] = [];
  let from = 0;
  for (let number = 1; number <= line + AROUND; number++) {
    const newline = text.indexOf('\n', from);
    const end = newline < 0 ? text.length : newline;
    if (number >= first) {
      const mark = number === line ? '>' : ' ';
      const content = text
        .slice(from, Math.min(end, from + MAX_WIDTH))
        .replaceAll('\t', '    ')
        .trimEnd();
      lines.push(`${mark} ${String(number).padStart(5)}  ${content}`);
    }
    if (newline < 0) {
      break;
    }
    from = newline + 1;
  }
  return lines.some((one) => one.startsWith('>')) ? fence('c', lines.join('\n')) : '';
}

function markdown(parts: readonly string[]): MarkupContent {
  return { kind: 'markdown', value: parts.filter((part) => part !== '').join('\n\n') };
}

/** A block that shows text as it is, whatever is in it. */
function fence(language: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const ticks = '`'.repeat(longest + 1);
  return `${ticks}${language}\n${inertBlock(text)}\n${ticks}`;
}

/** A sentence whose words may be those of a target: they make no links, and no emphasis. */
function prose(text: string): string {
  // What looks like the address of a site or of a mailbox is a link without any marks.
  return inert(text, 500).replace(/[\\`*_[\]()<>#!|~&:@]|(?<=www)\./gi, '\\$&');
}

/** Text within a line, shown as it is. */
function code(text: string): string {
  const shown = inert(text, 300).replaceAll('`', "'");
  return shown.trim() === '' ? '' : `\`${shown}\``;
}

function rangeOf(line: number, { start, end }: { readonly start: number; readonly end: number }): Range {
  return { start: { line, character: start }, end: { line, character: end } };
}
