/**
 * The functions of many C files and the calls between them, kept small: names are stored once, and
 * a file's functions, calls and macros are rows of integers. Files are put in and taken out one by
 * one; what is kept of them can be written down and put back.
 */
import { parseParameters } from './c-parameters.ts';
import type { Parameter } from './location.ts';
import type { ScannedFunction, ScannedSource } from './scanned-source.ts';

/** A function of an indexed file. Lines are 1-based. */
export interface IndexedFunction {
  /** Key of the file that {@link FunctionIndex.setFile} was given. */
  readonly file: string;
  readonly name: string;
  /** Line of the name. */
  readonly line: number;
  readonly startLine: number;
  /** Line of the closing brace. */
  readonly endLine: number;
}

/** Integers of one function: name, line, first line, last line, index of its first call. */
const ROW = 5;

/** What the index keeps of one file. Names are numbers that count only with the index's own list. */
export interface FileEntry {
  readonly file: string;
  /** Of each function: name, line, first line, last line, index of its first call in {@link calls}. */
  readonly rows: Int32Array;
  /** Pairs (name, line) in the functions' order. */
  readonly calls: Int32Array;
  /** Of each macro that calls something: its name, how many names follow, those names. */
  readonly macros: Int32Array;
  /**
   * Parameter lists and, each behind a NUL, old-style declarations; one a function, parted by
   * {@link PARAMETERS_END}.
   */
  readonly parameters: () => string;
}

/** No C source holds this outside of strings. */
const PARAMETERS_END = '\u0001';

export class FunctionIndex {
  readonly #files = new Map<string, FileEntry>();
  #ids = new Map<string, number>();
  #names: string[] = [];
  /** By name id: the files that define it, one entry per file. */
  readonly #definedIn = new Map<number, Set<FileEntry>>();
  /** By the macro's name id: what its definitions call. Made when first asked for. */
  #macros: Map<number, Set<number>> | null = null;
  #functions = 0;

  /** Files in the index. */
  get fileCount(): number {
    return this.#files.size;
  }

  /** Function definitions in the index. */
  get functionCount(): number {
    return this.#functions;
  }

  /** The names that the integers of {@link entry} count; a list that only grows. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** What is kept of a file. */
  entry(file: string): FileEntry | undefined {
    return this.#files.get(file);
  }

  /**
   * Takes the names of an index that was written down, so that its entries count here too.
   * @throws Error when this index is not empty: its numbers mean other names.
   */
  restoreNames(names: string[]): void {
    if (this.#names.length > 0) {
      throw new Error('only an empty index can take names');
    }
    this.#names = names;
    this.#ids = new Map(names.map((name, id) => [name, id]));
  }

  /** Puts back what {@link entry} gave, in place of what is known of the file. */
  putEntry(entry: FileEntry): void {
    this.removeFile(entry.file);
    this.#put(entry);
  }

