import { type Frame, isPlaced, mayBeOfAnyModule } from '../core/stack/frame.ts';
import type { PlacedFrame, TextTrace } from '../core/stack/traces.ts';
import type { DebugLine, Place } from '../core/symbols/location.ts';
import { isZfsModule, ZFS_MODULES, zfsProgramOf } from '../core/zfs/zfs-modules.ts';
import type { LocateFrame, RunningModule } from '../protocol/server.ts';
import type { Locator } from './locator.ts';
import { assumedRemark, severalRemark } from './modules/remarks.ts';
import type { AddressInStack } from './stack-documents.ts';

/** Builds of one module that are remembered: those of the targets of one afternoon. */
const MAX_BUILDS = 4;

/** Lines at an address of a build. */
export interface AddressLines {
  readonly lines: readonly DebugLine[];
  /** Whether the code of the build shows that it can be the one: what the text has, or calls where one returns to. */
  readonly isShown: boolean;
}

/** Says what the debug info of builds tells of frames; `ModuleService` does. */
export interface DebugLines {
  withLines(
    stacks: readonly (readonly Frame[])[],
    modules: readonly RunningModule[],
  ): Promise<readonly (readonly LocateFrame[])[]>;
  /** Whether all frames can be of this build; false when its debug info is not here. */
  fit(frames: readonly Frame[], build: RunningModule): Promise<boolean>;
  /**
   * Those of a stack's frames without a module and a size whose functions a build has; none where it cannot be the one: each
   * returns behind a call, but the innermost, and nothing else speaks for it.
   */
  unnamed(stack: readonly Frame[], build: RunningModule): Promise<readonly Frame[]>;
  /** Builds of a module that are in the workspace; of the kernel itself for null. */
  builtHere(module: string | null): Promise<readonly string[]>;
  /** The lines at addresses of a build; null where its debug info is not here, or one and those around it are none that a stack of it can have. */
  atAddresses(
    addresses: readonly AddressInStack[],
    buildId: string,
  ): Promise<readonly (AddressLines | null)[]>;
  /** Builds of a program or a library of ZFS by the name in a stack, the likeliest first: those of each target, in the workspace, and installed here. */
  programsHere(name: string): Promise<readonly (readonly string[])[]>;
  /** Why the line of a frame is not known, as a sentence; empty where nothing is known of it. Without `fits` the builds are of its module, and the frame perhaps of another. */
  remark(frame: Frame, builds: readonly string[], fits: boolean): Promise<string>;
}

interface FittingBuild extends AddressLines {
  readonly buildId: string;
}

/** A build of a module that frames without a module are of. */
interface UnnamedBuild extends RunningModule {
  /** Their functions that it has. */
  readonly symbols: ReadonlySet<string>;
}

/** Where a frame of a text is. */
export interface FoundPlaces {
  /** Innermost first, never empty. */
  readonly places: readonly Place[];
  /** The build that all frames of its module in the stack fit, also where it has no line for this one; null when there is none. */
  readonly buildId: string | null;
  /** Why the lines are not known to be of the build that ran, as a sentence; absent where they are, or nothing is to be said. */
  readonly doubt?: string;
}

/**
 * Finds the places of frames that stand in texts. A text does not say which build it is of: one that ran
 * on a target, or is in the workspace, is taken when all frames of its module in the stack fit into it, offset and size.
 * Stacks of processes have no sizes: of a program the one build that fits is taken, of those on a target, else in the workspace, else installed.
 * So it is with stacks that tell no modules either: of ZFS's the one is taken that has a frame's function.
 */
export class StackPlaces {
  /** Builds by module, the one seen last first. */
  readonly #builds = new Map<string | null, readonly string[]>();
  #fitting = new WeakMap<TextTrace, Map<string | null, Promise<string | null>>>();
  #unnamed = new WeakMap<TextTrace, Promise<readonly UnnamedBuild[]>>();

  constructor(
    private readonly locator: Locator,
    private readonly debug: DebugLines,
  ) {}

  /** Takes note of builds that run, or ran, on a target. */
  saw(modules: readonly RunningModule[]): void {
    for (const { module, buildId } of modules) {
      const known = this.#builds.get(module) ?? [];
      if (known[0] !== buildId) {
        const others = known.filter((one) => one !== buildId);
        this.#builds.set(module, [buildId, ...others].slice(0, MAX_BUILDS));
        this.#fitting = new WeakMap();
        this.#unnamed = new WeakMap();
      }
    }
  }

