import { Failure } from '../../core/failure.ts';
import type { Frame, Trace } from '../../core/stack/frame.ts';
import type { Place } from '../../core/symbols/location.ts';
import type { TaskSnapshot } from '../../core/tasks.ts';
import { isHung } from '../../core/zfs/idle.ts';
import { locateRequest, type PreparedModule, prepareModulesRequest } from '../../protocol/server.ts';
import { KERNEL, type LoadedBuild, moduleIds } from '../../target/collectors/module-ids.ts';
import type { Connection } from '../../target/connection.ts';
import type { LazyServer } from './lazy-server.ts';
import type { ModuleTransfers } from './module-transfers.ts';
import { RunningBuilds } from './running-builds.ts';

/** What failed for a reason that may pass is tried again after this time. */
const AGAIN_AFTER_MS = 300_000;

/** Modules that have a build-id as a rule. */
const OURS = ['zfs', 'spl'];

/** What is known of the debug info of one build over one connection. */
interface Preparation {
  /** As frames name it. */
  readonly module: string;
  /** Why its lines cannot be exact; empty when they are, or nothing can be done about it. */
  readonly remark: string;
  /** When to ask again, by performance.now(). */
  readonly again: number;
}

/**
 * From frames to places in the source. The language server has the debug info and the workspace; from
 * here come the builds that run on the target, and the files of modules that nobody has yet.
 */
export class PlaceService {
  readonly #builds = new WeakMap<Connection, RunningBuilds>();
  /** Build-ids by module and sign, from all connections of this window: a second one need not ask. */
  readonly #known = new Map<string, LoadedBuild>();
  /** By connection and build-id: what there is to prepare was prepared, or could not be. */
  readonly #prepared = new WeakMap<Connection, Map<string, Preparation>>();
  /** Connections to targets where tasks hung in ZFS at the last look. */
  readonly #hung = new WeakSet<Connection>();
  /** One preparation at a time per connection. */
  readonly #preparing = new WeakMap<Connection, Promise<unknown>>();

  constructor(
    private readonly server: LazyServer,
    private readonly transfers: ModuleTransfers,
  ) {}

  /**
   * Takes note of the builds that a snapshot saw.
   * @returns true when a module was loaded anew: places of its frames are to be asked for again.
   */
  saw(connection: Connection, { builds, groups }: Pick<TaskSnapshot, 'builds' | 'groups'>): boolean {
    if (groups.some(({ tasks, trace }) => hasZfs(trace) && tasks.some((task) => isHung(task, trace)))) {
      this.#hung.add(connection);
    } else {
      this.#hung.delete(connection);
    }
    const before = this.builds(connection);
    const isNew = before.differFrom(builds);
    const running = isNew ? new RunningBuilds() : before;
    running.saw(builds);
    for (const [module, sign] of builds) {
      const known = this.#known.get(`${module} ${sign}`);
      if (known !== undefined) {
        running.learn(module, known);
      }
    }
    this.#builds.set(connection, running);
    return isNew;
  }

  /** Whether tasks hung in ZFS at the last look. */
  hangs(connection: Connection): boolean {
    return this.#hung.has(connection);
  }

  /** The builds that run now. It stays what it is when a module is loaded anew: frames of before are its. */
  builds(connection: Connection): RunningBuilds {
    let builds = this.#builds.get(connection);
    if (builds === undefined) {
      builds = new RunningBuilds();
      this.#builds.set(connection, builds);
    }
    return builds;
  }

  /**
   * What is known of the frames of one stack without asking the target. One list per frame, innermost
   * place first, never empty.
   * @param builds those that ran when the stack was taken
   */
  async known(
    connection: Connection | null,
    frames: readonly Frame[],
    builds: RunningBuilds | null = connection === null ? null : this.builds(connection),
  ): Promise<readonly (readonly Place[])[]> {
    const told = connection === null ? null : this.#preparations(connection);
    const modules = (builds?.of(modulesOf(frames)) ?? []).map((build) => {
      const remark = told?.get(build.buildId)?.remark ?? '';
      return remark === '' ? build : { ...build, remark };
    });
    const { places } = await this.server.request(locateRequest, { stacks: [frames], modules });
    return places[0] ?? [];
  }

  /** True when {@link learn} could still tell more of one of the frames. */
  incomplete(
    connection: Connection,
    frames: readonly Frame[],
    builds: RunningBuilds = this.builds(connection),
  ): boolean {
    return this.#open(connection, frames, builds).length > 0;
  }

  /**
   * Sees to it that the debug info of these frames' modules is here.
   * @returns sentences for the person on modules whose lines cannot be exact, and why: all that hold now.
   * @throws Failure
   */
  async learn(
    connection: Connection,
    frames: readonly Frame[],
    builds: RunningBuilds = this.builds(connection),
  ): Promise<readonly string[]> {
    while (this.#preparing.has(connection)) {
      await this.#preparing.get(connection)?.catch(() => {});
    }
    const modules = this.#open(connection, frames, builds);
    if (modules.length === 0) {
      return this.#remarks(connection, builds);
    }
    const preparing = this.#prepare(connection, modules, builds);
    this.#preparing.set(connection, preparing);
    try {
      await preparing;
      return this.#remarks(connection, builds);
    } finally {
      this.#preparing.delete(connection);
    }
  }

