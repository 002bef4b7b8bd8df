import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import type { Frame } from '../../core/stack/frame.ts';
import { inert } from '../../core/text/inert.ts';
import { callersText, probeSites } from '../../core/tracing/sites.ts';
import { type BuiltSites, inlinedSitesRequest } from '../../protocol/server.ts';
import { moduleIds } from '../../target/collectors/module-ids.ts';
import type { Connection } from '../../target/connection.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { PlaceService } from '../source/place-service.ts';
import { hiddenText, type InlinedSubject, type Subject } from './trace-texts.ts';

/** Modules whose functions are looked for. */
const MODULES = ['zfs', 'spl'];

/** Probes of one session: setting each takes the kernel some milliseconds. */
const MOST_AT_ONCE = 100;

/** Where a function was inlined. */
export interface InlinedPlaces {
  readonly places: readonly InlinedSubject[];
  /** Code of its own that it has as well, also under names of the compiler's: other calls lead there. */
  readonly forms: readonly Subject[];
  /** More of them, which no probe can be told apart by; 0 as a rule. */
  readonly hidden: number;
}

export const NOWHERE: InlinedPlaces = { places: [], forms: [], hidden: 0 };

/** All of them: what sees every call. */
export function allOf({ places, forms }: InlinedPlaces): readonly Subject[] {
  return [...places, ...forms];
}

/** Where the compiler inlined functions in the modules that run, by their debug info. */
export class InlinedFunctions {
  readonly #asking = new WeakMap<Connection, Promise<ReadonlyMap<string, string | null>>>();

  constructor(
    private readonly server: LazyServer,
    private readonly places: PlaceService,
  ) {}

  /**
   * None where the function was not inlined, or there is no debug info of the modules anywhere; it is fetched where
   * that is possible.
   * @param name of the source
   * @throws Failure when the target cannot be asked
   */
  async of(connection: Connection, name: string): Promise<InlinedPlaces> {
    const loaded = await this.#loaded(connection);
    const modules = [...loaded].flatMap(([module, buildId]) =>
      buildId === null ? [] : [{ module, buildId }],
    );
    // What stacks of these modules would need: it is the same debug info.
    const frames = modules.map(({ module }): Frame => {
      return { symbol: name, offset: 0, size: null, module, reliable: true };
    });
    await this.places.learn(connection, frames);
    const found = await this.server.request(inlinedSitesRequest, { name, modules });
    return {
      places: found.flatMap((built) => placesIn(name, built)),
      forms: found.flatMap(({ forms, build: { module } }) =>
        forms.map((symbol): Subject => ({ symbol, module, parameters: null })),
      ),
      hidden: found.reduce((sum, { hidden }) => sum + hidden, 0),
    };
  }

  /**
   * Places hold for one build only: in another there is any instruction.
   * @throws Failure `not-traceable` when another build runs by now
   */
  async check(
    connection: Connection,
    { symbol, module, site }: Pick<InlinedSubject, 'symbol' | 'module' | 'site'>,
  ): Promise<void> {
    let asking = this.#asking.get(connection);
    if (asking === undefined) {
      // Many places are checked at a time.
      asking = this.#loaded(connection).finally(() => this.#asking.delete(connection));
      this.#asking.set(connection, asking);
    }
    const loaded = await asking;
    if (loaded.get(module ?? '') !== site.buildId) {
      throw new Failure(
        'not-traceable',
        `Where ${symbol} was inlined is not known of the ${module} that runs by now: it is another build.`,
        'Trace the function again: its places are then looked up anew.',
      );
    }
  }

  async #loaded(connection: Connection): Promise<ReadonlyMap<string, string | null>> {
    const loaded = await connection.run(moduleIds, { modules: MODULES });
    return new Map([...loaded].map(([module, { buildId }]) => [module, buildId]));
  }
}

function placesIn(symbol: string, { sites, build: { module, buildId } }: BuiltSites): InlinedSubject[] {
  const probes = probeSites(sites);
  return sites.flatMap((site, i) => {
    const at = probes[i];
    return at === undefined
      ? []
      : {
          symbol,
          module,
          parameters: null,
          typed: { arguments: site.arguments, returns: null },
          site: { ...at, buildId },
          way: callersText(site.callers),
        };
  });
}

/**
 * Asks in which places a function is to be traced.
 * @throws vscode.CancellationError
 */
export async function choosePlaces(inlined: InlinedPlaces): Promise<readonly Subject[]> {
  const { places, forms } = inlined;
  const [first] = places;
  if (first === undefined || allOf(inlined).length === 1) {
    return places;
  }
  const items: (vscode.QuickPickItem & { readonly place: Subject })[] = [
    ...places.map((place) => ({
      label: inert(place.site.at, 200),
      description: inert(place.way, 300),
      place,
    })),
    ...forms.map((place) => ({
      label: inert(place.symbol, 200),
      description: 'code of its own: calls that were not inlined',
      place,
    })),
  ];
  const chosen = await vscode.window.showQuickPick(items, {
    title: `Trace ${inert(first.symbol, 100)} where?`,
    placeHolder: `The compiler inlined it in ${places.length} places${hiddenText(inlined.hidden)}`,
    canPickMany: true,
    matchOnDescription: true,
  });
  if (chosen === undefined || chosen.length === 0) {
    throw new vscode.CancellationError();
  }
  if (chosen.length > MOST_AT_ONCE) {
    throw new Failure(
      'bad-request',
      `${chosen.length} places are more than one trace takes.`,
      `Choose ${MOST_AT_ONCE} of them at most: type a part of their function or file to find them.`,
    );
  }
  // What can be found out at a place where it was inlined can be found out of them all: such a one begins.
  const isPlace = ({ site }: Subject) => Number(site !== undefined);
  return chosen.map(({ place }) => place).sort((a, b) => isPlace(b) - isPlace(a));
}

/** Whether all places of a function can be traced at once. */
export function fitsOneTrace(inlined: InlinedPlaces): boolean {
  return allOf(inlined).length <= MOST_AT_ONCE;
}
