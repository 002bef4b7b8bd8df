import type { StackLinksChange } from '../../protocol/server.ts';

/** How links are made and moved; `line` is one of the document. */
export interface LinkMaker<Link> {
  make(line: number, start: number, end: number): Link;
  move(link: Link, line: number, start: number, end: number): void;
}

interface Part<Link> {
  readonly lines: number;
  readonly spans: readonly number[];
  /** Line of the document that the links were made or moved for. */
  base: number;
  readonly links: readonly Link[];
}

/** The links of one document, kept from answer to answer of the server: those of lines that stay are the same objects. */
export class LinkTable<Link> {
  #parts: readonly Part<Link>[] = [];
  #id: number | null = null;

  constructor(private readonly maker: LinkMaker<Link>) {}

  /** The last answer that was taken in; null for none. */
  get id(): number | null {
    return this.#id;
  }

  /**
   * Takes in an answer to a question that named {@link id}.
   * @param most links that are given
   * @returns all links of the document, in its order
   */
  take({ id, head, tail, parts }: StackLinksChange, most: number): Link[] {
    const links: Link[] = [];
    const before = this.#parts;
    const made: Part<Link>[] = [];
    let base = 0;
    const add = (part: Part<Link>) => {
      this.#moveTo(part, base);
      made.push(part);
      base += part.lines;
      for (const link of part.links) {
        if (links.length < most) {
          links.push(link);
        }
      }
    };
    before.slice(0, head).forEach(add);
    for (const { lines, spans } of parts) {
      add({ lines, spans, base, links: this.#make(spans, base) });
    }
    before.slice(before.length - tail).forEach(add);
    this.#parts = made;
    this.#id = id;
    return links;
  }

  #make(spans: readonly number[], base: number): Link[] {
    const links: Link[] = [];
    for (let at = 0; at < spans.length; at += 3) {
      links.push(this.maker.make(base + (spans[at] ?? 0), spans[at + 1] ?? 0, spans[at + 2] ?? 0));
    }
    return links;
  }

  #moveTo(part: Part<Link>, base: number): void {
    if (part.base === base) {
      return;
    }
    part.base = base;
    const { spans } = part;
    part.links.forEach((link, at) => {
      this.maker.move(link, base + (spans[3 * at] ?? 0), spans[3 * at + 1] ?? 0, spans[3 * at + 2] ?? 0);
    });
  }
}
