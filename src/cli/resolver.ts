import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { Failure, isFailure } from '../core/failure.ts';
import { type Frame, frameKey, isPlaced, mayBeOfAnyModule } from '../core/stack/frame.ts';
import type { AddressItem } from '../core/stack/text/items.ts';
import type { DebugFile } from '../core/symbols/debug-file.ts';
import type { MachineCode } from '../core/symbols/elf/segments.ts';
import { frameLines } from '../core/symbols/frame-lines.ts';
import type { DebugLine, Place } from '../core/symbols/location.ts';
import { CReader } from '../server/c-reader.ts';
import { Locator } from '../server/locator.ts';
import { WorkspaceIndex } from '../server/workspace-index.ts';
import { cacheFolder } from './cache-folder.ts';
import { naming, type OpenModule, openModule } from './module-file.ts';
import { UnpackedFiles } from './unpacked.ts';

export interface ResolverOptions {
  /** Files with debug info: modules, packed or not, vmlinux, programs and libraries. */
  readonly modules: readonly string[];
  /** Folders with the sources. */
  readonly sources: readonly string[];
  /** From the start of a build's path to that of a path below one of the sources. */
  readonly pathMappings: Readonly<Record<string, string>>;
  /** Takes a sentence that the person should read, once each. */
  readonly warn: (sentence: string) => void;
}

/** Answers that are kept; a dump of all tasks has some thousand different frames. */
const MAX_KNOWN = 100_000;

/** Where an entry without a function is. */
export interface AddressPlaces {
  /** Innermost first; empty where the file of it was not given, or does not tell. */
  readonly places: readonly Place[];
  /** Whether nothing but the size of a mapping says that the entry is of the file. */
  readonly isAssumed: boolean;
}

/** Finds the source lines of frames, from debug files and the sources that were given. */
export class Resolver {
  /** Files of each module; of several, what fits a frame counts. */
  readonly #files = new Map<string | null, OpenModule[]>();
  readonly #index: WorkspaceIndex;
  readonly #locator: Locator;
  readonly #known = new Map<string, readonly Place[]>();
  /** Frames of a module that its file does not have. */
  readonly #strange = new Map<string | null, number>();
  /** Frames for which several files have different lines, by what the text says of their module. */
  readonly #ambiguous = new Map<string, number>();
  /** Places where a process stopped that a file was taken for by its size alone. */
  readonly #assumed = new Map<string | null, number>();
  /** Frames without a module that are taken for those of a module which has their functions. */
  readonly #unnamed = new Map<string | null, number>();
  /** Whether the text has frames, and whether one of them is of a file that was given. */
  #hasFrames = false;
  #hasUsed = false;
  readonly #warn: (sentence: string) => void;

  private constructor({ sources, pathMappings, warn }: ResolverOptions) {
    this.#warn = warn;
    this.#index = new WorkspaceIndex(() => {}, warn);
    const { size, mtimeMs } = statSync(__filename);
    this.#index.store = { folder: path.join(cacheFolder(), 'index'), build: `${size} ${mtimeMs}` };
    const wasm = (name: string) => path.join(__dirname, name);
    const files = { runtime: wasm('web-tree-sitter.wasm'), grammar: wasm('tree-sitter-c.wasm') };
    this.#locator = new Locator(this.#index, new CReader(files, warn));
    this.#locator.pathMappings = pathMappings;
    if (sources.length > 0) {
      this.#index.setFolders(sources.map((folder) => path.resolve(folder)));
    }
  }

