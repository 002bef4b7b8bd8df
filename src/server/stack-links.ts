import type { DocumentLink, Location, Position } from 'vscode-languageserver/node';
import { sourceName } from '../core/stack/frame.ts';
import type { FrameItem, SourceItem } from '../core/stack/text/items.ts';
import type { Place } from '../core/symbols/location.ts';
import type { Locator } from './locator.ts';
import type { StackDocument } from './stack-documents.ts';
import { placeText } from './stack-hover.ts';
import type { Block } from './stack-lines.ts';
import type { StackPlaces } from './stack-places.ts';

/** Links that are given for one document; VS Code asks for all of them at once. */
const MAX_LINKS = 100_000;

/** Answers for documents that are remembered by number, so that a link can be short. */
const MAX_NUMBERED = 64;

/** Links and definitions of what stands in stack texts. */
export class StackLinks {
  /** Whether what is named so leads into the workspace; as long as the index stays. */
  readonly #leads = new Map<string, boolean>();
  /** Links of blocks, with the 0-based line that they begin at; as long as the index stays. */
  #linked = new WeakMap<Block, { base: number; readonly links: readonly DocumentLink[] }>();
  readonly #numbered = new Map<number, WeakRef<StackDocument>>();
  readonly #numbers = new WeakMap<StackDocument, number>();
  #next = 1;

  constructor(
    private readonly locator: Locator,
    private readonly places: StackPlaces,
  ) {}

  /** The sources changed: what led nowhere may lead somewhere now. */
  sourcesChanged(): void {
    this.#leads.clear();
    this.#linked = new WeakMap();
  }

  /**
   * Links of everything that leads into the workspace; where to is found by {@link resolve}. They are
   * good until the next call: those of lines that stayed as they are are used again.
   */
  of(document: StackDocument): DocumentLink[] {
    const data = this.#numberOf(document);
    const links: DocumentLink[] = [];
    let base = 0;
    for (const block of document.lines.blocks) {
      let known = this.#linked.get(block);
      if (known === undefined) {
        known = { base, links: this.#linksOf(block, base, data) };
        this.#linked.set(block, known);
      } else if (known.base !== base) {
        for (const { range } of known.links) {
          range.start.line += base - known.base;
          range.end.line = range.start.line;
        }
        known.base = base;
      }
      if (links.length + known.links.length > MAX_LINKS) {
        break;
      }
      for (const link of known.links) {
        links.push(link);
      }
      base += block.lines;
    }
    return links;
  }

  #linksOf(block: Block, base: number, data: number): DocumentLink[] {
    const links: DocumentLink[] = [];
    for (const item of block.items ?? []) {
      if (item.kind !== 'heading' && this.#leadsTo(item)) {
        const line = base + item.line - 1;
        const range = { start: { line, character: item.start }, end: { line, character: item.end } };
        links.push({ range, data });
      }
    }
    return links;
  }

  #leadsTo(item: FrameItem | SourceItem): boolean {
    const isFrame = item.kind === 'frame';
    const key = isFrame ? `${item.module ?? ''}:${item.function}` : `${item.path}:${item.function ?? ''}()`;
    let leads = this.#leads.get(key);
    if (leads === undefined) {
      leads = isFrame
        ? this.places.leads({
            symbol: item.function,
            offset: item.offset ?? 0,
            size: item.size,
            module: item.module,
            reliable: item.reliable,
          })
        : this.reference(item) !== null;
      this.#leads.set(key, leads);
    }
    return leads;
  }

  /** Fills in where a link leads. */
  async resolve(link: DocumentLink): Promise<DocumentLink> {
    const data: unknown = link.data;
    const document = typeof data === 'number' ? this.#numbered.get(data)?.deref() : undefined;
    if (document === undefined) {
      return link;
    }
    const places = await this.#placesAt(document, link.range.start);
    const place = places.find((one) => one.uri !== null);
    if (place === undefined || place.uri === null) {
      return link;
    }
    // The fragment is how VS Code opens a file at a line.
    return { ...link, target: `${place.uri}#L${place.line ?? 1}`, tooltip: placeText(place) };
  }

  /** All lines that may be meant: the editor lets the person choose. */
  async definition(document: StackDocument, position: Position): Promise<Location[]> {
    const places = await this.#placesAt(document, position);
    return places.flatMap((place) =>
      (place.candidates ?? [place]).flatMap(({ uri, line }) => {
        const at = { line: Math.max((line ?? 1) - 1, 0), character: 0 };
        return uri === null ? [] : [{ uri, range: { start: at, end: at } }];
      }),
    );
  }

  /** Where a source reference leads; null when that is nowhere here. */
  reference({ path, sourceLine, function: name }: SourceItem): Place | null {
    return this.locator.sourceReference({
      path,
      line: sourceLine,
      function: name === null ? null : sourceName(name),
    });
  }

  async #placesAt(document: StackDocument, position: Position): Promise<readonly Place[]> {
    const reference = document.referenceAt(position);
    if (reference !== null) {
      const place = this.reference(reference);
      return place === null ? [] : [place];
    }
    const frame = document.frameAt(position);
    return frame === null ? [] : (await this.places.of(frame.trace, frame.at)).places;
  }

  #numberOf(document: StackDocument): number {
    let number = this.#numbers.get(document);
    if (number === undefined) {
      number = this.#next++;
      this.#numbers.set(document, number);
      this.#numbered.set(number, new WeakRef(document));
      const [oldest] = this.#numbered.keys();
      if (this.#numbered.size > MAX_NUMBERED && oldest !== undefined) {
        this.#numbered.delete(oldest);
      }
    }
    return number;
  }
}
