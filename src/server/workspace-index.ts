import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type ScannedSource, scanSource } from '../core/symbols/c-scanner.ts';
import { FunctionIndex } from '../core/symbols/function-index.ts';
import { type SourceFile, SourcePaths, sourceKind } from '../core/symbols/source-paths.ts';
import {
  isWalked,
  type Listing,
  listSources,
  MAX_SOURCES,
  readSource,
  readTree,
  type ZfsTree,
} from './walk.ts';

/** A file of the workspace; its key is its absolute path. */
export interface WorkspaceFile extends SourceFile {
  /** The OpenZFS tree that it is in; null when it is in none. */
  readonly tree: ZfsTree | null;
}

/** Files that are read at the same time. */
const READERS = 8;

/** The C sources of all workspace folders: their paths, functions and calls, kept up to date. */
export class WorkspaceIndex {
  readonly functions = new FunctionIndex();
  readonly #paths = new SourcePaths();
  readonly #files = new Map<string, WorkspaceFile>();
  /** Workspace folders, absolute, innermost first. */
  #roots: readonly string[] = [];
  /** Innermost first. */
  #trees: readonly ZfsTree[] = [];
  /** Text of open documents by path: it counts, not the disk's. */
  readonly #open = new Map<string, () => string>();
  /** Open documents that changed since they were scanned. */
  readonly #stale = new Set<string>();
  /** All work that was asked for so far. */
  #work: Promise<void> = Promise.resolve();
  #generation = 0;

  /** @param log takes a sentence for the server's log: what could not be read, and why */
  constructor(
    private readonly progress: (done: number, total: number) => void = () => {},
    private readonly log: (text: string) => void = () => {},
  ) {}

  /** Version of the source that is open: that of the outermost tree; null when there is none. */
  get zfsVersion(): string | null {
    return this.#trees.at(-1)?.version ?? null;
  }

  get paths(): SourcePaths {
    return this.#paths;
  }

  /** The indexed file at an absolute path. */
  file(key: string): WorkspaceFile | undefined {
    return this.#files.get(key);
  }

  /** Resolves when all that was asked for is in the index. Never rejects. */
  async settled(): Promise<void> {
    for (let work = this.#work; ; work = this.#work) {
      await work;
      if (work === this.#work) {
        break;
      }
    }
    this.#scanStale();
  }

  /** Sets the workspace's folders and reads their sources anew. */
  setFolders(roots: readonly string[]): void {
    this.#generation++;
    const generation = this.#generation;
    this.#enqueue(async () => {
      if (generation !== this.#generation) {
        return;
      }
      const found = await Promise.all(roots.map((root) => this.#list(root)));
      this.#roots = innermostFirst(roots);
      await this.#readTrees(found.flatMap((one) => one.metaFolders));
      const listed = new Set(found.flatMap((one) => one.sources));
      for (const key of [...this.#files.keys()].filter((known) => !listed.has(known))) {
        this.#forget(key);
      }
      await this.#readAll([...listed], generation);
    });
  }

  /** Files or folders were removed on disk. */
  removed(paths: readonly string[]): void {
    this.filesChanged(paths);
    const folders = new Set(paths.filter((one) => !this.#files.has(one)));
    if (folders.size > 0) {
      this.#enqueue(async () => {
        for (const key of [...this.#files.keys()].filter((file) => isBelowAny(file, folders))) {
          await this.#read(key);
        }
      });
    }
  }

  /** Files were made, changed or removed on disk. */
  filesChanged(files: readonly string[]): void {
    const metaFolders = files.filter((file) => path.basename(file) === 'META').map(path.dirname);
    if (metaFolders.some((folder) => this.#roots.some((root) => folder === root || isBelow(folder, root)))) {
      this.#enqueue(() => this.#readTrees([...this.#trees.map((tree) => tree.root), ...metaFolders]));
    }
    const sources = files.filter((file) => this.#rootOf(file) !== null);
    if (sources.length > 0) {
      this.#enqueue(() => this.#readAll(sources, this.#generation));
    }
  }

  /** A document was opened or edited; `text` gives its present text. */
  documentChanged(file: string, text: () => string): void {
    this.#open.set(file, text);
    this.#stale.add(file);
  }

  documentClosed(file: string): void {
    this.#open.delete(file);
    this.#stale.delete(file);
    this.filesChanged([file]);
  }

  /** Present text of a file: that of the open document, else the disk's; null when there is none. */
  async text(file: string): Promise<string | null> {
    return this.#open.get(file)?.() ?? readSource(file);
  }

  /** A step that fails is logged; those after it are done all the same. */
  #enqueue(step: () => Promise<void>): void {
    this.#work = this.#work
      .then(step)
      .catch((error: unknown) => this.log(`Part of the sources was not read: ${reason(error)}`));
  }

  async #list(root: string): Promise<Listing> {
    const found = await listSources(root);
    if (found.isCut) {
      this.log(`${root} holds more than ${MAX_SOURCES} C sources; those beyond are not indexed.`);
    }
    return found;
  }

  async #readTrees(folders: readonly string[]): Promise<void> {
    const trees = await Promise.all([...new Set(folders)].map(readTree));
    const there = new Map(trees.flatMap((tree) => (tree === null ? [] : [[tree.root, tree] as const])));
    this.#trees = innermostFirst([...there.keys()]).flatMap((root) => there.get(root) ?? []);
    for (const key of [...this.#files.keys()]) {
      this.#remember(key);
    }
  }

  async #readAll(files: readonly string[], generation: number): Promise<void> {
    // All paths first: a place named by debug info can be answered before its file is read.
    for (const file of files) {
      this.#remember(file);
    }
    let next = 0;
    const reader = async (): Promise<void> => {
      while (next < files.length && generation === this.#generation) {
        const file = files[next++];
        if (file !== undefined) {
          await this.#read(file);
          this.progress(next, files.length);
        }
      }
    };
    await Promise.all(Array.from({ length: READERS }, reader));
  }

  async #read(file: string): Promise<void> {
    if (this.#open.has(file)) {
      this.#stale.add(file);
      return;
    }
    const text = await readSource(file);
    if (text === null) {
      this.#forget(file);
    } else if (!this.#open.has(file)) {
      this.#scan(file, text);
    }
  }

