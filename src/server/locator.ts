import { type Frame, sourceName } from '../core/stack/frame.ts';
import { wordAt } from '../core/symbols/c-lexer.ts';
import {
  type BodyCall,
  type CallPath,
  type CallSource,
  callPaths,
  commonStart,
} from '../core/symbols/call-sites.ts';
import type { FileEntry, IndexedFunction } from '../core/symbols/function-index.ts';
import type { CandidateLine, DebugLine, FunctionDefinition, Place } from '../core/symbols/location.ts';
import { fileRank, mapPath } from '../core/symbols/source-paths.ts';
import { isZfsModule, mayBeProgram, zfsProgramOf } from '../core/zfs/zfs-modules.ts';
import type { LocateFrame, SourceReferenceParams } from '../protocol/server.ts';
import type { CReader } from './c-reader.ts';
import { indexPath, uriOfPath } from './paths.ts';
import type { WorkspaceFile, WorkspaceIndex } from './workspace-index.ts';

/** Lines that are offered when a frame may stand for several. */
const MAX_CANDIDATES = 50;

interface Found {
  readonly definition: IndexedFunction;
  readonly file: WorkspaceFile;
}

/** Answers where frames, functions and source references are, from the index of the workspace. */
export class Locator {
  /** Calls of functions whose bodies were read, as long as what the index has of their file stays. */
  readonly #bodies = new WeakMap<FileEntry, Map<number, Promise<readonly BodyCall[]>>>();

  /** From the start of a build's path to that of a path here: the person's word, before any guess. */
  pathMappings: Readonly<Record<string, string>> = {};

  constructor(
    private readonly index: WorkspaceIndex,
    private readonly reader: CReader,
  ) {}

  /** Places of each frame of a stack, innermost first, never empty. */
  async locateStack(stack: readonly LocateFrame[]): Promise<Place[][]> {
    // A `?` frame is not part of the chain: it called nobody, and nobody called it.
    const inner = (at: number) => stack.slice(0, at).findLast(({ frame }) => frame.reliable)?.frame ?? null;
    return Promise.all(
      stack.map(({ frame, debug }, at) => this.#locate(frame, debug, frame.reliable ? inner(at) : null)),
    );
  }

  /** @param inner the frame that this one called; null when it is not known or this is the innermost */
  async #locate(frame: Frame, debug: readonly DebugLine[] | null, inner: Frame | null): Promise<Place[]> {
    const [symbol] = debug ?? [];
    if (symbol?.path === '' && frame.symbol === '') {
      // A program without debug info, whose symbol names the function.
      return this.#locate({ ...frame, symbol: symbol.function }, null, inner);
    }
    const name = sourceName(frame.symbol);
    // What stands before a function (CONFIG_FUNCTION_PADDING_BYTES) is no code of it, nor of the one before.
    const isPadding = frame.symbol.startsWith('__pfx_');
    if (debug !== null && debug.length > 0 && !isPadding) {
      return debug.map((line, i) => this.#debugPlace(line, name, i < debug.length - 1));
    }
    const definitions = this.frameDefinitions(frame);
    const [best] = definitions;
    if (best === undefined) {
      return [nowhere(name)];
    }
    const paths = inner === null ? [] : await this.#callPaths(definitions, sourceName(inner.symbol));
    const exact = commonStart(paths);
    if (exact.length > 0) {
      return exact.flatMap((step, depth) => this.#callPlace(step, depth)).reverse();
    }
    const lines =
      paths.length > 0
        ? paths.flatMap(([step]) => step ?? [])
        : definitions.map(({ definition }) => ({ of: definition, line: definition.line }));
    const candidates = await this.#candidates(lines);
    return [{ ...placeOfDefinition(best), ...(candidates.length > 1 ? { candidates } : {}) }];
  }

  async #callPaths(definitions: readonly Found[], inner: string): Promise<CallPath[]> {
    const source: CallSource = {
      index: this.index.functions,
      readBody: (of) => this.#body(of),
      counts: (file) => this.index.file(file)?.kind === 'kernel',
    };
    const paths = definitions.map(({ definition }) => callPaths(source, definition, inner));
    return (await Promise.all(paths)).flat();
  }

  #body(of: IndexedFunction): Promise<readonly BodyCall[]> {
    const entry = this.index.functions.entry(of.file);
    if (entry === undefined) {
      return Promise.resolve([]);
    }
    const known = this.#bodies.get(entry) ?? new Map();
    this.#bodies.set(entry, known);
    let body = known.get(of.line);
    if (body === undefined) {
      body = this.#readBody(of);
      known.set(of.line, body);
    }
    return body;
  }