  /** Whether a frame leads into the workspace. */
  leads(frame: Frame): boolean {
    return this.locator.hasSource(frame);
  }

  /** Places of the frame at `at` of a stack. */
  async of(trace: TextTrace, at: number): Promise<FoundPlaces> {
    const found = trace.frames[at];
    if (found === undefined) {
      return { places: [], buildId: null };
    }
    const { frame } = found;
    const build = isPlaced(frame) ? await this.#buildOf(trace, frame) : null;
    const lines = build && (await this.#lines({ ...frame, module: build.module }, build));
    const inner = trace.frames.slice(0, at).findLast((one) => one.frame.reliable);
    const stack = [
      ...(inner === undefined ? [] : [{ frame: inner.frame, debug: null }]),
      { frame, debug: lines },
    ];
    const places = (await this.locator.locateStack(stack)).at(-1) ?? [];
    return { places, buildId: build?.buildId ?? null };
  }

  /**
   * Why the exact line of a frame is not known, as a sentence; empty where nothing is known of it.
   * @param trace the stack it is in; null for an address
   * @param buildId that it fits, as {@link of} tells
   */
  async remark(frame: Frame, trace: TextTrace | null, buildId: string | null): Promise<string> {
    const { module } = frame;
    if (buildId !== null) {
      return this.debug.remark(frame, [buildId], true);
    }
    if (trace === null || isProgram(module)) {
      return this.debug.remark(frame, (await this.debug.programsHere(module ?? '')).flat(), false);
    }
    const tellsBuild = frame.reliable && trace.frames.some((found) => tells(found, module));
    return tellsBuild ? this.debug.remark(frame, this.#builds.get(module) ?? [], false) : '';
  }

  /**
   * Places of an entry without a function. Which build ran, its code tells: the calls before the addresses around the
   * entry, or what the text has of it. Of several builds the only one is taken; one that nothing speaks for only
   * where there is no better, and with a doubt.
   */
  async ofAddress(address: AddressInStack): Promise<FoundPlaces> {
    const [found] = await this.ofAddresses(address.item.module, [address]);
    return found ?? { places: [], buildId: null };
  }

  /** {@link ofAddress} of several entries of one file: to look for its builds takes much longer than to ask them. */
  async ofAddresses(module: string, addresses: readonly AddressInStack[]): Promise<FoundPlaces[]> {
    /** Of each address, and each group of builds, those that fit. */
    const fitting = addresses.map((): FittingBuild[][] => []);
    for (const builds of zfsProgramOf(module) === null ? [] : await this.debug.programsHere(module)) {
      for (const tiers of fitting) {
        tiers.push([]);
      }
      for (const buildId of builds) {
        for (const [index, at] of (await this.debug.atAddresses(addresses, buildId)).entries()) {
          if (at !== null && at.lines.length > 0) {
            fitting[index]?.at(-1)?.push({ buildId, ...at });
          }
        }
      }
    }
    const found: FoundPlaces[] = [];
    for (const [index, address] of addresses.entries()) {
      found.push(await this.#placesOf(address, likeliest(fitting[index] ?? [])));
    }
    return found;
  }

  /** @param builds that the entry can be of */
  async #placesOf({ item, code }: AddressInStack, builds: readonly FittingBuild[]): Promise<FoundPlaces> {
    const { module, mapped } = item;
    const [only, second] = builds;
    if (only === undefined) {
      return { places: [], buildId: null };
    }
    const { buildId, lines, isShown } = only;
    if (second !== undefined) {
      const known = builds.map((one) => one.buildId);
      return { places: [], buildId: null, doubt: severalRemark(module, known) };
    }
    const stack = [{ frame: withoutFunction(module), debug: lines }];
    const places = (await this.locator.locateStack(stack))[0] ?? [];
    return isShown
      ? { places, buildId }
      : { places, buildId, doubt: assumedRemark(buildId, mapped !== undefined && code === null) };
  }

  async #buildOf(trace: TextTrace, frame: Frame): Promise<RunningModule | null> {
    const { module } = frame;
    const buildId = await this.#fittingBuild(trace, module);
    if (buildId !== null) {
      return { module, buildId };
    }
    if (!mayBeOfAnyModule(frame) || !frame.reliable || !this.leads(frame)) {
      return null;
    }
    const builds = (await this.#unnamedBuilds(trace)).filter(({ symbols }) => symbols.has(frame.symbol));
    const [only, other] = builds;
    return only === undefined || other !== undefined ? null : only;
  }

  /** The builds of ZFS's modules that the frames of a stack without modules are of, each with its functions among them. */
  #unnamedBuilds(trace: TextTrace): Promise<readonly UnnamedBuild[]> {
    let builds = this.#unnamed.get(trace);
    if (builds === undefined) {
      builds = this.#findUnnamed(trace);
      this.#unnamed.set(trace, builds);
      const isKnown = ({ frame }: PlacedFrame, found: readonly UnnamedBuild[]) =>
        !this.leads(frame) || found.some(({ symbols }) => symbols.has(frame.symbol));
      void builds.then(
        // One that has the others may be built, or read, at any time.
        (found) => trace.frames.every((frame) => isKnown(frame, found)) || this.#unnamed.delete(trace),
        () => this.#unnamed.delete(trace),
      );
    }
    return builds;
  }

  async #findUnnamed(trace: TextTrace): Promise<readonly UnnamedBuild[]> {
    const frames = trace.frames.map(({ frame }) => frame).filter(({ reliable }) => reliable);
    const found: UnnamedBuild[] = [];
    for (const module of ZFS_MODULES) {
      for (const builds of [this.#builds.get(module) ?? [], await this.debug.builtHere(module)]) {
        const fitting: UnnamedBuild[] = [];
        for (const buildId of builds) {
          const build = { module, buildId };
          const known = await this.debug.unnamed(frames, build);
          if (known.length > 0) {
            fitting.push({ ...build, symbols: new Set(known.map(({ symbol }) => symbol)) });
          }
        }
        found.push(...fitting);
        if (fitting.length > 0) {
          break;
        }
      }
    }
    return found;
  }

  /** The build of a module that the frames of a stack fit into; null when there is none, or nothing tells. */
  #fittingBuild(trace: TextTrace, module: string | null): Promise<string | null> {
    const known = this.#fitting.get(trace) ?? new Map<string | null, Promise<string | null>>();
    this.#fitting.set(trace, known);
    let fitting = known.get(module);
    if (fitting === undefined) {
      fitting = this.#findBuild(trace, module);
      known.set(module, fitting);
      void fitting.then(
        // One that fits may be built at any time.
        (found) => found === null && known.delete(module),
        () => known.delete(module),
      );
    }
    return fitting;
  }