  /** @throws Failure when a file or folder that was named cannot be read */
  static async open(options: ResolverOptions): Promise<Resolver> {
    for (const folder of options.sources) {
      if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
        throw new Failure(
          'no-source',
          `${folder} is no folder.`,
          'Name the top of the source tree with --source.',
        );
      }
    }
    const resolver = new Resolver(options);
    const unpacked = new UnpackedFiles(path.join(cacheFolder(), 'unpacked'));
    for (const file of options.modules.flatMap(filesOf)) {
      const opened = await openModule(file, (packed) => unpacked.get(packed));
      const name = moduleName(file);
      resolver.#files.set(name, [...(resolver.#files.get(name) ?? []), opened]);
      if (!opened.file.hasLines) {
        options.warn(`${file} has no debug info: its frames get no exact lines.`);
      }
    }
    await resolver.#index.settled();
    if (options.sources.length > 0 && resolver.#index.functions.fileCount === 0) {
      options.warn(`There are no C sources in ${options.sources.join(', ')}.`);
    }
    return resolver;
  }

  /** What was found before for a frame, without waiting; undefined when it was not asked yet. */
  known(frame: Frame, inner: Frame | null): readonly Place[] | undefined {
    return this.#known.get(keyOf(frame, inner));
  }

  /**
   * Places of a frame, innermost first, never empty.
   * @param inner the frame that it called; null when that is not known
   */
  async places(frame: Frame, inner: Frame | null): Promise<readonly Place[]> {
    const key = keyOf(frame, inner);
    const known = this.#known.get(key);
    if (known !== undefined) {
      return known;
    }
    const stack = [
      ...(inner === null ? [] : [{ frame: inner, debug: null }]),
      { frame, debug: this.#lines(frame) },
    ];
    const places = (await this.#locator.locateStack(stack)).at(-1) ?? [];
    if (this.#known.size >= MAX_KNOWN) {
      this.#known.clear();
    }
    this.#known.set(key, places);
    return places;
  }

  /** Whether anything asked about was a frame. */
  get hasFrames(): boolean {
    return this.#hasFrames;
  }

  /** @param code where a process stopped; null where the text does not have it */
  async addressPlaces(item: AddressItem, code: MachineCode | null): Promise<AddressPlaces> {
    const { module } = item;
    const isCrash = item.mapped !== undefined;
    const shown = new Map<string, readonly DebugLine[]>();
    /** Of files that nothing speaks for but the size of the mapping. */
    const assumed = new Map<string, readonly DebugLine[]>();
    let isStrange = false;
    for (const { path: name, file } of this.#filesOf(module)) {
      try {
        const address = file.linked(item);
        // Where a process stopped follows no call; all others are where one returns to. Without code nothing tells.
        const isStop = address === null || isCrash || file.followsCall(BigInt(address)) === false;
        const isSame = address === null || !isCrash || code === null ? null : file.hasCode(address, code);
        if (isSame === false || (isCrash && address === null)) {
          isStrange = true;
          continue;
        }
        const found = isCrash && isSame === null ? assumed : shown;
        const lines = address === null ? [] : file.atVirtual(BigInt(isStop ? address : address - 1));
        if (lines.length > 0) {
          found.set(JSON.stringify(lines), lines);
        }
      } catch (error) {
        this.#warnOf(name, error);
      }
    }
    const [debug, other] = (shown.size > 0 ? shown : assumed).values();
    if (debug === undefined || other !== undefined) {
      if (isStrange && debug === undefined) {
        count(this.#strange, module);
      }
      return { places: [], isAssumed: false };
    }
    const isAssumed = shown.size === 0;
    if (isAssumed) {
      count(this.#assumed, module);
    }
    const frame = { symbol: '', offset: -1, size: null, module, reliable: true };
    return { places: (await this.#locator.locateStack([{ frame, debug }]))[0] ?? [], isAssumed };
  }

  #filesOf(module: string | null): readonly OpenModule[] {
    const files = this.#files.get(module) ?? this.#files.get(libraryName(module)) ?? [];
    this.#hasFrames = true;
    this.#hasUsed ||= files.length > 0;
    return files;
  }

  /** The files that a frame can be in: where the text told no module, of all that were given those that have its function. */
  #candidates(frame: Frame): readonly OpenModule[] {
    const files = this.#filesOf(frame.module);
    if (!mayBeOfAnyModule(frame) || !isPlaced(frame)) {
      return files;
    }
    const fitting = [...this.#files.values()]
      .flat()
      .filter(
        (one) =>
          (one.file.kind === 'module' || files.includes(one)) && this.#tells(one, (file) => file.fits(frame)),
      );
    this.#hasUsed ||= fitting.length > 0;
    // Without the function a kernel's file says nothing of the frame, also not that it is of another build.
    return fitting.length > 0
      ? fitting
      : files.filter((one) => this.#tells(one, (file) => file.symbols(frame.symbol).length > 0));
  }

  /** False, with a warning, where the file is damaged. */
  #tells({ path: name, file }: OpenModule, test: (file: DebugFile) => boolean): boolean {
    try {
      return test(file);
    } catch (error) {
      this.#warnOf(name, error);
      return false;
    }
  }

  #warnOf(name: string, error: unknown): void {
    this.#warn(isFailure(error) ? naming(name, error).message : String(error));
  }

  #lines(frame: Frame): readonly DebugLine[] | null {
    const files = this.#candidates(frame);
    if (files.length === 0 || !isPlaced(frame)) {
      return null;
    }
    const found = new Map<string, readonly DebugLine[]>();
    const isUnnamed = mayBeOfAnyModule(frame);
    /** Whose frame it can be, where the text does not say. */
    const modules = new Set(files.map((one) => moduleName(one.path)));
    let withLines = 0;
    let isStrange = true;
    for (const { path: name, file } of files) {
      try {
        const lines = frameLines(file, frame);
        if (lines !== null) {
          found.set(JSON.stringify(lines), lines);
          withLines += 1;
        }
        isStrange &&= lines === null && file.hasLines && !file.fits(frame);
      } catch (error) {
        isStrange = false;
        this.#warnOf(name, error);
      }
    }
    if (isStrange) {
      count(this.#strange, frame.module);
    } else if (found.size > 1 || (isUnnamed && modules.size > 1 && withLines < files.length)) {
      const [module, other] = modules;
      const isKernel = other === undefined && module === null;
      count(this.#ambiguous, isUnnamed && !isKernel ? 'without a module' : ofModule(frame.module));
      return null;
    }
    const [lines] = found.values();
    const [module] = modules;
    if (isUnnamed && lines !== undefined && typeof module === 'string' && modules.size === 1) {
      count(this.#unnamed, module);
    }
    return lines ?? null;
  }

  /** Says what did not fit, keeps the index for the next run, and closes the files. */
  async close(): Promise<void> {
    for (const [module, frames] of this.#strange) {
      const several = (this.#files.get(module)?.length ?? 1) > 1;
      const where = several ? 'any of the files that were' : 'the file that was';
      const other = `${frames === 1 ? 'it is' : 'they are'} of another build`;
      this.#warn(
        `${framesOf(module, frames)} cannot be in ${where} given: ${other}. Name the file of that one with --module.`,
      );
    }
    for (const [which, frames] of this.#ambiguous) {
      this.#warn(
        `${differentFrames(frames)} ${which} can be of several of the files that were given, which differ in the line: name only the one that ran.`,
      );
    }
    for (const [module, frames] of this.#unnamed) {
      const of = frames === 1 ? 'is taken for one' : 'are taken for those';
      this.#warn(
        `${differentFrames(frames)} without a module ${of} of ${module}: of the files that were given it alone has such a function.`,
      );
    }
    for (const [module, frames] of this.#assumed) {
      this.#warn(
        `Nothing in the text shows that ${framesOf(module, frames)} ${frames === 1 ? 'is' : 'are'} of the file that was given: the kernel's line "Code:" would.`,
      );
    }
    if (this.#hasFrames && !this.#hasUsed && this.#files.size > 0) {
      const [name, ...others] = [...this.#files.keys()];
      const given = others.length > 0 ? 'any of the files that were given' : (name ?? 'the kernel');
      this.#warn(
        `No frame of the text names ${given}: a file is taken for the module or program that it is called as.`,
      );
    }
    this.#index.dispose();
    await this.#index.save();
    for (const { source } of [...this.#files.values()].flat()) {
      source.dispose();
    }
  }
}

function count<T>(counts: Map<T, number>, module: T): void {
  counts.set(module, (counts.get(module) ?? 0) + 1);
}

function framesOf(module: string | null, frames: number): string {
  return `${differentFrames(frames)} ${ofModule(module)}`;
}

function differentFrames(frames: number): string {
  return frames === 1 ? '1 frame' : `${frames} different frames`;
}

function ofModule(module: string | null): string {
  return `of ${module ?? 'the kernel'}`;
}

/** The call's frame only counts where debug info does not tell. */
function keyOf(frame: Frame, inner: Frame | null): string {
  return `${frame.reliable ? '' : '?'}${frameKey(frame)} ${inner?.symbol ?? ''}`;
}

/** `/x/zfs.ko.xz` -> `zfs`, as the kernel spells it; null for the kernel itself; a program's own name. */
export function moduleName(file: string): string | null {
  const name = path.basename(file).replace(/\.debug$/, '');
  if (/^vmlinux(?:[.-]|$)/.test(name)) {
    return null;
  }
  const module = /^(.+)\.ko(?:\.(?:xz|gz|zst))?$/.exec(name)?.[1];
  return module === undefined ? libraryName(name) : module.replaceAll('-', '_');
}

/** `libzpool.so.5` and `libzpool.so.5.0.0` are `libzpool.so`; what is no library is itself. */
function libraryName(name: string | null): string | null {
  return name?.replace(/\.so\..*$/, '.so') ?? null;
}

/** The file, or the modules below it if it is a folder: the nearest of each name. */
function filesOf(file: string): string[] {
  if (!statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    return [file];
  }
  const found = readdirSync(file, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.ko(?:\.(?:xz|gz|zst))?$/.test(name),
  );
  if (found.length === 0) {
    throw new Failure('bad-file', `There is no module (*.ko) below ${file}.`, 'Name its file with --module.');
  }
  const depth = (name: string) => name.split(path.sep).length;
  const nearest = new Map(found.sort((a, b) => depth(b) - depth(a)).map((name) => [moduleName(name), name]));
  return [...nearest.values()].map((name) => path.join(file, name));
}
