import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { isFailure } from '../../core/failure.ts';
import type { DebugFile } from '../../core/symbols/debug-file.ts';
import { inert } from '../../core/text/inert.ts';
import type { FetchModuleResult, PreparedModule, WantedModule } from '../../protocol/server.ts';
import { fetchDebugInfo } from './debuginfod.ts';
import type { InstalledPrograms } from './installed-programs.ts';
import type { ModuleCache } from './module-cache.ts';
import { identityOf } from './open-debug-file.ts';
import { OpenFiles } from './open-files.ts';
import { failedRemark, isFullDisk, remarkOf, type Tried } from './remarks.ts';
import type { Unpack } from './unpacker.ts';
import type { WorkspaceModules } from './workspace-modules.ts';

/** Files of one module that are fetched at most: split debug info, the module, a build that is not loaded. */
const MAX_FILES = 6;
/** A file that could not be read is fetched again after this time, in milliseconds: it may have been replaced. */
const DAMAGED_MS = 3600 * 1000;

/** A file on a target that came whole and could not be read. */
interface Damaged {
  readonly path: string;
  readonly why: string;
  /** As performance.now() has it. */
  readonly at: number;
}

/** What is asked of the target for one file; it goes into `part`. */
export interface FileRequest {
  /** Empty for the kernel itself. */
  readonly module: string;
  /** Path on the target of a program or library; null for what the kernel has loaded. */
  readonly program: string | null;
  readonly buildId: string;
  readonly debugLink: string | null;
  readonly skip: readonly string[];
  readonly part: string;
}

/** What leads outside for one preparation. */
export interface Outside {
  /** Whether the debug info of the kernel itself is fetched as well. */
  readonly kernel?: boolean;
  /** Fetches from the target; null when there is none to ask. */
  readonly fetch: ((request: FileRequest, signal: AbortSignal) => Promise<FetchModuleResult>) | null;
  progress(doing: 'unpacking' | 'debuginfod', done: number, total: number | null): void;
}

export interface ModuleFilesOptions {
  readonly workspace: WorkspaceModules;
  readonly programs?: Pick<InstalledPrograms, 'files'>;
  /** Null when there is no folder to keep files in. */
  readonly cache: ModuleCache | null;
  readonly unpack: Unpack;
  /** Base URLs of debuginfod servers. */
  readonly debuginfod: readonly string[];
  /** One line for the Log. */
  readonly log: (line: string) => void;
}

/**
 * The files with the debug info of running builds: built in the workspace, kept in the cache, installed
 * on this machine, fetched from the target, or from debuginfod; in this order. A file is only ever used
 * for the build-id that it carries itself.
 */
export class ModuleFiles {
  readonly #open = new OpenFiles();
  /** By build-id, and whether the kernel itself is wanted. */
  readonly #preparing = new Map<string, Promise<PreparedModule>>();
  /** By build-id. */
  readonly #damaged = new Map<string, readonly Damaged[]>();

  constructor(private readonly options: ModuleFilesOptions) {}

