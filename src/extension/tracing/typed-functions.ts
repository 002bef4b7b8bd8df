import { BoundedMap } from '../../core/bounded-map.ts';
import type { TypedFunction } from '../../core/symbols/value-type.ts';
import { isZfsModule } from '../../core/zfs/zfs-modules.ts';
import { type RunningModule, typedFunctionRequest } from '../../protocol/server.ts';
import type { Connection } from '../../target/connection.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { PlaceService } from '../source/place-service.ts';
import { KernelTypes } from './kernel-types.ts';

/** A trace waits so long for the types of its arguments; what comes later serves the next one. Milliseconds. */
const PATIENCE_MS = 250;

/**
 * The same where there is nothing else to go by: the types of a whole kernel are read for the first function of a
 * connection. Milliseconds.
 */
const LAST_RESORT_MS = 3000;

/** Answers that are kept, the newest: a cursor may rest in any number of functions. */
const MOST = 500;

/** What the values of functions are: by the running build's debug info, which the server is asked for, or its BTF. */
export class TypedFunctions {
  readonly #kernelTypes = new KernelTypes();
  readonly #known = new BoundedMap<string, TypedFunction>(MOST);
  readonly #asked = new Map<string, Promise<TypedFunction | null>>();

  constructor(
    private readonly server: LazyServer,
    private readonly places: PlaceService,
  ) {}

  /**
   * By debug info, else by the types that the kernel has of itself. Null when neither knows the function, or the
   * answer takes long.
   * @param module null when that is not known, or it is the kernel's own
   * @param hasSignature whether its arguments are known without
   */
  async of(
    connection: Connection,
    symbol: string,
    module: string | null,
    hasSignature: boolean,
  ): Promise<TypedFunction | null> {
    const typed = await this.#byDebugInfo(connection, symbol, module);
    if (typed !== null) {
      return typed;
    }
    // Reading them would delay a trace that can do without.
    if (hasSignature && !this.#kernelTypes.wereRead(connection)) {
      return null;
    }
    // Without types a trace is what it is on a kernel that has none.
    const asking = this.#kernelTypes.of(connection, symbol, module).catch(() => null);
    return within(asking, hasSignature ? PATIENCE_MS : LAST_RESORT_MS);
  }

  /** Reads the types of the kernel for the next trace, when there is time. */
  learn(connection: Connection): void {
    if (connection.state !== 'closed') {
      void this.#kernelTypes.of(connection, '', null).catch(() => null);
    }
  }

  async #byDebugInfo(
    connection: Connection,
    symbol: string,
    module: string | null,
  ): Promise<TypedFunction | null> {
    const modules = this.#builds(connection, module);
    if (modules.length === 0) {
      return null;
    }
    const key = JSON.stringify([symbol, modules]);
    const known = this.#known.get(key);
    if (known !== undefined) {
      return known;
    }
    let asking = this.#asked.get(key);
    if (asking === undefined) {
      asking = this.#ask(key, symbol, modules).finally(() => this.#asked.delete(key));
      this.#asked.set(key, asking);
    }
    return within(asking, PATIENCE_MS);
  }

  /** Has the server open the debug info that the first trace will ask; without any it costs a look. */
  warm(connection: Connection): void {
    const modules = this.#builds(connection, 'zfs');
    if (modules.length > 0) {
      void this.server.request(typedFunctionRequest, { symbol: 'zil_commit', modules }).catch(() => null);
    }
  }

  /** Asks the debug info of a function ahead of {@link of}. */
  foresee(connection: Connection, symbol: string): void {
    void this.#byDebugInfo(connection, symbol, null);
  }

  async #ask(key: string, symbol: string, modules: readonly RunningModule[]): Promise<TypedFunction | null> {
    // Without types a trace is what it is without debug info; why there is none, the Log says.
    const typed = await this.server.request(typedFunctionRequest, { symbol, modules }).catch(() => null);
    if (typed !== null) {
      this.#known.set(key, typed);
    }
    return typed;
  }

  #builds(connection: Connection, module: string | null): RunningModule[] {
    const wanted = module === null ? ['zfs', 'spl'] : isZfsModule(module) ? [module] : [];
    const known = this.places.builds(connection);
    return wanted.flatMap((name) => {
      const buildId = known.id(name) ?? (name === 'zfs' ? connection.facts.zfsBuildId : null);
      return buildId === null ? [] : [{ module: name, buildId }];
    });
  }
}

/** What a promise comes to, or null when that takes longer. It must not reject. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
