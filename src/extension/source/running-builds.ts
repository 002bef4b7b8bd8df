import type { RunningModule } from '../../protocol/server.ts';

/**
 * The builds of modules that run on a target, by module name, as long as none of them is loaded anew.
 * Null for a module without a build-id.
 */
export class RunningBuilds {
  readonly #ids = new Map<string, string | null>();

  /** The build of a module; undefined when it was not asked yet. */
  get(module: string): string | null | undefined {
    return this.#ids.get(module);
  }

  set(module: string, buildId: string | null): void {
    this.#ids.set(module, buildId);
  }

  /** True when one of these modules is known to have run as another build. */
  differsFrom(builds: ReadonlyMap<string, string>): boolean {
    return [...builds].some(([module, id]) => (this.#ids.get(module) ?? id) !== id);
  }

  /** Those of the modules that have a build-id. */
  of(modules: Iterable<string>): RunningModule[] {
    return [...modules].flatMap((module) => {
      const buildId = this.#ids.get(module) ?? null;
      return buildId === null ? [] : [{ module, buildId }];
    });
  }
}