  #scanStale(): void {
    for (const file of this.#stale) {
      const text = this.#open.get(file)?.();
      if (text !== undefined && this.#remember(file)) {
        this.#scan(file, text);
      }
    }
    this.#stale.clear();
  }

  /** Text that the scanner fails at has no functions in the index. */
  #scan(file: string, text: string): void {
    let found: ScannedSource = { functions: [], macros: [] };
    try {
      found = file.endsWith('.S') ? found : scanSource(text);
    } catch (error) {
      this.log(`The functions of ${file} are not known: ${reason(error)}`);
    }
    this.functions.setFile(file, found);
  }

  /** Takes the file in by its path; false when it is not a source of the workspace. */
  #remember(key: string): boolean {
    const root = this.#rootOf(key);
    if (root === null) {
      return false;
    }
    const tree = this.#trees.find((one) => isBelow(key, one.root)) ?? null;
    const kind = tree === null ? 'kernel' : sourceKind(relativePath(tree.root, key));
    const file: WorkspaceFile = { key, path: relativePath(root, key), kind, tree };
    this.#files.set(key, file);
    this.#paths.add(file);
    return true;
  }

  #forget(key: string): void {
    this.#files.delete(key);
    this.#paths.remove(key);
    this.functions.removeFile(key);
  }

  /** The innermost workspace folder whose walk comes to the file; null when none does. */
  #rootOf(file: string): string | null {
    return this.#roots.find((root) => isBelow(file, root) && isWalked(path.relative(root, file))) ?? null;
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function innermostFirst(folders: readonly string[]): string[] {
  return [...folders].sort((a, b) => b.length - a.length);
}

function isBelow(file: string, folder: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '' && !path.isAbsolute(relative) && relative.split(path.sep)[0] !== '..';
}

function relativePath(folder: string, file: string): string {
  return path.relative(folder, file).split(path.sep).join('/');
}

function isBelowAny(file: string, folders: ReadonlySet<string>): boolean {
  for (let parent = path.dirname(file); parent !== path.dirname(parent); parent = path.dirname(parent)) {
    if (folders.has(parent)) {
      return true;
    }
  }
  return false;
}

/** Absolute path of a `file:` URI as the index writes it; null for any other URI. */
export function pathOfUri(uri: string): string | null {
  if (!uri.startsWith('file:')) {
    return null;
  }
  try {
    const file = path.normalize(fileURLToPath(uri));
    return /^[A-Z]:/.test(file) ? file.slice(0, 1).toLowerCase() + file.slice(1) : file;
  } catch {
    // A file URI of another machine or with an encoded slash: no file of the workspace.
    return null;
  }
}

/** `file:` URI of an absolute path. */
export function uriOfPath(file: string): string {
  return pathToFileURL(file).toString();
}
