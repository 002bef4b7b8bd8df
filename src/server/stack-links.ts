import type { DocumentLink, Location, Position } from 'vscode-languageserver/node';
import { BoundedMap } from '../core/bounded-map.ts';
import { sourceName } from '../core/stack/frame.ts';
import { type AddressItem, type FrameItem, frameOf, type SourceItem } from '../core/stack/text/items.ts';
import type { Place } from '../core/symbols/location.ts';
import { zfsProgramOf } from '../core/zfs/zfs-modules.ts';
import type { IsExact, LinkPart, StackLinksChange } from '../protocol/server.ts';
import { commonEnds } from './common-ends.ts';
import type { Locator } from './locator.ts';
import type { StackDocument } from './stack-documents.ts';
import { placeText } from './stack-hover.ts';
import type { Block } from './stack-lines.ts';
import type { StackPlaces } from './stack-places.ts';

/** Links that are given for one document at once, where the client asks for all of them. */
const MAX_LINKS = 100_000;

/** Answers for documents that are remembered by number, so that a link can be short. */
const MAX_NUMBERED = 64;

/** Entries without a function that debug info is asked about at once: other requests get their turn in between. */
const ADDRESSES_AT_ONCE = 256;

/** Answers about one document that a client may still have; one that was cancelled never came to it. */
const MAX_ANSWERS = 4;

/** Links and definitions of what stands in stack texts. */
export class StackLinks {
  /** Whether what is named so leads into the workspace, by module or path and function; as long as the index stays. */
  readonly #leads = new Map<string | null, Map<string | null, boolean>>();
  /** The links of blocks, as long as the index stays. */
  #linked = new WeakMap<Block, LinkPart>();
  /** Entries without a function that lead into the workspace. */
  readonly #leading = new WeakSet<AddressItem>();
  /** Whether a file is one of ZFS's, by its name; as long as the index stays. */
  readonly #ours = new Map<string, boolean>();
  /** Those that debug info was asked about; as long as the index stays. */
  #learned = new WeakSet<AddressItem>();
  /** What was answered about documents, by the answer's id; as long as the index stays. */
  #answers = new WeakMap<StackDocument, Map<number, readonly Block[]>>();
  readonly #numbered = new BoundedMap<number, WeakRef<StackDocument>>(MAX_NUMBERED);
  readonly #numbers = new WeakMap<StackDocument, number>();
  #next = 1;
  #answered = 0;

  constructor(
    private readonly locator: Pick<Locator, 'sourceReference'>,
    private readonly places: Pick<StackPlaces, 'leads' | 'of' | 'ofAddress' | 'ofAddresses'>,
  ) {}

  /** The sources changed, or a program is known now: what led nowhere may lead somewhere. */
  sourcesChanged(): void {
    this.#leads.clear();
    this.#ours.clear();
    this.#linked = new WeakMap();
    this.#learned = new WeakSet();
    this.#answers = new WeakMap();
  }

  /** Links of everything that leads into the workspace; where to is found by {@link resolve}. */
  async of(document: StackDocument): Promise<DocumentLink[]> {
    const { blocks } = document.lines;
    await this.#learnAddresses(document);
    const data = this.#numberOf(document);
    const links: DocumentLink[] = [];
    let base = 0;
    for (const block of blocks) {
      const { spans, lines } = this.#partOf(block);
      if (links.length + spans.length / 3 > MAX_LINKS) {
        break;
      }
      for (let at = 0; at < spans.length; at += 3) {
        const line = base + (spans[at] ?? 0);
        const [start, end] = [spans[at + 1] ?? 0, spans[at + 2] ?? 0];
        links.push({ range: { start: { line, character: start }, end: { line, character: end } }, data });
      }
      base += lines;
    }
    return links;
  }

