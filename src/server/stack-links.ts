import type { DocumentLink, Location, Position } from 'vscode-languageserver/node';
import { sourceName } from '../core/stack/frame.ts';
import type { SourceItem } from '../core/stack/text/items.ts';
import type { Place } from '../core/symbols/location.ts';
import type { Locator } from './locator.ts';
import type { StackDocument } from './stack-documents.ts';
import { placeText } from './stack-hover.ts';
import type { StackPlaces } from './stack-places.ts';

/** Links that are given for one document; VS Code asks for all of them at once. */
const MAX_LINKS = 100_000;

/** Answers for documents that are remembered by number, so that a link can be short. */
const MAX_NUMBERED = 64;

/** Links and definitions of what stands in stack texts. */
export class StackLinks {
  /** Whether what is named so leads into the workspace; as long as the index stays. */
  #leads = new Map<string, boolean>();
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
  }

  /** Links of everything that leads into the workspace; where to is found by {@link resolve}. */
  of(document: StackDocument): DocumentLink[] {
    const links: DocumentLink[] = [];
    const data = this.#numberOf(document);
    document.lines.forEach((item, line) => {
      if (item.kind === 'heading' || links.length >= MAX_LINKS) {
        return;
      }
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
      if (leads) {
        const range = { start: { line, character: item.start }, end: { line, character: item.end } };
        links.push({ range, data });
      }
    });
    return links;
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
