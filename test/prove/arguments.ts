/** Where arguments of inlined functions are in the lab's zfs.ko, place by place against gdb. */
import type { EntryLocation } from '../../src/core/symbols/dwarf/parameters.ts';
import type { TypedArgument } from '../../src/core/symbols/value-type.ts';
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import { findImage } from '../lab/image.ts';
import { ensurePrograms } from '../support/debian.ts';
import { type Asked, gdbNamesakes, gdbPlaces } from '../symbols/gdb-places.ts';
import { labModule } from '../symbols/lab-module.ts';
import { codeSections } from '../symbols/tools.ts';
import type { Finding, Proof } from './proof.ts';

/** Functions, and places of each: list_remove and the like have hundreds. */
const FUNCTIONS = 60;
const SHORT = 4;
const MOST_OF_ONE = 60;

interface Compared extends Asked {
  readonly argument: TypedArgument;
}

export const argumentPlaces: Proof = {
  name: 'arguments',
  shows: 'Arguments of inlined functions are where gdb finds them, or are said to be unknown.',
  async run(context) {
    await ensurePrograms(
      { gdb: 'gdb', readelf: 'binutils' },
      'the comparison of arguments',
      context.progress,
    );
    const image = await findImage();
    if (!image) throw new Error('the lab has no image');
    const module = labModule(image);
    const findings: Finding[] = [];
    for (const { random } of context.rounds(1)) {
      const { file, source } = openFile(module);
      try {
        const text = codeSections(module).find(({ name }) => name === '.text');
        if (text === undefined) throw new Error('it has no code');
        const names = new Set<string>();
        const wanted = context.short ? SHORT : FUNCTIONS;
        while (names.size < wanted) {
          const chain = file.at({ section: '.text', offset: random.below(text.size) });
          for (const { function: name } of chain.slice(0, -1)) {
            names.add(name);
          }
        }
        const compared: Compared[] = [];
        let places = 0;
        for (const name of names) {
          for (const site of file.inlinedSites(name, () => []).sites.slice(0, MOST_OF_ONE)) {
            const { symbol, offset } = site;
            const [holder] = file.symbols(symbol);
            if (holder === undefined) continue;
            const chain = file.at({ section: holder.section, offset: holder.offset + offset });
            // gdb knows variables by name: another function there, or the same around it, may have one of the same name.
            if (chain.findLastIndex((line) => line.function === name) !== 0) continue;
            places++;
            for (const argument of site.arguments) {
              if (argument.name !== '' && argument.type !== null) {
                compared.push({ symbol, offset, name: argument.name, argument });
              }
            }
          }
        }
        context.progress(`asking gdb for ${compared.length} arguments at ${places} places`);
        const theirs = gdbPlaces(module, compared);
        findings.push(tally(module, compared, theirs, places, context.progress));
      } finally {
        source.dispose();
      }
    }
    return { findings };
  },
};

function tally(
  module: string,
  compared: readonly Compared[],
  theirs: readonly (EntryLocation | null)[],
  places: number,
  progress: (line: string) => void,
): Finding {
  const counts = { same: 0, onStack: 0, unknown: 0, onlyGdb: 0, namesake: 0, different: 0 };
  for (const [i, { symbol, offset, argument }] of compared.entries()) {
    const other = theirs[i] ?? null;
    const { place, name } = argument;
    if (place.kind === 'unknown') {
      counts[other?.kind === 'unknown' ? 'unknown' : 'onlyGdb']++;
    } else if (other !== null && isSame(argument, other)) {
      counts.same++;
      counts.onStack +=
        'register' in place && place.kind !== 'register' && /^r[sb]p$/.test(place.register) ? 1 : 0;
    } else if (gdbNamesakes(module, { symbol, offset, name }) > 1) {
      counts.namesake++;
    } else {
      counts.different++;
      progress(
        `differs: ${name} at ${symbol}+${offset}: ${JSON.stringify(place)} | ${JSON.stringify(other)}`,
      );
    }
  }
  const { same, onStack, unknown, onlyGdb, namesake, different } = counts;
  return {
    what: `${compared.length.toLocaleString('en')} arguments at ${places.toLocaleString('en')} places of zfs.ko against gdb`,
    measured: `same ${same} (of them by the stack ${onStack}), unknown to both ${unknown}, to us alone ${onlyGdb}, another of the name ${namesake}, different ${different}`,
    holds: different === 0 && namesake * 100 < same && same > compared.length / 3 && onStack > 0,
  };
}

/** Constants are told with and without a sign. */
function isSame({ place, type }: TypedArgument, other: EntryLocation): boolean {
  if (place.kind === 'constant' && other.kind === 'constant') {
    const bits = type !== null && 'size' in type ? type.size * 8 : 64;
    const [a, b] = [place.value, other.value].map((value) => BigInt.asUintN(bits, BigInt(value)));
    return a === b;
  }
  return JSON.stringify(normal(place)) === JSON.stringify(normal(other));
}

/** A register is the sum of it and nothing. */
function normal(place: EntryLocation): EntryLocation {
  return place.kind === 'sum' && place.offset === 0 ? { kind: 'register', register: place.register } : place;
}
