import type { DocumentLink, Hover, Location, Position, Range } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { type Frame, formatFrame } from '../core/stack/frame.ts';
import {
  readStackText,
  type SourceReference,
  type StackText,
  type TextFrame,
  type TextRange,
} from '../core/stack/text-frames.ts';
import type { Place } from '../core/symbols/location.ts';
import type { Locator } from './locator.ts';

/** Links that are given for one document; VS Code asks for all of them at once. */
const MAX_LINKS = 20_000;

/** What a link carries until somebody follows it; of a frame also the one that it called, if there is one. */
type LinkData =
  | { readonly frame: Frame; readonly inner: Frame | null }
  | { readonly reference: SourceReference };

/** Lines without a frame that a stack may hold: a heading within, a wrapped line. */
const MAX_GAP = 2;

/** Links, definitions and hovers of documents that hold stacks. */
export class StackDocuments {
  readonly #read = new WeakMap<TextDocument, { readonly version: number; readonly text: StackText }>();

  constructor(private readonly locator: Locator) {}

  /** Links of everything that leads into the workspace; their targets are found by {@link resolve}. */
  links(document: TextDocument): DocumentLink[] {
    const { frames, references } = this.#textOf(document);
    const links: DocumentLink[] = [];
    const leads = new Map<string, boolean>();
    const add = (range: TextRange, key: string, data: LinkData) => {
      if (links.length >= MAX_LINKS) {
        return;
      }
      let leadsSomewhere = leads.get(key);
      if (leadsSomewhere === undefined) {
        leadsSomewhere = this.#leadsSomewhere(data);
        leads.set(key, leadsSomewhere);
      }
      if (leadsSomewhere) {
        links.push({ range: lspRange(range), data });
      }
    };
    frames.forEach((found, at) => {
      const { frame } = found;
      add(found, `${frame.module ?? ''}:${frame.symbol}`, { frame, inner: innerFrame(frames, at) });
    });
    for (const found of references) {
      add(found, `${found.path}:${found.function ?? ''}()`, { reference: found });
    }
    return links;
  }

  /** Fills in where a link leads. */
  async resolve(link: DocumentLink): Promise<DocumentLink> {
    const data: unknown = link.data;
    const places = isLinkData(data) ? await this.#places(data) : [];
    const place = places.find((one) => one.uri !== null);
    if (place === undefined || place.uri === null) {
      return link;
    }
    // The fragment is how VS Code opens a file at a line.
    return { ...link, target: `${place.uri}#L${place.line ?? 1}`, tooltip: describe(place) };
  }

  /** All lines that may be meant: the editor lets the person choose. */
  async definition(document: TextDocument, position: Position): Promise<Location[]> {
    const data = this.#dataAt(document, position);
    const places = data === null ? [] : await this.#places(data);
    return places.flatMap((place) =>
      (place.candidates ?? [place]).flatMap(({ uri, line }) => {
        const at = { line: Math.max((line ?? 1) - 1, 0), character: 0 };
        return uri === null ? [] : [{ uri, range: { start: at, end: at } }];
      }),
    );
  }

  async hover(document: TextDocument, position: Position): Promise<Hover | null> {
    const data = this.#dataAt(document, position);
    if (data === null) {
      return null;
    }
    const { range, ...what } = data;
    const places = await this.#places(what);
    const heading = 'frame' in what ? [formatFrame(what.frame)] : [];
    const lines = places.length > 0 ? places.map(describe) : ['not in the workspace'];
    return { contents: { kind: 'plaintext', value: [...heading, ...lines].join('\n') }, range };
  }

  #dataAt(document: TextDocument, position: Position): (LinkData & { readonly range: Range }) | null {
    const { frames, references } = this.#textOf(document);
    const holds = (range: TextRange) =>
      range.line === position.line && range.start <= position.character && position.character <= range.end;
    const reference = references.find(holds);
    if (reference !== undefined) {
      return { reference, range: lspRange(reference) };
    }
    const at = frames.findIndex(holds);
    const found = frames[at];
    return found === undefined
      ? null
      : { frame: found.frame, inner: innerFrame(frames, at), range: lspRange(found) };
  }

  #leadsSomewhere(data: LinkData): boolean {
    return 'frame' in data ? this.locator.hasSource(data.frame) : this.#referencePlaces(data).length > 0;
  }

  async #places(data: LinkData): Promise<Place[]> {
    if (!('frame' in data)) {
      return this.#referencePlaces(data);
    }
    const stack = [...(data.inner === null ? [] : [data.inner]), data.frame];
    const places = await this.locator.locateStack(stack.map((frame) => ({ frame, debug: null })));
    return places.at(-1) ?? [];
  }

  #referencePlaces(data: { readonly reference: SourceReference }): Place[] {
    const { path, sourceLine, function: name } = data.reference;
    const place = this.locator.sourceReference({ path, line: sourceLine, function: name });
    return place === null ? [] : [place];
  }

  #textOf(document: TextDocument): StackText {
    const known = this.#read.get(document);
    if (known !== undefined && known.version === document.version) {
      return known.text;
    }
    const text = readStackText(document.getText());
    this.#read.set(document, { version: document.version, text });
    return text;
  }
}

/** The frame that the one at `at` called: the last one above it in the same stack. */
function innerFrame(frames: readonly TextFrame[], at: number): Frame | null {
  const above = frames.slice(Math.max(at - 64, 0), at + 1);
  for (let i = above.length - 2; i >= 0; i--) {
    const [one, below] = [above[i], above[i + 1]];
    if (one === undefined || below === undefined || below.line - one.line > MAX_GAP) {
      return null;
    }
    if (one.frame.reliable) {
      return one.frame;
    }
  }
  return null;
}

function describe(place: Place): string {
  if (place.path === null || place.line === null) {
    return `${place.function}: not in the workspace`;
  }
  const name = place.function === '' ? '' : `${place.function}: `;
  return `${name}${place.path}:${place.line}${howText(place)}`;
}

function howText({ how, candidates }: Place): string {
  if (candidates !== undefined) {
    const lines = candidates.map(({ path, line, text }) => `\n  ${path}:${line}  ${text}`);
    return ` (definition of the function; it may be at one of these lines)${lines.join('')}`;
  }
  switch (how) {
    case 'function':
      return ' (definition of the function; its exact line is not known)';
    case 'call-site':
      return ' (the call of the next frame)';
    default:
      return '';
  }
}

function lspRange({ line, start, end }: TextRange): Range {
  return { start: { line, character: start }, end: { line, character: end } };
}

/** A link comes back from the client as it was sent; this only guards against another server's. */
function isLinkData(data: unknown): data is LinkData {
  return typeof data === 'object' && data !== null && ('frame' in data || 'reference' in data);
}
