import type { DocumentLink, Hover, Location, Position, Range } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { formatFrame } from '../core/stack/frame.ts';
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

/** What a link carries until somebody follows it. */
type LinkData = { readonly frame: TextFrame['frame'] } | { readonly reference: SourceReference };

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
        leadsSomewhere = this.#places(data).some((place) => place.uri !== null);
        leads.set(key, leadsSomewhere);
      }
      if (leadsSomewhere) {
        links.push({ range: lspRange(range), data });
      }
    };
    for (const found of frames) {
      add(found, `${found.frame.module ?? ''}:${found.frame.symbol}`, { frame: found.frame });
    }
    for (const found of references) {
      add(found, `${found.path}:${found.function ?? ''}()`, { reference: found });
    }
    return links;
  }

  /** Fills in where a link leads. */
  resolve(link: DocumentLink): DocumentLink {
    const data: unknown = link.data;
    const place = isLinkData(data) ? this.#places(data).find((one) => one.uri !== null) : undefined;
    if (place === undefined || place.uri === null) {
      return link;
    }
    // The fragment is how VS Code opens a file at a line.
    return { ...link, target: `${place.uri}#L${place.line ?? 1}`, tooltip: describe(place) };
  }

  definition(document: TextDocument, position: Position): Location[] {
    return this.#at(document, position).flatMap(({ uri, line }) => {
      const at = { line: Math.max((line ?? 1) - 1, 0), character: 0 };
      return uri === null ? [] : [{ uri, range: { start: at, end: at } }];
    });
  }

  hover(document: TextDocument, position: Position): Hover | null {
    const data = this.#dataAt(document, position);
    if (data === null) {
      return null;
    }
    const { range, ...what } = data;
    const places = this.#places(what);
    const heading = 'frame' in what ? [formatFrame(what.frame)] : [];
    const lines = places.length > 0 ? places.map(describe) : ['not in the workspace'];
    return { contents: { kind: 'plaintext', value: [...heading, ...lines].join('\n') }, range };
  }

  #at(document: TextDocument, position: Position): Place[] {
    const data = this.#dataAt(document, position);
    return data === null ? [] : this.#places(data);
  }

  #dataAt(document: TextDocument, position: Position): (LinkData & { readonly range: Range }) | null {
    const { frames, references } = this.#textOf(document);
    const holds = (range: TextRange) =>
      range.line === position.line && range.start <= position.character && position.character <= range.end;
    const reference = references.find(holds);
    if (reference !== undefined) {
      return { reference, range: lspRange(reference) };
    }
    const frame = frames.find(holds);
    return frame === undefined ? null : { frame: frame.frame, range: lspRange(frame) };
  }

  #places(data: LinkData): Place[] {
    if ('frame' in data) {
      return this.locator.locate(data.frame, null);
    }
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

function describe(place: Place): string {
  if (place.path === null || place.line === null) {
    return `${place.function}: not in the workspace`;
  }
  const name = place.function === '' ? '' : `${place.function}: `;
  const how = place.how === 'function' ? ' (definition of the function; its exact line is not known)' : '';
  return `${name}${place.path}:${place.line}${how}`;
}

function lspRange({ line, start, end }: TextRange): Range {
  return { start: { line, character: start }, end: { line, character: end } };
}

/** A link comes back from the client as it was sent; this only guards against another server's. */
function isLinkData(data: unknown): data is LinkData {
  return typeof data === 'object' && data !== null && ('frame' in data || 'reference' in data);
}
