/**
 * The texts of answers as bytes. As strings they would be moved by one garbage collection after the other until they
 * are printed, which takes longer than all the rest.
 */
import type { CodeOrigin, DebugLine } from '../core/symbols/location.ts';
import { inert } from '../core/text/inert.ts';
import { ByteBuffer } from './byte-buffer.ts';

const ROOM = 1 << 16;

/** Nearly all names are; the expression for what is not takes longer to compile than an answer to find. */
const PLAIN = /^[ -~]*$/;

/** Where a text begins and ends. */
type Part = readonly [start: number, end: number];

/** Numbers for each line in {@link OriginTexts}: where its text begins and ends, and the line's number. */
const LINE = 3;

export class OriginTexts {
  /** What stands before the numbers of lines, each once: so few that they stay in the processor's cache. */
  readonly #texts = new ByteBuffer(ROOM);
  /** Places of the texts by path and name. */
  readonly #parts = new Map<string, Map<string, Part>>();
  /** {@link LINE} numbers for each line of the origins, innermost first. */
  readonly #lines: number[] = [];
  /** By number of the origin: its first line, and behind the last origin the number of lines. */
  readonly #firsts: number[] = [0];

  /** Keeps the text of an origin; they come in the order of their numbers. */
  add(origin: CodeOrigin): void {
    if (origin.number < this.#firsts.length - 1) {
      return;
    }
    this.#addLine(origin, 0);
    for (const caller of origin.callers) {
      this.#addLine(caller, caller.line);
    }
    this.#firsts.push(this.#lines.length);
  }

  /** Writes the text of an origin that was added: a line each for function and place, innermost first. */
  write(number: number, line: number, output: ByteBuffer): void {
    const lines = this.#lines;
    const first = this.#firsts[number] ?? 0;
    const end = this.#firsts[number + 1] ?? first;
    for (let at = first; at < end; at += LINE) {
      output.addPart(this.#texts, lines[at] ?? 0, lines[at + 1] ?? 0);
      output.addLine(at === first ? line : (lines[at + 2] ?? 0));
    }
  }

  #addLine({ function: name, path }: Pick<DebugLine, 'function' | 'path'>, line: number): void {
    const [start, end] = this.#part(name, path);
    this.#lines.push(start, end, line);
  }

  #part(name: string, path: string): Part {
    let parts = this.#parts.get(path);
    if (parts === undefined) {
      parts = new Map();
      this.#parts.set(path, parts);
    }
    let part = parts.get(name);
    if (part === undefined) {
      const start = this.#texts.length;
      this.#texts.add(Buffer.from(`${shown(name)}\n${shown(path)}:`));
      part = [start, this.#texts.length];
      parts.set(name, part);
    }
    return part;
  }
}

/** A name or a path as it is shown. */
export function shown(name: string): string {
  return (PLAIN.test(name) ? name : inert(name)) || '??';
}
