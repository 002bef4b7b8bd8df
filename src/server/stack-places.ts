import type { Frame } from '../core/stack/frame.ts';
import type { PlacedFrame, TextTrace } from '../core/stack/traces.ts';
import type { DebugLine, Place } from '../core/symbols/location.ts';
import { isZfsModule, zfsProgramOf } from '../core/zfs/zfs-modules.ts';
import type { LocateFrame, RunningModule } from '../protocol/server.ts';
import type { Locator } from './locator.ts';
import type { AddressInStack } from './stack-documents.ts';

/** Builds of one module that are remembered: those of the targets of one afternoon. */
const MAX_BUILDS = 4;

/** Says what the debug info of builds tells of frames; `ModuleService` does. */
export interface DebugLines {
  withLines(
    stacks: readonly (readonly Frame[])[],
    modules: readonly RunningModule[],
  ): Promise<readonly (readonly LocateFrame[])[]>;
  /** Whether all frames can be of this build; false when its debug info is not here. */
  fit(frames: readonly Frame[], build: RunningModule): Promise<boolean>;
  /** Builds of a module that are in the workspace; of the kernel itself for null. */
  builtHere(module: string | null): Promise<readonly string[]>;
  /** The lines at addresses of a build; null when its debug info is not here, or they are none that a stack of it can have. */
  atAddresses(addresses: readonly number[], buildId: string): Promise<readonly DebugLine[][] | null>;
  /** Builds of a program or a library of ZFS by the name in a stack, the likeliest first: those of each target, in the workspace, and installed here. */
  programsHere(name: string): Promise<readonly (readonly string[])[]>;
}

/** Where a frame of a text is. */
export interface FoundPlaces {
  /** Innermost first, never empty. */
  readonly places: readonly Place[];
  /** The build whose debug info gave the lines, or of a program without any the one that fits; null when none did. */
  readonly buildId: string | null;
}

/**
 * Finds the places of frames that stand in texts. A text does not say which build it is of: one that ran
 * on a target, or is in the workspace, is taken when all frames of its module in the stack fit into it, offset and size.
 * Stacks of processes have no sizes: of a program the one build that fits is taken, of those on a target, else in the workspace, else installed.
 */
export class StackPlaces {
  /** Builds by module, the one seen last first. */
  readonly #builds = new Map<string | null, readonly string[]>();
  #fitting = new WeakMap<TextTrace, Map<string | null, Promise<string | null>>>();

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
    const buildId = frame.offset >= 0 ? await this.#fittingBuild(trace, frame.module) : null;
    const lines = buildId === null ? null : await this.#lines(frame, { module: frame.module, buildId });
    const inner = trace.frames.slice(0, at).findLast((one) => one.frame.reliable);
    const stack = [
      ...(inner === undefined ? [] : [{ frame: inner.frame, debug: null }]),
      { frame, debug: lines },
    ];
    const places = (await this.locator.locateStack(stack)).at(-1) ?? [];
    const isTold = places.some(({ how }) => how === 'dwarf') || isProgram(frame.module);
    return { places, buildId: isTold ? buildId : null };
  }

  /**
   * Places of an entry without a function. Which build ran, the calls before the addresses around it tell: of several
   * builds the only one that has them is taken.
   */
  async ofAddress({ item, others }: AddressInStack): Promise<FoundPlaces> {
    const { module, address } = item;
    for (const builds of zfsProgramOf(module) === null ? [] : await this.debug.programsHere(module)) {
      const fitting: { readonly buildId: string; readonly debug: readonly DebugLine[] }[] = [];
      for (const buildId of builds) {
        const [debug] = (await this.debug.atAddresses([address, ...others], buildId)) ?? [];
        if (debug !== undefined && debug.length > 0) {
          fitting.push({ buildId, debug });
        }
      }
      const [only, second] = fitting;
      if (only !== undefined) {
        const frame = { symbol: '', offset: -1, size: null, module, reliable: true };
        const places =
          second === undefined
            ? (await this.locator.locateStack([{ frame, debug: only.debug }]))[0]
            : undefined;
        return { places: places ?? [], buildId: places === undefined ? null : only.buildId };
      }
    }
    return { places: [], buildId: null };
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
      .filter(({ frame }) => frame.module === name && frame.reliable && frame.offset >= 0)
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

function isProgram(module: string | null): boolean {
  return module !== null && !isZfsModule(module) && zfsProgramOf(module) !== null;
}

/** Only a function's size tells builds apart. */
function tells({ frame }: PlacedFrame, module: string | null): boolean {
  return frame.module === module && frame.reliable && frame.offset >= 0 && frame.size !== null;
}