  /** The debug file of a build as far as it is here; null when it is not. Of a module it has lines, of a program perhaps symbols only. */
  async find(buildId: string): Promise<DebugFile | null> {
    return (await this.#here(buildId, 'find'))?.file ?? null;
  }

  /** Sees to it that the debug info of a running module or a program is here. Never rejects but with signal.reason. */
  async prepare(wanted: WantedModule, outside: Outside, signal: AbortSignal): Promise<PreparedModule> {
    // Who does not want the kernel's to be fetched has an answer that is none for who does.
    const key = `${wanted.buildId}${outside.kernel === true ? ' kernel' : ''}`;
    for (;;) {
      const other = this.#preparing.get(key);
      if (other === undefined) {
        const preparing = this.#prepare(wanted, outside, signal).finally(() => this.#preparing.delete(key));
        this.#preparing.set(key, preparing);
        return await preparing;
      }
      // Whoever began it may cancel; the others go on where that ended.
      const prepared = await unlessAborted(
        other.catch(() => null),
        signal,
      );
      if (prepared !== null) {
        return prepared;
      }
    }
  }

  async #prepare(wanted: WantedModule, outside: Outside, signal: AbortSignal): Promise<PreparedModule> {
    const name = `${wanted.module ?? 'kernel'} ${wanted.buildId}`;
    const here = await this.#here(wanted.buildId, 'prepare');
    if (here?.file.hasLines === true) {
      this.options.log(`${name}: ${here.path}`);
      return { ...wanted, ready: true, remark: '', again: false };
    }
    const lack = here === null ? 'not in the workspace, not in the cache' : `${here.path} has symbols only`;
    this.options.log(`${name}: ${lack}`);
    if (this.options.cache === null || (wanted.module === null && outside.kernel !== true)) {
      return { ...wanted, ready: false, remark: '', again: false };
    }
    const { buildId, program = null } = wanted;
    // As the target is asked for it.
    const asked = { module: wanted.module ?? '', program, buildId };
    const isBare = here !== null && program !== null;
    const known = { debugLink: here?.file.debugLink?.name ?? null, skip: isBare ? [program] : [] };
    const tried: Tried = { noLines: isBare, otherBuild: false, failed: null };
    try {
      const ready =
        (await this.#fromTarget({ ...asked, ...known }, this.options.cache, tried, outside, signal)) ||
        (await this.#fromDebuginfod(asked, this.options.cache, tried, outside, signal));
      return ready
        ? { ...wanted, ready, remark: '', again: false }
        : { ...wanted, ready, remark: remarkOf(asked, tried), again: tried.failed !== null };
    } catch (error) {
      signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      this.options.log(`${name}: ${isFailure(error) ? why : ((error as Error).stack ?? why)}`);
      return { ...wanted, ready: false, remark: failedRemark(asked, inert(why, 300)), again: true };
    }
  }

  async #here(
    buildId: string,
    purpose: 'prepare' | 'find',
  ): Promise<{ readonly path: string; readonly file: DebugFile } | null> {
    const { workspace, cache } = this.options;
    const cached = (await cache?.find(buildId)) ?? null;
    const paths = [
      ...(await workspace.find(buildId, purpose)),
      ...(cached === null ? [] : [cached]),
      ...installed(buildId),
      ...(this.options.programs?.files(buildId) ?? []),
    ];
    let bare: string | null = null;
    for (const path of paths) {
      try {
        const file = await this.#open.get(path);
        if (file.buildId !== buildId) {
          throw new Error('it is another build by now');
        }
        if (file.hasLines) {
          return { path, file };
        }
        if (file.kind === 'module') {
          throw new Error('it has no debug info');
        }
        // Its symbols still name functions.
        bare ??= path;
      } catch (error) {
        this.#open.close(path);
        if (purpose === 'prepare' || path === cached) {
          this.options.log(`${path} is not used: ${error instanceof Error ? error.message : String(error)}`);
        }
        // What the system refuses at the moment may well be whole.
        if (path === cached && (error as NodeJS.ErrnoException).syscall === undefined) {
          await cache?.remove(buildId).catch(() => {});
        }
      }
    }
    return bare === null ? null : { path: bare, file: await this.#open.get(bare) };
  }

  async #fromTarget(
    known: Omit<FileRequest, 'part'>,
    cache: ModuleCache,
    tried: Tried,
    outside: Outside,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (outside.fetch === null) {
      return false;
    }
    const { module, program, buildId } = known;
    const damaged = (this.#damaged.get(buildId) ?? []).filter(
      ({ at }) => performance.now() - at < DAMAGED_MS,
    );
    const skip = [...known.skip, ...damaged.map(({ path }) => path)];
    tried.failed ??= damaged[0]?.why ?? null;
    let debugLink: string | null = known.debugLink;
    for (let count = 0; count < MAX_FILES; count++) {
      const part = await cache.claimPart(buildId, 'target');
      const request = { module, program, buildId, debugLink, skip: [...skip], part };
      const got = await outside.fetch(request, signal).catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        return { outcome: 'failed' as const, why };
      });
      if (got.outcome !== 'fetched') {
        // What came of it is there for the next attempt, unless it is what fills the disk.
        const isTooMuch = got.outcome === 'failed' && isFullDisk(got.why);
        await (isTooMuch ? cache.removePart(part) : cache.leavePart(part));
        signal.throwIfAborted();
        if (got.outcome === 'failed') {
          tried.failed ??= got.why;
        } else {
          tried.otherBuild ||= got.otherBuild;
        }
        const why = got.outcome === 'failed' ? got.why : 'it has no (further) file of this build';
        this.options.log(`${module} ${buildId}: from the target: ${why}`);
        return false;
      }
      const judged = await this.#keep(part, known, cache, outside, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        if (!isFailure(error)) {
          throw error;
        }
        // Another file of the build may be whole.
        tried.failed ??= error.message;
        damaged.push({ path: got.path, why: error.message, at: performance.now() });
        this.#damaged.set(buildId, damaged);
        return { word: 'not readable' as const, debugLink: null };
      });
      this.options.log(`${module} ${buildId}: ${inert(got.path, 300)} on the target: ${judged.word}`);
      if (judged.word === 'taken') {
        return true;
      }
      tried.noLines ||= judged.word === 'no debug info';
      tried.otherBuild ||= judged.word === 'another build';
      debugLink ??= judged.debugLink;
      skip.push(got.path);
    }
    return false;
  }

  async #fromDebuginfod(
    { module, program, buildId }: Pick<FileRequest, 'module' | 'program' | 'buildId'>,
    cache: ModuleCache,
    tried: Tried,
    outside: Outside,
    signal: AbortSignal,
  ): Promise<boolean> {
    for (const server of this.options.debuginfod) {
      const part = await cache.claimPart(buildId, 'debuginfod');
      try {
        const progress = (done: number, total: number | null) => outside.progress('debuginfod', done, total);
        if (!(await fetchDebugInfo(server, buildId, part, signal, { progress }))) {
          this.options.log(`${module} ${buildId}: ${server} has none`);
          await cache.leavePart(part);
          continue;
        }
        const { word } = await this.#keep(part, { buildId, program }, cache, outside, signal);
        this.options.log(`${module} ${buildId}: ${server}: ${word}`);
        if (word === 'taken') {
          return true;
        }
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        // What came of it is there for the next attempt, unless it is what fills the disk.
        await (isFullDisk(why) ? cache.removePart(part) : cache.leavePart(part));
        signal.throwIfAborted();
        this.options.log(`${module} ${buildId}: ${why}`);
        tried.failed ??= isFailure(error) || isFullDisk(why) ? why : null;
      }
    }
    return false;
  }

  /** Unpacks what came and takes it into the cache when it is the build that was wanted, with lines; a program's symbols also without. */
  async #keep(
    part: string,
    { buildId, program }: Pick<FileRequest, 'buildId' | 'program'>,
    cache: ModuleCache,
    outside: Outside,
    signal: AbortSignal,
  ): Promise<{
    readonly word: 'taken' | 'another build' | 'no debug info';
    readonly debugLink: string | null;
  }> {
    const unpacked = `${part}.unpacked`;
    outside.progress('unpacking', 0, null);
    try {
      await this.options.unpack(part, unpacked, signal);
      const identity = identityOf(unpacked);
      if (identity.buildId !== buildId) {
        return { word: 'another build', debugLink: null };
      }
      if (!identity.hasLines) {
        if (program !== null) {
          await cache.put(buildId, unpacked);
        }
        return { word: 'no debug info', debugLink: identity.debugLink };
      }
      await cache.put(buildId, unpacked);
      return { word: 'taken', debugLink: null };
    } finally {
      await rm(unpacked, { force: true });
      // What came need not come again because the person did not want to wait.
      await (signal.aborted ? cache.leavePart(part) : cache.removePart(part));
    }
  }

  dispose(): void {
    this.#open.dispose();
  }
}

/** Where this machine's own packages put debug info, as gdb's "Separate Debug Files" has it. */
function installed(buildId: string): string[] {
  if (process.platform !== 'linux' || !/^[0-9a-f]{8,128}$/.test(buildId)) {
    return [];
  }
  const path = `/usr/lib/debug/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;
  return existsSync(path) ? [path] : [];
}

/** @throws signal.reason as soon as it is aborted, whatever becomes of the work */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