  /**
   * The same links, as far as they are not in an answer that the client has.
   * @param known that answer's id; null for none
   */
  async changes(document: StackDocument, known: number | null): Promise<StackLinksChange> {
    const { blocks } = document.lines;
    await this.#learnAddresses(document);
    const answers = this.#answers.get(document) ?? new BoundedMap<number, readonly Block[]>(MAX_ANSWERS);
    this.#answers.set(document, answers);
    const before = known === null ? undefined : answers.get(known);
    const { head, tail } = commonEnds(before ?? [], blocks);
    this.#answered++;
    const parts = blocks.slice(head, blocks.length - tail).map((block) => this.#partOf(block));
    // What is not known of a block by now is sent once it is: none is the same as its copy.
    answers.set(
      this.#answered,
      blocks.map((block) => (this.#linked.has(block) ? block : { ...block })),
    );
    return { id: this.#answered, document: this.#numberOf(document), head, tail, parts };
  }

  /** Asks debug info, which alone can tell, where entries without a function lead; until the document is edited. */
  async #learnAddresses(document: StackDocument): Promise<void> {
    const { blocks } = document.lines;
    const unknown = new Map<string, { readonly item: AddressItem; readonly line: number }[]>();
    let base = 0;
    for (const block of blocks) {
      for (const item of this.#linked.has(block) ? [] : (block.items ?? [])) {
        if (item.kind === 'address' && !this.#isKnown(item)) {
          const ofFile = unknown.get(item.module) ?? [];
          ofFile.push({ item, line: base + item.line - 1 });
          unknown.set(item.module, ofFile);
        }
      }
      base += block.lines;
    }
    for (const [module, entries] of unknown) {
      for (let at = 0; at < entries.length && document.lines.blocks === blocks; at += ADDRESSES_AT_ONCE) {
        const asked = entries
          .slice(at, at + ADDRESSES_AT_ONCE)
          .map(({ item, line }) => document.inStack(item, line));
        const learned = this.#learned;
        for (const [index, { places }] of (await this.places.ofAddresses(module, asked)).entries()) {
          const item = asked[index]?.item;
          if (item !== undefined) {
            learned.add(item);
            if (places.some(({ uri }) => uri !== null)) {
              this.#leading.add(item);
            } else {
              this.#leading.delete(item);
            }
          }
        }
      }
    }
  }

  /** Whether it is known where an entry leads: one of a file that is none of ZFS's leads nowhere. */
  #isKnown(item: AddressItem): boolean {
    let isOurs = this.#ours.get(item.module);
    if (isOurs === undefined) {
      isOurs = zfsProgramOf(item.module) !== null;
      this.#ours.set(item.module, isOurs);
    }
    return !isOurs || this.#learned.has(item);
  }

  #partOf(block: Block): LinkPart {
    const known = this.#linked.get(block);
    if (known !== undefined) {
      return known;
    }
    const spans: number[] = [];
    let isKnown = true;
    for (const item of block.items ?? []) {
      const isAddress = item.kind === 'address';
      isKnown &&= !isAddress || this.#isKnown(item);
      if (isAddress ? this.#leading.has(item) : item.kind !== 'heading' && this.#leadsTo(item)) {
        spans.push(item.line - 1, item.start, item.end);
      }
    }
    const part = { lines: block.lines, spans };
    if (isKnown) {
      this.#linked.set(block, part);
    }
    return part;
  }

  #leadsTo(item: FrameItem | SourceItem): boolean {
    const isFrame = item.kind === 'frame';
    // A text has many frames and few modules: a key of both would be made anew for each frame.
    const group = isFrame ? item.module : `${item.path}:`;
    let named = this.#leads.get(group);
    if (named === undefined) {
      named = new Map();
      this.#leads.set(group, named);
    }
    let leads = named.get(item.function);
    if (leads === undefined) {
      leads = isFrame ? this.places.leads(frameOf(item)) : this.reference(item) !== null;
      named.set(item.function, leads);
    }
    return leads;
  }

  /** Fills in where a link leads. */
  async resolve(link: DocumentLink): Promise<DocumentLink & IsExact> {
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
    const target = `${place.uri}#L${place.line ?? 1}`;
    return { ...link, target, tooltip: placeText(place), ...exactness(place) };
  }

  /** All lines that may be meant: the editor lets the person choose. */
  async definition(document: StackDocument, position: Position): Promise<(Location & IsExact)[]> {
    const places = await this.#placesAt(document, position);
    return places.flatMap((place) =>
      (place.candidates ?? [place]).flatMap(({ uri, line }) => {
        const at = { line: Math.max((line ?? 1) - 1, 0), character: 0 };
        return uri === null ? [] : [{ uri, range: { start: at, end: at }, ...exactness(place) }];
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
    const address = document.addressAt(position);
    if (address !== null) {
      return (await this.places.ofAddress(address)).places;
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
    }
    return number;
  }
}

function exactness({ how }: Place): IsExact {
  return how === 'dwarf' ? { isExact: true } : {};
}