  async #findBuild(trace: TextTrace, module: string | null): Promise<string | null> {
    const telling = trace.frames.filter((found) => tells(found, module)).map(({ frame }) => frame);
    if (telling.length > 0) {
      const builds = new Set([...(this.#builds.get(module) ?? []), ...(await this.debug.builtHere(module))]);
      for (const buildId of builds) {
        if (await this.debug.fit(telling, { module, buildId })) {
          return buildId;
        }
      }
      return null;
    }
    return module === null ? null : this.#findProgram(trace, module);
  }

  async #findProgram(trace: TextTrace, name: string): Promise<string | null> {
    const frames = trace.frames
      .filter(({ frame }) => frame.module === name && frame.reliable && isPlaced(frame))
      .map(({ frame }) => frame);
    for (const builds of frames.length === 0 ? [] : await this.debug.programsHere(name)) {
      const fitting: string[] = [];
      for (const buildId of builds) {
        if (await this.debug.fit(frames, { module: name, buildId })) {
          fitting.push(buildId);
        }
      }
      const [only, ...others] = fitting;
      if (only !== undefined) {
        return others.length > 0 ? null : only;
      }
    }
    return null;
  }

  async #lines(frame: Frame, build: RunningModule): Promise<readonly DebugLine[] | null> {
    const [stack] = await this.debug.withLines([[frame]], [build]);
    return stack?.[0]?.debug ?? null;
  }
}

/** Of groups of builds, the first ones first: those that something speaks for, else any. */
function likeliest(groups: readonly (readonly FittingBuild[])[]): readonly FittingBuild[] {
  const shown = groups.map((builds) => builds.filter(({ isShown }) => isShown));
  return [...shown, ...groups].find(({ length }) => length > 0) ?? [];
}

/** What an entry without a function is as a frame. */
export function withoutFunction(module: string): Frame {
  return { symbol: '', offset: -1, size: null, module, reliable: true };
}

function isProgram(module: string | null): module is string {
  return module !== null && !isZfsModule(module) && zfsProgramOf(module) !== null;
}

/** Only a function's size tells builds apart. */
function tells({ frame }: PlacedFrame, module: string | null): boolean {
  return frame.module === module && frame.reliable && frame.offset >= 0 && frame.size !== null;
}