  /**
   * Has the debug info of the running kernel read from the target, or from debuginfod: some hundred megabytes.
   * @returns whether it is here; why not, as a sentence that is empty when it was found nowhere; and whether to try again
   * @throws Failure; Failure `cancelled` when the person cancels
   */
  async learnKernel(connection: Connection): Promise<Pick<PreparedModule, 'ready' | 'remark' | 'again'>> {
    const builds = this.builds(connection);
    await this.#askFor([KERNEL], connection, builds);
    const buildId = builds.id(KERNEL);
    if (buildId === undefined || buildId === null) {
      const remark = 'The kernel of the target tells no build-id in /sys/kernel/notes.';
      return { ready: false, remark, again: true };
    }
    const transfer = this.transfers.begin(connection, this.hangs(connection));
    try {
      const wanted = { module: null, buildId };
      const { modules } = await this.server.request(
        prepareModulesRequest,
        { target: transfer.target, modules: [wanted], kernel: true },
        transfer.signal,
      );
      return modules[0] ?? { ready: false, remark: '', again: true };
    } catch (error) {
      throw transfer.signal.aborted
        ? new Failure('cancelled', 'Reading the debug info of the kernel was cancelled.')
        : error;
    } finally {
      transfer.dispose();
    }
  }

  /** Asks the target for builds that are not known. */
  async #askFor(modules: readonly string[], connection: Connection, builds: RunningBuilds): Promise<void> {
    const unknown = modules.filter((module) => builds.id(module) === undefined);
    if (unknown.length > 0) {
      const loaded = await connection.run(moduleIds, { modules: unknown });
      for (const module of unknown) {
        const build = loaded.get(module);
        builds.learn(module, build);
        if (build !== undefined && build.sign !== '') {
          this.#known.set(`${module} ${build.sign}`, build);
        }
      }
    }
  }

  async #prepare(connection: Connection, modules: readonly string[], builds: RunningBuilds): Promise<void> {
    await this.#askFor(modules, connection, builds);
    const wanted = builds.of(modules);
    const transfer = this.transfers.begin(connection, this.hangs(connection));
    let told: readonly PreparedModule[];
    try {
      told = (
        await this.server.request(
          prepareModulesRequest,
          { target: transfer.target, modules: wanted },
          transfer.signal,
        )
      ).modules;
    } catch (error) {
      if (!transfer.signal.aborted) {
        throw error;
      }
      told = wanted.map((one) => ({
        ...one,
        ready: false,
        remark: `Exact lines of ${one.module} are not known: reading its file was cancelled. Connect again to read it.`,
        again: false,
      }));
    } finally {
      transfer.dispose();
    }
    const prepared = this.#preparations(connection);
    for (const { module, buildId, ready, remark, again } of told) {
      const isFinal = ready || !again;
      prepared.set(buildId, {
        module: module ?? KERNEL,
        remark,
        again: isFinal ? Number.POSITIVE_INFINITY : performance.now() + AGAIN_AFTER_MS,
      });
    }
  }

  /** What there is to say of the builds that run, as far as they were asked for. */
  #remarks(connection: Connection, builds: RunningBuilds): string[] {
    const known = [...this.#preparations(connection)];
    return [
      ...OURS.filter((module) => builds.id(module) === null).map(
        (module) => `Exact lines of ${module} are not known: the module that is loaded has no build-id.`,
      ),
      ...known.filter(([id, { module }]) => builds.id(module) === id).map(([, { remark }]) => remark),
    ].filter((remark) => remark !== '');
  }

  /** Modules of these frames whose debug info may be had and is not known to be here. */
  #open(connection: Connection, frames: readonly Frame[], builds: RunningBuilds): string[] {
    const prepared = this.#preparations(connection);
    return [...modulesOf(frames)].filter((module) => {
      const id = builds.id(module);
      // A module that is gone cannot be asked for its build any more.
      const canAsk = id !== undefined || builds === this.builds(connection);
      return (
        canAsk && id !== null && (id === undefined || performance.now() >= (prepared.get(id)?.again ?? 0))
      );
    });
  }

  #preparations(connection: Connection): Map<string, Preparation> {
    let prepared = this.#prepared.get(connection);
    if (prepared === undefined) {
      prepared = new Map();
      this.#prepared.set(connection, prepared);
    }
    return prepared;
  }
}

function hasZfs(trace: Trace): boolean {
  return trace.some(({ module }) => module === 'zfs' || module === 'spl');
}

function modulesOf(frames: readonly Frame[]): Set<string> {
  return new Set(frames.map(({ module }) => module ?? KERNEL));
}
