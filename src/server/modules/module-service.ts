import path from 'node:path';
import {
  type CancellationToken,
  type Connection,
  LSPErrorCodes,
  ResponseError,
} from 'vscode-languageserver/node';
import { isFailure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import { type Frame, frameKey, isPlaced, mayBeOfAnyModule } from '../../core/stack/frame.ts';
import type { DebugFile } from '../../core/symbols/debug-file.ts';
import { frameLines } from '../../core/symbols/frame-lines.ts';
import type { DebugLine } from '../../core/symbols/location.ts';
import type { TypedFunction } from '../../core/symbols/value-type.ts';
import { membersOf } from '../../core/zfs/struct-members.ts';
import { zfsProgramOf } from '../../core/zfs/zfs-modules.ts';
import {
  type BuiltSites,
  type FetchModuleResult,
  fetchModuleRequest,
  type InlinedSitesParams,
  inlinedSitesRequest,
  type LocateFrame,
  type ModuleProgress,
  moduleProgress,
  type PreparedModule,
  type PrepareModulesParams,
  type PrepareModulesResult,
  prepareModulesRequest,
  type RunningModule,
  type ToldModule,
  type TypedFunctionParams,
  typedFunctionRequest,
  type WantedModule,
} from '../../protocol/server.ts';
import type { AddressInStack } from '../stack-documents.ts';
import type { AddressLines } from '../stack-places.ts';
import { debuginfodServers } from './debuginfod.ts';
import { InstalledPrograms } from './installed-programs.ts';
import { ModuleCache } from './module-cache.ts';
import { ModuleFiles, type Outside } from './module-files.ts';
import { frameRemark, otherBuildRemark } from './remarks.ts';
import { unpackInWorker } from './unpacker.ts';
import { WorkspaceModules } from './workspace-modules.ts';

/** Megabytes that the cache may hold unless the setting says otherwise; the same as in package.json. */
const CACHE_MEGABYTES = 2048;

/** Answers of targets about a program that are kept in mind: of several targets, and of before it was built anew. */
const MOST_ANSWERS = 8;

/** Functions of one name whose values are compared. */
const MOST_OF_A_NAME = 8;

/** What the debug info of running modules says of frames; answers the requests about their files. */
export class ModuleService implements Disposable {
  readonly #workspace = new WorkspaceModules();
  readonly #installed = new InstalledPrograms();
  /** Builds of programs on targets by file name: what each answer told, the last one first. */
  readonly #onTargets = new Map<string, readonly (readonly string[])[]>();
  /** Why there are no lines, by build-id, as it was said when the build was prepared. */
  readonly #remarks = new Map<string, string>();
  #files: ModuleFiles | null = null;

  /** @param programsChanged is called when more is known of programs of a target */
  constructor(
    private readonly connection: Connection,
    private readonly programsChanged: () => void = () => {},
  ) {
    connection.onRequest(prepareModulesRequest.method, (params: PrepareModulesParams, token) =>
      this.#prepare(params, token),
    );
    connection.onRequest(inlinedSitesRequest.method, (params: InlinedSitesParams) =>
      this.#inlinedSites(params),
    );
    // Not after what the index still does: a trace waits for it.
    connection.onRequest(typedFunctionRequest.method, (params: TypedFunctionParams) =>
      this.#typedFunction(params),
    );
  }

  /** @param storage folder for what outlives a window; null when there is none */
  start(storage: string | null): void {
    const log = (line: string) => this.connection.console.info(line);
    this.#files = new ModuleFiles({
      workspace: this.#workspace,
      programs: this.#installed,
      cache: storage === null ? null : new ModuleCache(path.join(storage, 'modules'), () => this.#limit()),
      unpack: unpackInWorker(path.join(__dirname, 'unpack-worker.cjs')),
      debuginfod: debuginfodServers(process.env, log),
      log,
    });
  }

  setFolders(folders: readonly string[]): void {
    this.#workspace.setFolders(folders);
  }

  /** Builds of a module that are in the workspace; of the kernel itself for null. */
  builtHere(module: string | null): Promise<string[]> {
    return this.#workspace.named(module);
  }

  /** Builds of a program or a library of ZFS: those of targets, the one asked last first, in the workspace, and installed here. */
  async programsHere(name: string): Promise<(readonly string[])[]> {
    // A text may name less of a library's version than its file does.
    const isNamed = (file: string) =>
      file === name ||
      file === zfsProgramOf(name) ||
      file.startsWith(`${name}.`) ||
      name.startsWith(`${file}.`);
    const told = [...this.#onTargets].flatMap(([file, answers]) => (isNamed(file) ? [answers] : []));
    const onTargets = Array.from({ length: MOST_ANSWERS }, (_, at) =>
      told.flatMap((answers) => answers[at] ?? []),
    );
    return [...onTargets, await this.#workspace.programs(name), await this.#installed.builds(name)];
  }

  /** Takes note of the builds of programs on a target. */
  #saw(modules: readonly WantedModule[]): void {
    const seen = new Map<string, readonly string[]>();
    for (const { module, program, buildId } of modules) {
      if (program !== undefined && module !== null) {
        seen.set(module, [...(seen.get(module) ?? []), buildId]);
      }
    }
    for (const [file, builds] of seen) {
      const others = (this.#onTargets.get(file) ?? []).filter((other) => other.join() !== builds.join());
      this.#onTargets.set(file, [builds, ...others].slice(0, MOST_ANSWERS));
    }
  }

  /** The frames with their lines, as far as the debug info of these builds is here. */
  async withLines(
    stacks: readonly (readonly Frame[])[],
    modules: readonly ToldModule[],
  ): Promise<LocateFrame[][]> {
    const lines = new Map<Frame, readonly DebugLine[] | null>();
    for (const { module, buildId, remark } of modules) {
      if (remark !== undefined) {
        this.#remarks.set(buildId, remark);
      }
      const frames = stacks.flatMap((stack) => stack.filter((frame) => frame.module === module));
      const file = frames.length === 0 ? null : ((await this.#files?.find(buildId)) ?? null);
      // At once: the file is closed when enough others were asked for.
      for (const frame of file === null ? [] : frames) {
        lines.set(frame, this.#linesOf(frame, file));
      }
    }
    return stacks.map((stack) => stack.map((frame) => ({ frame, debug: lines.get(frame) ?? null })));
  }

  async #inlinedSites({ name, modules }: InlinedSitesParams): Promise<readonly BuiltSites[]> {
    const all: BuiltSites[] = [];
    for (const build of modules) {
      const file = (await this.#files?.find(build.buildId)) ?? null;
      try {
        const found = file?.inlinedSites(name, membersOf);
        if (found !== undefined && found.sites.length + found.hidden > 0) {
          all.push({ build, ...found });
        }
      } catch (error) {
        this.#warn(name, error);
      }
    }
    return all;
  }

  #warn(what: string, error: unknown): void {
    this.connection.console.warn(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }

  async #typedFunction({ symbol, modules }: TypedFunctionParams): Promise<TypedFunction | null> {
    for (const { buildId } of modules) {
      const file = (await this.#files?.find(buildId)) ?? null;
      try {
        const entries = file?.symbols(symbol) ?? [];
        const all = entries.slice(0, MOST_OF_A_NAME).map((entry) => file?.typedFunction(entry, membersOf));
        const [first] = all;
        if (first !== undefined) {
          // Of several static functions of one name the kernel probes none, or any.
          const isPlain = all.every((other) => JSON.stringify(other) === JSON.stringify(first));
          return isPlain && entries.length <= MOST_OF_A_NAME ? first : null;
        }
      } catch (error) {
        this.#warn(symbol, error);
      }
    }
    return null;
  }

  /** Whether all frames can be of this build: without sizes as {@link atAddress}; false when its debug info is not here. */
  async fit(frames: readonly Frame[], { buildId }: RunningModule): Promise<boolean> {
    const file = (await this.#files?.find(buildId)) ?? null;
    try {
      return file !== null && frames.every((frame) => file.fits(frame)) && canReturnTo(file, frames);
    } catch (error) {
      this.#warn(buildId, error);
      return false;
    }
  }

  /**
   * Those of a stack's frames without a module and a size whose functions a build has, where it can be the one: all that
   * it has follow a call, but for the innermost of the stack; none when its debug info, or its code, is not here.
   */
  async unnamed(stack: readonly Frame[], { buildId }: RunningModule): Promise<readonly Frame[]> {
    const file = (await this.#files?.find(buildId)) ?? null;
    try {
      const frames = stack.filter(
        (frame) =>
          file !== null &&
          mayBeOfAnyModule(frame) &&
          isPlaced(frame) &&
          file.symbols(frame.symbol).length > 0,
      );
      const calls = frames.map((frame) => (file?.fits(frame) === true ? file.frameFollowsCall(frame) : null));
      const canBe = calls.every((call, at) => call === true || (call === false && frames[at] === stack[0]));
      return canBe && calls.includes(true) ? frames : [];
    } catch (error) {
      this.#warn(buildId, error);
      return [];
    }
  }

  /**
   * The lines at addresses of a process of a build: of the call before it, or where the process stopped. Null when the
   * build is not here or has no such mapping, when its code is not that of the text, or when it calls nothing before the
   * addresses around it, but for one: where a process stopped is no call. A file of debug info alone has no code that could tell.
   */
  async atAddresses(
    addresses: readonly AddressInStack[],
    buildId: string,
  ): Promise<readonly (AddressLines | null)[]> {
    const file = (await this.#files?.find(buildId)) ?? null;
    try {
      return addresses.map((address) => file && atAddress(file, address));
    } catch (error) {
      this.#warn(buildId, error);
      return addresses.map(() => null);
    }
  }

  /**
   * Why debug info does not tell the line of a frame, as a sentence; empty where nothing is known of it.
   * @param fits whether the frame's stack is of these builds; else they are those that its module is known to have
   */
  async remark(frame: Frame, builds: readonly string[], fits: boolean): Promise<string> {
    for (const buildId of builds) {
      const file = (await this.#files?.find(buildId)) ?? null;
      try {
        const hasLines = file?.hasLines === true;
        const told = hasLines ? '' : (this.#remarks.get(buildId) ?? '');
        const other = hasLines ? otherBuildRemark(frame.module, buildId) : '';
        const remark =
          told !== '' || file === null ? told : fits ? frameRemark(file, buildId, frame.symbol) : other;
        if (remark !== '') {
          return remark;
        }
      } catch (error) {
        this.#warn(buildId, error);
      }
    }
    return '';
  }

  #linesOf(frame: Frame, file: DebugFile | null): readonly DebugLine[] | null {
    try {
      return file === null ? null : frameLines(file, frame);
    } catch (error) {
      const what = isFailure(error) ? error.message : error instanceof Error ? error.stack : String(error);
      this.connection.console.warn(`${frame.symbol} [${frame.module}]: ${what}`);
      return null;
    }
  }

  async #prepare(params: PrepareModulesParams, token: CancellationToken): Promise<PrepareModulesResult> {
    const abort = new AbortController();
    const listener = token.onCancellationRequested(() => abort.abort());
    try {
      this.#saw(params.modules);
      // Two at a time: a large module and the small ones beside it.
      const left = [...params.modules.entries()];
      const prepared: PreparedModule[] = [];
      const work = async () => {
        for (let next = left.shift(); next !== undefined; next = left.shift()) {
          const [at, wanted] = next;
          const outside = this.#outside(params, wanted.module, token);
          prepared[at] = (await this.#files?.prepare(wanted, outside, abort.signal)) ?? {
            ...wanted,
            ready: false,
            remark: '',
            again: true,
          };
        }
      };
      await Promise.all([work(), work()]);
      for (const { buildId, remark } of prepared) {
        this.#remarks.set(buildId, remark);
      }
      if (params.modules.some(({ program }) => program !== undefined)) {
        this.programsChanged();
      }
      return { modules: prepared };
    } catch (error) {
      if (abort.signal.aborted) {
        throw new ResponseError(LSPErrorCodes.RequestCancelled, 'cancelled');
      }
      throw error;
    } finally {
      listener.dispose();
    }
  }

  #outside(
    { target, kernel = false }: PrepareModulesParams,
    module: string | null,
    token: CancellationToken,
  ): Outside {
    return {
      kernel,
      fetch: (request) =>
        this.connection.sendRequest<FetchModuleResult>(
          fetchModuleRequest.method,
          { target, ...request },
          token,
        ),
      progress: (doing, done, total) => {
        const progress: ModuleProgress = { target, module, doing, done, total };
        void this.connection.sendNotification(moduleProgress.method, progress);
      },
    };
  }

  async #limit(): Promise<number> {
    try {
      const value: unknown = await this.connection.workspace.getConfiguration('zscope.symbols.cacheSize');
      return typeof value === 'number' && value >= 0 ? value : CACHE_MEGABYTES;
    } catch {
      return CACHE_MEGABYTES; // A client without settings.
    }
  }

  dispose(): void {
    this.#files?.dispose();
  }
}

/** Whether the code calls something before each of the frames that have no size, but for one: where a process stopped. */
function canReturnTo(file: DebugFile, frames: readonly Frame[]): boolean {
  const stopped = frames.filter(
    (frame) =>
      frame.size === null &&
      (frame.offset > 0 || frame.at !== undefined) &&
      file.frameFollowsCall(frame) === false,
  );
  return new Set(stopped.map(frameKey)).size <= 1;
}

/** {@link ModuleService.atAddresses} of one. */
function atAddress(file: DebugFile, { item, others, code }: AddressInStack): AddressLines | null {
  const linked = file.linked(item);
  if (linked === null) {
    return null;
  }
  if (item.mapped !== undefined) {
    const isSame = code === null ? null : file.hasCode(linked, code);
    return isSame === false ? null : { lines: file.atVirtual(BigInt(linked)), isShown: isSame === true };
  }
  const returns = others.flatMap((one) => (one.mapped === undefined ? (file.linked(one) ?? []) : []));
  const addresses = [...new Set([linked, ...returns])];
  const calls = new Map(addresses.map((address) => [address, file.followsCall(BigInt(address))]));
  const stopped = addresses.filter((address) => calls.get(address) === false);
  return stopped.length > 1 || stopped.length === addresses.length
    ? null
    : {
        lines: file.atVirtual(BigInt(stopped.includes(linked) ? linked : linked - 1)),
        isShown: [...calls.values()].includes(true),
      };
}
