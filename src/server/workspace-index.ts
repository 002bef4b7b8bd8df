import path from 'node:path';
import { scanSource } from '../core/symbols/c-scanner.ts';
import { FunctionIndex } from '../core/symbols/function-index.ts';
import type { ScannedSource } from '../core/symbols/scanned-source.ts';
import { type SourceFile, SourcePaths, sourceKind } from '../core/symbols/source-paths.ts';
import { compileSmall } from './compile-flags.ts';
import { type CachedFile, type CachedIndex, cacheFile, readCache, writeCache } from './index-cache.ts';
import { isBelow, isBelowAny, relativePath, withSeparator } from './paths.ts';
import { Slices } from './slices.ts';
import {
  isReallyBelow,
  isWalked,
  type Listing,
  listSources,
  MAX_SOURCES,
  readForScan,
  readSource,
  readTree,
  type Stamp,
  stampOf,
  type ZfsTree,
} from './walk.ts';

/** A file of the workspace; its key is its absolute path. */
export interface WorkspaceFile extends SourceFile {
  /** The OpenZFS tree that it is in; null when it is in none. */
  readonly tree: ZfsTree | null;
}

/** Where and as what the index is kept on disk. */
export interface IndexStore {
  /** Absolute; made when first written to. */
  readonly folder: string;
  /** Names the build of the scanner: what another one found does not count. */
  readonly build: string;
}

/** The index is written to disk when it has not changed for so long, ms. */
const SAVE_AFTER_MS = 2000;

