import type { RunningModule } from '../../protocol/server.ts';
import { KERNEL, type LoadedBuild } from '../../target/collectors/module-ids.ts';

/** The builds of modules that run on a target, by module name, as long as none of them is loaded anew. */
export class RunningBuilds {
  readonly #signs = new Map<string, string>();
  readonly #ids = new Map<string, string | null>();

  /** Build-id of a module; null when it has none, undefined when it was not asked yet. */
  id(module: string): string | null | undefined {
    return this.#ids.get(module);
  }

  /** True when one of these modules is known to have run as another build. */
  differFrom(signs: ReadonlyMap<string, string>): boolean {
    return [...signs].some(([module, sign]) => (this.#signs.get(module) ?? sign) !== sign);
  }

  saw(signs: ReadonlyMap<string, string>): void {
    for (const [module, sign] of signs) {
      this.#signs.set(module, sign);
    }
  }

  /** Takes an answer in, unless it is of another build: then the module was loaded anew meanwhile. */
  learn(module: string, build: LoadedBuild | undefined): void {
    if (build === undefined) {
      this.#ids.set(module, null);
    } else if ((this.#signs.get(module) ?? build.sign) === build.sign) {
      this.#signs.set(module, build.sign);
      this.#ids.set(module, build.buildId);
    }
  }

  /** Those of the modules that have a build-id. */
  of(modules: Iterable<string>): RunningModule[] {
    return [...modules].flatMap((module) => {
      const buildId = this.#ids.get(module) ?? null;
      return buildId === null ? [] : [{ module: module === KERNEL ? null : module, buildId }];
    });
  }
}