  async #readBody(of: IndexedFunction): Promise<readonly BodyCall[]> {
    const text = await this.index.text(of.file);
    return this.reader.calls(of, text ?? '', this.index.functions.calls(of));
  }

  #callPlace({ of, line }: CallPath[number], depth: number): Place[] {
    const file = this.index.file(of.file);
    return file === undefined
      ? []
      : [
          {
            function: of.name,
            inlined: depth > 0,
            uri: uriOfPath(file.key),
            path: file.path,
            line,
            how: 'call-site',
          },
        ];
  }

  /** The lines that may be meant, with their text, each once. */
  async #candidates(lines: readonly CallPath[number][]): Promise<CandidateLine[]> {
    const found = new Map<string, CandidateLine>();
    for (const { of, line } of lines) {
      const file = this.index.file(of.file);
      const key = `${of.file}:${line}`;
      if (file !== undefined && !found.has(key) && found.size < MAX_CANDIDATES) {
        const text = lineOf((await this.index.text(of.file)) ?? '', line - 1).trim();
        found.set(key, { uri: uriOfPath(file.key), path: file.path, line, text: text.slice(0, 200) });
      }
    }
    return [...found.values()];
  }

  /** Whether the function of a frame is in the workspace. */
  hasSource(frame: Frame): boolean {
    return this.frameDefinitions(frame).length > 0;
  }

  /**
   * Definitions that a frame's function can have in the workspace, best first. A kernel frame is
   * never in code of processes or of another system, and a frame of another module is not in ZFS.
   */
  frameDefinitions(frame: Frame): Found[] {
    const program = frame.module === null || isZfsModule(frame.module) ? null : zfsProgramOf(frame.module);
    if (program !== null) {
      return this.#programDefinitions(frame, program);
    }
    const isZfs = frame.module === null || isZfsModule(frame.module);
    const bodies = new Set<string>();
    const found = this.#find(sourceName(frame.symbol)).filter(({ definition, file }) => {
      const body = `${definition.file}\0${definition.endLine}`;
      const isOther = bodies.has(body);
      bodies.add(body);
      return !isOther && file.kind === 'kernel' && (isZfs || file.tree === null);
    });
    if (found.length === 0 && mayBeProgram(frame)) {
      return this.#programDefinitions(frame, frame.module ?? '');
    }
    // Where sources of ZFS and of the kernel are open, a module's frame is in the former.
    const isNear = ({ file }: Found) => (file.tree === null) === (frame.module === null);
    return [...found.filter(isNear), ...found.filter((one) => !isNear(one))];
  }

  /** The same for a frame of a program or a library of ZFS: in its own folder, else in what it is linked with. */
  #programDefinitions(frame: Frame, program: string): Found[] {
    const found = this.#find(sourceName(frame.symbol)).filter(
      ({ file }) => file.tree !== null && file.kind !== 'foreign' && !/(?:^|\/)tests\//.test(file.path),
    );
    // cmd/zdb/zdb.c, cmd/ztest.c, lib/libzpool/kernel.c
    const isOwn = ({ file }: Found) => file.path.split(/[/.]/).includes(program);
    const own = found.filter(isOwn);
    // Each program has a main, and often a usage.
    return own.length > 0 ? own : found.filter(({ file }) => !/(?:^|\/)cmd\//.test(file.path));
  }

  /** All definitions by name, best first. */
  definitions(name: string): FunctionDefinition[] {
    return this.#find(name).map((found) => this.#describe(found));
  }

  /** Functions that call `name`, each once, best first. */
  callers(name: string): FunctionDefinition[] {
    const callers = this.#withFiles(this.index.functions.callers(name)).sort(byLikelihood);
    const seen = new Set<string>();
    return callers
      .filter(({ definition }) => {
        // Signatures in the branches of an #if share one body.
        const body = `${definition.file}\0${definition.name}\0${definition.endLine}`;
        return seen.has(body) ? false : seen.add(body) !== undefined;
      })
      .map((found) => this.#describe(found));
  }

  /** The function meant at a 0-based position of a file. */
  async functionAt(file: string, line: number, character: number): Promise<FunctionDefinition | null> {
    const text = await this.index.text(file);
    const word = text === null ? null : wordAt(lineOf(text, line), character);
    const from = this.index.file(file);
    if (from === undefined) {
      return null;
    }
    const named = word === null ? [] : this.#find(word).filter((one) => canCall(from, one.file));
    const best =
      named.find((one) => one.definition.file === file && one.definition.line === line + 1) ??
      named.find((one) => one.definition.file === file) ??
      named[0];
    if (best !== undefined) {
      return this.#describe(best);
    }
    const around = this.index.functions.functionAtLine(file, line + 1);
    const [found] = around === null ? [] : this.#withFiles([around]);
    return found === undefined ? null : this.#describe(found);
  }

  /** Where a reference such as `zil.c:3194:zil_commit()` leads; null when no file fits. */
  sourceReference(reference: SourceReferenceParams): Place | null {
    const file = this.#fileOf(reference.path, reference.function);
    if (file === null) {
      return null;
    }
    return {
      function: reference.function ?? '',
      inlined: false,
      uri: uriOfPath(file.key),
      path: file.path,
      line: reference.line,
      // Like a line table, the text carries the number that the compiler gave it.
      how: 'dwarf',
    };
  }

  #debugPlace(line: DebugLine, frameFunction: string, inlined: boolean): Place {
    const name = line.function === '' ? frameFunction : sourceName(line.function);
    if (line.path === '' || line.path.startsWith('??') || line.line < 1) {
      const [found] = this.#find(name).filter(({ file }) => file.kind === 'kernel');
      return { ...(found === undefined ? nowhere(name) : placeOfDefinition(found)), inlined };
    }
    const file = this.#fileOf(line.path, name);
    return {
      function: name,
      inlined,
      uri: file === null ? null : uriOfPath(file.key),
      path: file === null ? line.path : file.path,
      line: line.line,
      how: 'dwarf',
    };
  }

  #fileOf(path: string, name: string | null): WorkspaceFile | null {
    const { functions, paths } = this.index;
    const mapped = mapPath(path, this.pathMappings);
    const file = mapped === null ? undefined : this.index.file(indexPath(mapped));
    if (file !== undefined) {
      return file;
    }
    const defines =
      name === null
        ? null
        : (file: { readonly key: string }) => functions.definitionsIn(file.key, name).length > 0;
    const found = paths.find({ path, defines });
    return found === null ? null : (this.index.file(found.key) ?? null);
  }

  #find(name: string): Found[] {
    return this.#withFiles(this.index.functions.definitions(name)).sort(byLikelihood);
  }

  #withFiles(definitions: readonly IndexedFunction[]): Found[] {
    return definitions.flatMap((definition) => {
      const file = this.index.file(definition.file);
      return file === undefined ? [] : [{ definition, file }];
    });
  }

  #describe({ definition, file }: Found): FunctionDefinition {
    return {
      name: definition.name,
      uri: uriOfPath(file.key),
      path: file.path,
      line: definition.line,
      endLine: definition.endLine,
      parameters: this.index.functions.parameters(definition),
    };
  }
}

