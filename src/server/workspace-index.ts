import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { scanFunctions } from '../core/symbols/c-scanner.ts';
import { FunctionIndex } from '../core/symbols/function-index.ts';
import { type SourceFile, SourcePaths } from '../core/symbols/source-paths.ts';
import { isWalked, listSources, readMeta, readSource } from './walk.ts';

/** A workspace folder on this machine's disk. */
export interface SourceFolder {
  /** Absolute path. */
  readonly root: string;
  /** ZFS version of the source in it, `2.3.9-1`; null when it is not a ZFS tree. */
  readonly zfsVersion: string | null;
}

/** A file of the workspace; its key is its absolute path. */
export interface WorkspaceFile extends SourceFile {
  readonly folder: SourceFolder;
}

/** Files that are read at the same time. */
const READERS = 8;

/** The C sources of all workspace folders: their paths, functions and calls, kept up to date. */
export class WorkspaceIndex {
  readonly functions = new FunctionIndex();
  readonly #paths = new SourcePaths();
  readonly #files = new Map<string, WorkspaceFile>();
  #folders: readonly SourceFolder[] = [];
  /** Text of open documents by path: it counts, not the disk's. */
  readonly #open = new Map<string, () => string>();
  /** Open documents that changed since they were scanned. */
  readonly #stale = new Set<string>();
  /** All work that was asked for so far. */
  #work: Promise<void> = Promise.resolve();
  #generation = 0;

  constructor(private readonly progress: (done: number, total: number) => void = () => {}) {}

  get folders(): readonly SourceFolder[] {
    return this.#folders;
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
      const found: { folder: SourceFolder; files: string[] }[] = [];
      for (const root of roots) {
        const folder = { root, zfsVersion: (await readMeta(root))?.version ?? null };
        found.push({ folder, files: await listSources(root) });
      }
      this.#folders = found.map((one) => one.folder);
      const listed = new Set(found.flatMap((one) => one.files));
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
    const meta = this.#folders.find((folder) => files.includes(path.join(folder.root, 'META')));
    if (meta !== undefined) {
      this.#enqueue(() => this.#readVersions());
    }
    const sources = files.filter((file) => this.#folderOf(file) !== null);
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

  #enqueue(step: () => Promise<void>): void {
    this.#work = this.#work.then(step);
  }

  async #readVersions(): Promise<void> {
    const roots = this.#folders.map((folder) => folder.root);
    const folders = await Promise.all(
      roots.map(async (root) => ({ root, zfsVersion: (await readMeta(root))?.version ?? null })),
    );
    this.#folders = folders;
    for (const file of [...this.#files.values()]) {
      this.#remember(file.key);
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

  #scan(file: string, text: string): void {
    this.functions.setFile(file, file.endsWith('.S') ? [] : scanFunctions(text));
  }

  /** Takes the file in by its path; false when it is not a source of the workspace. */
  #remember(key: string): boolean {
    const folder = this.#folderOf(key);
    if (folder === null) {
      return false;
    }
    const relative = path.relative(folder.root, key).split(path.sep).join('/');
    const file: WorkspaceFile = { key, path: relative, folder };
    this.#files.set(key, file);
    this.#paths.add(file);
    return true;
  }

  #forget(key: string): void {
    this.#files.delete(key);
    this.#paths.remove(key);
    this.functions.removeFile(key);
  }

  /** The innermost workspace folder whose walk comes to the file. */
  #folderOf(file: string): SourceFolder | null {
    const holding = this.#folders.filter((folder) => {
      const relative = path.relative(folder.root, file);
      return relative !== '' && !path.isAbsolute(relative) && isWalked(relative);
    });
    return holding.sort((a, b) => b.root.length - a.root.length)[0] ?? null;
  }
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