/** Files that are read without a thought of how V8 compiles the scanner. */
const FEW = 64;

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
  /** Where the index is kept on disk; null to keep none. Set before the first folders. */
  store: IndexStore | null = null;
  /** State of each file that the index has from disk, not from an open document. */
  readonly #stamps = new Map<string, Stamp>();
  /** The file on disk is not what the index holds. */
  #unsaved = false;
  #saving: NodeJS.Timeout | null = null;

  /** @param log takes a sentence for the server's log: what could not be read, and why */
  constructor(
    private readonly progress: (done: number, total: number) => void = () => {},
    private readonly log: (text: string) => void = () => {},
  ) {}

  /** The source that is open: the outermost tree; null when there is none. */
  get zfsTree(): ZfsTree | null {
    return this.#trees.at(-1) ?? null;
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
      const cached = this.#cached();
      const known = (file: string) => cached?.files.get(file) ?? this.#kept(file);
      await this.#readAll([...listed], generation, known);
    });
  }

  /** What the index has of a file as it was on disk. */
  #kept(file: string): CachedFile | undefined {
    const stamp = this.#stamps.get(file);
    const entry = this.functions.entry(file);
    return stamp === undefined || entry === undefined ? undefined : { stamp, entry };
  }

  /** What is on disk of these folders; only for an index that is empty so far. */
  #cached(): CachedIndex | null {
    const cached =
      this.#cacheFile === null || this.functions.names.length > 0 ? null : readCache(this.#cacheFile);
    if (cached !== null) {
      this.functions.restoreNames(cached.names);
    }
    return cached;
  }

  get #cacheFile(): string | null {
    return this.store === null ? null : cacheFile(this.store.folder, this.#roots, this.store.build);
  }

  /** Writes the index to disk if it changed. Never rejects. */
  async save(): Promise<void> {
    const file = this.#cacheFile;
    if (!this.#unsaved || file === null) {
      return;
    }
    this.#unsaved = false;
    const files = [...this.#stamps.keys()].flatMap((key) => this.#kept(key) ?? []);
    try {
      await writeCache(file, this.functions.names, files);
    } catch (error) {
      this.log(`The index is not kept on disk: ${reason(error)}`);
    }
  }

  #saveLater(): void {
    this.#unsaved = true;
    if (this.store !== null) {
      clearTimeout(this.#saving ?? undefined);
      this.#saving = setTimeout(() => void this.save(), SAVE_AFTER_MS).unref();
    }
  }

  /** Ends what would still be done later. */
  dispose(): void {
    clearTimeout(this.#saving ?? undefined);
    this.#generation++;
  }

  /**
   * Files or folders were removed on disk.
   * @returns false when no source was among them
   */
  removed(paths: readonly string[]): boolean {
    const areSources = this.filesChanged(paths);
    const folders = new Set(paths.filter((one) => !this.#files.has(one)));
    const below =
      folders.size === 0 ? [] : [...this.#files.keys()].filter((file) => isBelowAny(file, folders));
    if (below.length > 0) {
      this.#enqueue(async () => {
        for (const key of below) {
          this.#read(key);
        }
      });
    }
    return areSources || below.length > 0;
  }

  /**
   * Folders were made, or what is in them is not known to be complete: reads what is new or changed there.
   * @returns false when the sources of none of them count
   */
  lookInto(folders: readonly string[]): boolean {
    // The walk follows no links; a folder is told by any path.
    const walked = folders.filter((folder) => {
      const root = this.#rootOf(path.join(folder, 'any.c'));
      return root !== null && (folder === root || isReallyBelow(folder, root));
    });
    if (walked.length === 0) {
      return false;
    }
    this.#enqueue(async () => {
      const found = await Promise.all(walked.map((folder) => this.#list(folder)));
      const metaFolders = found.flatMap((one) => one.metaFolders);
      if (metaFolders.length > 0) {
        await this.#readTrees([...this.#trees.map((tree) => tree.root), ...metaFolders]);
      }
      const sources = found.flatMap((one) => one.sources);
      await this.#readAll(sources, this.#generation, (file) => this.#kept(file));
    });
    return true;
  }

  /**
   * Files were made, changed or removed on disk.
   * @returns false when none of them is a source that counts, nor names a version
   */
  filesChanged(files: readonly string[]): boolean {
    const metaFolders = files.filter((file) => path.basename(file) === 'META').map(path.dirname);
    const isTold = metaFolders.some((folder) =>
      this.#roots.some((root) => folder === root || isBelow(folder, root)),
    );
    if (isTold) {
      this.#enqueue(() => this.#readTrees([...this.#trees.map((tree) => tree.root), ...metaFolders]));
    }
    // The walk follows no links; a change is told by any path.
    const sources = files.filter((file) => {
      const root = this.#rootOf(file);
      return root !== null && (this.#files.has(file) || isReallyBelow(file, root));
    });
    if (sources.length > 0) {
      this.#enqueue(() => this.#readAll(sources, this.#generation));
    }
    return isTold || sources.length > 0;
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

  async #readAll(
    files: readonly string[],
    generation: number,
    known: (file: string) => CachedFile | undefined = () => undefined,
  ): Promise<void> {
    // All paths first: a place named by debug info can be answered before its file is read.
    for (const file of files) {
      this.#remember(file);
    }
    const ended = files.length > FEW ? compileSmall() : () => {};
    try {
      const slices = new Slices();
      for (const [done, file] of files.entries()) {
        if (generation !== this.#generation) {
          return;
        }
        this.#read(file, known(file));
        if (slices.isOver) {
          this.progress(done, files.length);
          await slices.next();
        }
      }
    } finally {
      ended();
    }
    if (files.length > 0) {
      this.progress(files.length, files.length);
    }
  }

  /** @param known what was found in an earlier state of the file, which may be the present one */
  #read(file: string, known?: CachedFile): void {
    if (this.#open.has(file)) {
      this.#stale.add(file);
      return;
    }
    const stamp = stampOf(file);
    if (known !== undefined && stamp?.mtimeMs === known.stamp.mtimeMs && stamp.size === known.stamp.size) {
      if (this.functions.entry(file) !== known.entry) {
        this.functions.putEntry(known.entry);
        this.#stamps.set(file, known.stamp);
      }
      return;
    }
    // Assembly has no functions for the index, only its path counts.
    const text = stamp === null ? null : file.endsWith('.S') ? '' : readForScan(file, stamp);
    if (stamp === null || text === null) {
      this.#forget(file);
    } else {
      this.#scan(file, text);
      this.#stamps.set(file, stamp);
      this.#saveLater();
    }
  }

  #scanStale(): void {
    for (const file of this.#stale) {
      const text = this.#open.get(file)?.();
      if (text !== undefined && this.#remember(file)) {
        this.#stamps.delete(file);
        this.#scan(file, text);
      }
    }
    this.#stale.clear();
  }

  /** Text that the scanner fails at has no functions in the index. */
  #scan(file: string, text: string): void {
    let found: ScannedSource = { functions: [], macros: [] };
    try {
      found = scanSource(text);
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
    this.#stamps.delete(key);
    this.#files.delete(key);
    this.#paths.remove(key);
    this.functions.removeFile(key);
  }

  /** The innermost workspace folder whose walk comes to the file; null when none does. */
  #rootOf(file: string): string | null {
    return (
      this.#roots.find((root) => isBelow(file, root) && isWalked(file.slice(withSeparator(root).length))) ??
      null
    );
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function innermostFirst(folders: readonly string[]): string[] {
  return [...folders].sort((a, b) => b.length - a.length);
}