/**
 * Whether code of one file can mean a function of the other: kernel code calls no function of a
 * process, and a local `error` is not the one of some command; the reverse holds for libzpool.
 */
function canCall(from: WorkspaceFile, to: WorkspaceFile): boolean {
  return to.kind === 'kernel' || to.kind === from.kind;
}

function placeOfDefinition({ definition, file }: Found): Place {
  return {
    function: definition.name,
    inlined: false,
    uri: uriOfPath(file.key),
    path: file.path,
    line: definition.line,
    how: 'function',
  };
}

function nowhere(name: string): Place {
  return { function: name, inlined: false, uri: null, path: null, line: null, how: null };
}

function byLikelihood(a: Found, b: Found): number {
  return (
    fileRank(a.file) - fileRank(b.file) ||
    (a.file.key < b.file.key ? -1 : a.file.key > b.file.key ? 1 : 0) ||
    a.definition.line - b.definition.line
  );
}

/** The 0-based line of a text, without its end. */
function lineOf(text: string, line: number): string {
  let from = 0;
  for (let i = 0; i < line; i++) {
    const newline = text.indexOf('\n', from);
    if (newline < 0) {
      return '';
    }
    from = newline + 1;
  }
  const end = text.indexOf('\n', from);
  return text.slice(from, end < 0 ? undefined : end);
}