  /** Puts a file in, in place of what was known of it. */
  setFile(file: string, { functions, macros }: ScannedSource): void {
    this.removeFile(file);
    const rows = new Int32Array(functions.length * ROW);
    const callCount = functions.reduce((sum, one) => sum + one.calls.length, 0);
    const calls = new Int32Array(callCount * 2);
    const parameters: string[] = [];
    let row = 0;
    let call = 0;
    for (const one of functions) {
      rows.set([this.#idOf(one.name), one.line, one.startLine, one.endLine, call], row);
      row += ROW;
      parameters.push(
        (one.oldStyleText === '' ? one.parameterText : withOldStyle(one)).replaceAll(PARAMETERS_END, ' '),
      );
      for (const site of one.calls) {
        calls[call++] = this.#idOf(site.name);
        calls[call++] = site.line;
      }
    }
    const macroRows = macros.flatMap((one) => [
      this.#idOf(one.name),
      one.calls.length,
      ...one.calls.map((name) => this.#idOf(name)),
    ]);
    const joined = detached(parameters.join(PARAMETERS_END));
    this.#put({ file, rows, calls, macros: Int32Array.from(macroRows), parameters: () => joined });
  }

  #put(entry: FileEntry): void {
    const { file, rows } = entry;
    this.#files.set(file, entry);
    this.#macros = null;
    this.#functions += rows.length / ROW;
    for (let at = 0; at < rows.length; at += ROW) {
      const id = rows[at] ?? 0;
      const entries = this.#definedIn.get(id);
      if (entries === undefined) {
        this.#definedIn.set(id, new Set([entry]));
      } else {
        entries.add(entry);
      }
    }
  }

  removeFile(file: string): void {
    const entry = this.#files.get(file);
    if (entry === undefined) {
      return;
    }
    this.#files.delete(file);
    this.#macros = null;
    this.#functions -= entry.rows.length / ROW;
    for (let at = 0; at < entry.rows.length; at += ROW) {
      const id = entry.rows[at] ?? 0;
      const entries = this.#definedIn.get(id);
      entries?.delete(entry);
      if (entries?.size === 0) {
        this.#definedIn.delete(id);
      }
    }
  }

  hasFile(file: string): boolean {
    return this.#files.has(file);
  }

  hasFunction(name: string): boolean {
    return this.#definedIn.has(this.#ids.get(name) ?? -1);
  }

  /** All definitions of a function, in no particular order between files, by line within one. */
  definitions(name: string): IndexedFunction[] {
    const id = this.#ids.get(name);
    const entries = id === undefined ? undefined : this.#definedIn.get(id);
    return [...(entries ?? [])].flatMap((entry) => this.#where(entry, (at) => entry.rows[at] === id));
  }

  /** Definitions of `name` in one file, by line. */
  definitionsIn(file: string, name: string): IndexedFunction[] {
    const id = this.#ids.get(name);
    const entry = this.#files.get(file);
    return id === undefined || entry === undefined ? [] : this.#where(entry, (at) => entry.rows[at] === id);
  }

  /** The function whose definition spans a 1-based line; the one that starts last if several do. */
  functionAtLine(file: string, line: number): IndexedFunction | null {
    const entry = this.#files.get(file);
    if (entry === undefined) {
      return null;
    }
    const { rows } = entry;
    const spanning = this.#where(entry, (at) => (rows[at + 2] ?? 0) <= line && line <= (rows[at + 3] ?? 0));
    return spanning.at(-1) ?? null;
  }

  /** Functions whose bodies call `name`, each once; by file in the order of insertion, then by line. */
  callers(name: string): IndexedFunction[] {
    const id = this.#ids.get(name);
    const found: IndexedFunction[] = [];
    for (const entry of id === undefined ? [] : this.#files.values()) {
      if (entry.calls.includes(id ?? -1)) {
        found.push(...this.#where(entry, (at) => callLines(entry, at, id ?? -1).length > 0));
      }
    }
    return found;
  }

  /** 1-based lines in a function's body where `callee` is called, ascending. */
  callSites(of: IndexedFunction, callee: string): number[] {
    const id = this.#ids.get(callee);
    const entry = this.#files.get(of.file);
    if (id === undefined || entry === undefined) {
      return [];
    }
    const row = rowOf(entry, this.#ids.get(of.name) ?? -1, of.line);
    return row < 0 ? [] : callLines(entry, row, id);
  }

  /** All calls in a function's body, in text order. */
  calls(of: IndexedFunction): { readonly name: string; readonly line: number }[] {
    const entry = this.#files.get(of.file);
    const row = entry === undefined ? -1 : rowOf(entry, this.#ids.get(of.name) ?? -1, of.line);
    if (entry === undefined || row < 0) {
      return [];
    }
    const found: { name: string; line: number }[] = [];
    const end = entry.rows[row + ROW + 4] ?? entry.calls.length;
    for (let at = entry.rows[row + 4] ?? 0; at < end; at += 2) {
      found.push({ name: this.#names[entry.calls[at] ?? -1] ?? '', line: entry.calls[at + 1] ?? 0 });
    }
    return found;
  }

  /** What the definitions of a macro call; empty for a name that is no macro, or calls nothing. */
  macroCalls(name: string): string[] {
    const id = this.#ids.get(name);
    if (id === undefined) {
      return [];
    }
    this.#macros ??= macrosOf(this.#files.values());
    return Array.from(this.#macros.get(id) ?? [], (callee) => this.#names[callee] ?? '');
  }

  /** The parameters as the definition declares them. */
  parameters(of: IndexedFunction): Parameter[] {
    const entry = this.#files.get(of.file);
    const row = entry === undefined ? -1 : rowOf(entry, this.#ids.get(of.name) ?? -1, of.line);
    const [list = '', oldStyle = ''] = (entry?.parameters().split(PARAMETERS_END)[row / ROW] ?? '').split(
      '\0',
    );
    return parseParameters(list, oldStyle);
  }

  #where(entry: FileEntry, matches: (row: number) => boolean): IndexedFunction[] {
    const found: IndexedFunction[] = [];
    for (let at = 0; at < entry.rows.length; at += ROW) {
      if (matches(at)) {
        const [name = 0, line = 0, startLine = 0, endLine = 0] = entry.rows.subarray(at, at + ROW);
        found.push({ file: entry.file, name: this.#names[name] ?? '', line, startLine, endLine });
      }
    }
    return found;
  }

  #idOf(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) {
      return known;
    }
    const id = this.#names.length;
    const own = detached(name);
    this.#names.push(own);
    this.#ids.set(own, id);
    return id;
  }
}

function macrosOf(entries: Iterable<FileEntry>): Map<number, Set<number>> {
  const found = new Map<number, Set<number>>();
  for (const { macros } of entries) {
    for (let at = 0; at < macros.length; ) {
      const name = macros[at] ?? 0;
      const end = at + 2 + Math.max(macros[at + 1] ?? 0, 0);
      const callees = found.get(name) ?? new Set();
      found.set(name, callees);
      for (at += 2; at < end; at++) {
        callees.add(macros[at] ?? 0);
      }
    }
  }
  return found;
}

function rowOf(entry: FileEntry, id: number, line: number): number {
  for (let at = 0; at < entry.rows.length; at += ROW) {
    if (entry.rows[at] === id && entry.rows[at + 1] === line) {
      return at;
    }
  }
  return -1;
}

function callLines(entry: FileEntry, row: number, id: number): number[] {
  const { rows, calls } = entry;
  const from = rows[row + 4] ?? 0;
  const to = rows[row + ROW + 4] ?? calls.length;
  const lines: number[] = [];
  for (let at = from; at < to; at += 2) {
    if (calls[at] === id) {
      lines.push(calls[at + 1] ?? 0);
    }
  }
  return lines;
}

function withOldStyle(one: ScannedFunction): string {
  return `${one.parameterText.replaceAll('\0', ' ')}\0${one.oldStyleText}`;
}

/**
 * The same string without a tie to the text that it was cut from. V8 keeps a slice as a reference
 * into its parent; an index of slices would hold every source file in memory.
 */
function detached(text: string): string {
  return text.length < 13 ? text : ` ${text}`.slice(1);
}
