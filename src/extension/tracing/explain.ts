import { sourceName } from '../../core/stack/frame.ts';
import { type Verdict, whyNot } from '../../core/tracing/why-not.ts';
import { callersRequest, definitionsRequest } from '../../protocol/server.ts';
import { explainUntraceable } from '../../target/collectors/explain-untraceable.ts';
import type { Connection } from '../../target/connection.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { InlinedPlaces } from './inlined-functions.ts';

/** Generations of callers that are looked for: a caller may have been inlined itself. */
const GENERATIONS = 3;

/** Callers by name, at most: more would not help a person, and each is looked up on the target. */
const CALLERS = 500;

/**
 * Why the kernel refused to probe a function, and what can be traced in its place: asked of the
 * source and of the target.
 * @param refusal what the kernel said
 * @param places where it was inlined, as far as that is known
 * @throws Failure, also `cancelled` by the signal.
 */
export async function explainRefusal(
  connection: Connection,
  server: LazyServer,
  symbol: string,
  refusal: string,
  places: InlinedPlaces,
  signal: AbortSignal,
): Promise<Verdict> {
  const name = sourceName(symbol);
  const definitions = await server.request(definitionsRequest, { name });
  const callers = await callersOf(server, name);
  const facts = await connection.run(explainUntraceable, { names: [name, ...callers.flat()] }, { signal });
  const sites = places.places.length + places.hidden;
  return whyNot({ symbol, inSource: definitions.length > 0, callers, sites, refusal, facts });
}

/** Callers by the source, generation by generation. */
async function callersOf(server: LazyServer, name: string): Promise<string[][]> {
  const generations: string[][] = [];
  const seen = new Set([name]);
  let names = [name];
  for (let depth = 0; depth < GENERATIONS && names.length > 0 && seen.size < CALLERS; depth++) {
    const found = await Promise.all(names.map((callee) => server.request(callersRequest, { name: callee })));
    names = [...new Set(found.flat().map((caller) => caller.name))].filter((caller) => !seen.has(caller));
    for (const caller of names) {
      seen.add(caller);
    }
    generations.push(names);
  }
  return generations;
}
