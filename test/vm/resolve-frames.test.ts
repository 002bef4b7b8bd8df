/** Source lines of frames against binutils used by hand on the same module. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '../../src/core/stack/frame.ts';
import { type ResolvedFrames, resolveFrames } from '../../src/target/collectors/resolve-frames.ts';
import type { Connection } from '../../src/target/connection.ts';
import * as lab from '../lab/lab.ts';
import { failureOf } from '../support/failure-of.ts';
import { connectToLab } from './connect.ts';
import { Relay } from './relay.ts';
import { ask, until } from './target.ts';

const BY_HAND = '/dev/shm/vmtest-zfs.ko';

/** A symbol of the module's file (readelf -sW). */
interface FileSymbol {
  readonly name: string;
  readonly section: number;
  readonly address: number;
  readonly size: number;
}

let vm: lab.LabInfo;
let connection: Connection;
let observer: Connection;
/** Functions of the file, by name; one name may stand for several. */
const inFile = new Map<string, FileSymbol[]>();
/** Sizes of zfs's functions in the running kernel, by name. */
const running = new Map<string, number[]>();
const sectionNames = new Map<number, string>();

beforeAll(async () => {
  vm = await lab.requireUp();
  [connection, observer] = await Promise.all([connectToLab(vm), connectToLab(vm)]);
  const text = await lab.execChecked(`
    xz -dc /lib/modules/$(uname -r)/updates/dkms/zfs.ko.xz >${BY_HAND}
    readelf -sW ${BY_HAND} | awk '$4 == "FUNC" { print "f", $2, $3, $7, $8 }'
    readelf -SW ${BY_HAND} | sed -n 's/^ *\\[ *\\([0-9]*\\)\\] \\(\\.[^ ]*\\) .*/s \\1 \\2/p'
    awk '$2 ~ /^[tT]$/ && $4 == "[zfs]" { print "k", $1, $3 }' /proc/kallsyms`);
  const loaded: { name: string; address: bigint }[] = [];
  for (const line of text.split('\n')) {
    const [kind, a = '', b = '', c = '', name = ''] = line.split(' ');
    if (kind === 'f') {
      const symbol = { name, section: Number(c), address: Number.parseInt(a, 16), size: Number(b) };
      inFile.set(name, [...(inFile.get(name) ?? []), symbol]);
    } else if (kind === 's') {
      sectionNames.set(Number(a), b);
    } else if (kind === 'k') {
      loaded.push({ name: b, address: BigInt(`0x${a}`) });
    }
  }
  loaded.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  for (const [i, { name, address }] of loaded.entries()) {
    const next = loaded.slice(i + 1, i + 20).find((other) => other.address > address);
    if (next !== undefined) {
      running.set(name, [...(running.get(name) ?? []), Number(next.address - address)]);
    }
  }
});

afterAll(async () => {
  connection?.dispose();
  observer?.dispose();
  await lab.exec(`rm -f ${BY_HAND}`);
});

function frame(symbol: string, offset: number, size: number | null, module = 'zfs'): Frame {
  return { symbol, offset, size, module, reliable: true };
}

/** The only size that the running kernel gives for a name. */
function sizeOf(symbol: string): number {
  const sizes = running.get(symbol);
  if (sizes?.length !== 1 || sizes[0] === undefined) {
    throw new Error(`${symbol} is no single function of the running module`);
  }
  return sizes[0];
}

/** A frame to ask about, and the function of the file that it is in. */
interface Case {
  readonly frame: Frame;
  readonly symbol: FileSymbol | null;
}

/** `function path:line` of each place, innermost first, as addr2line says it. */
async function byHand(cases: readonly Case[]): Promise<string[][]> {
  const answers: string[][] = cases.map(() => []);
  // One run of addr2line a section; the addresses come back in the order given.
  for (const [number, section] of sectionNames) {
    const here = cases.flatMap(({ symbol, frame }, index) =>
      symbol?.section === number ? [{ address: symbol.address + frame.offset - 1, index }] : [],
    );
    if (here.length === 0) {
      continue;
    }
    const addresses = here.map(({ address }) => `0x${address.toString(16)}`);
    const text = await ask(
      observer,
      `addr2line -a -p -f -i -j ${section} -e ${BY_HAND} ${addresses.join(' ')}`,
    );
    const told = text.trim().split(/^0x/m).slice(1);
    for (const [i, part] of told.entries()) {
      answers[here[i]?.index ?? -1] = part
        .trim()
        .split('\n')
        .map((line) =>
          line
            .replace(/^[0-9a-f]+: /, '')
            .replace(/^ *\(inlined by\) /, '')
            .replace(' at ', ' ')
            .replace(/ \(discriminator \d+\)$/, ''),
        );
    }
  }
  return answers;
}

/** Folders of ours in the VM's memory, other people's included. */
async function unpacked(): Promise<string[]> {
  const text = await lab.execChecked(
    'cd /dev/shm; for d in zscope.*; do [ -d "$d" ] && echo "$d"; done; true',
  );
  return text.split('\n').filter((name) => name !== '');
}

describe('source lines of frames', () => {
  /** All frames are asked for at once: each run unpacks the module anew. */
  const cases = {
    chain: [] as Case[],
    sample: [] as Case[],
    twins: [] as Case[],
    wrong: [] as Case[],
    bare: [] as Case[],
  };
  let answer: ResolvedFrames;
  /** What addr2line says of the cases whose function is in the file. */
  const expected = new Map<Case, string[]>();
  /** Folders of the run in the memory of the VM. */
  let folders: readonly string[] = [];

  beforeAll(async () => {
    const commit = inFile.get('zil_commit_impl')?.[0] as FileSymbol;
    const size = sizeOf('zil_commit_impl');
    cases.chain = [{ frame: frame('zil_commit_impl', 0x200, size), symbol: commit }];
    const single = [...inFile.values()].flatMap(([only, ...more]) =>
      only !== undefined && more.length === 0 && running.get(only.name)?.length === 1 && only.size > 40
        ? [only]
        : [],
    );
    cases.sample = single
      .filter((_, i) => i % Math.floor(single.length / 150) === 0)
      .map((symbol, i) => ({
        frame: frame(symbol.name, 1 + ((i * 37) % (symbol.size - 1)), sizeOf(symbol.name)),
        symbol,
      }));
    const twins = [...inFile.entries()].filter(
      ([name, [one, other, ...more]]) =>
        one !== undefined &&
        other !== undefined &&
        more.length === 0 &&
        running.get(name)?.length === 2 &&
        Math.abs(one.size - other.size) > 100,
    );
    cases.twins = twins.slice(0, 5).flatMap(([name, both]) => {
      const sizes = [...(running.get(name) ?? [])].sort((a, b) => a - b);
      return [...both]
        .sort((a, b) => a.size - b.size)
        .map((symbol, i) => ({ frame: frame(name, 12, sizes[i] ?? 0), symbol }));
    });
    cases.wrong = [
      frame('zil_commit_impl', 0x200, size - 1000),
      frame('zil_commit_impl', 0x200, size + 1000),
      frame('zil_commit_imp', 0x200, size),
      { ...frame('schedule', 0x20, 0xd0), module: null },
      frame('zil_commit_impl', 0x200, size, 'nonsense'),
      frame('$(touch /dev/shm/oops)', 0x200, size),
    ].map((one) => ({ frame: one, symbol: null }));
    const ext4 = await ask(
      observer,
      `awk '$2 == "t" && $4 == "[ext4]" && $3 ~ /^ext4_/ { print $3; exit }' /proc/kallsyms`,
    );
    cases.bare = [{ frame: frame(ext4.trim(), 8, null, 'ext4'), symbol: null }];
    const before = await unpacked();
    const run = connection.run(resolveFrames, {
      frames: Object.values(cases)
        .flat()
        .map((one) => one.frame),
    });
    folders = await until('the module is unpacked', 30_000, async () => {
      const fresh = (await unpacked()).filter((name) => !before.includes(name));
      return fresh.length > 0 ? fresh : undefined;
    });
    answer = await run;
    const told = await byHand([...cases.chain, ...cases.sample, ...cases.twins]);
    for (const [i, one] of [...cases.chain, ...cases.sample, ...cases.twins].entries()) {
      expected.set(one, told[i] ?? []);
    }
  });

  /** `function path:line` of each place of each frame of some cases; null where there is no answer. */
  function answered(some: readonly Case[]): (readonly string[] | null)[] {
    const all = Object.values(cases).flat();
    return some.map((one) => {
      const places = answer.frames[all.indexOf(one)] ?? null;
      return places === null ? null : places.map((place) => `${place.function} ${place.path}:${place.line}`);
    });
  }

  it('show the chain of functions that were inlined into one another', () => {
    const [places] = answered(cases.chain);
    expect(places?.map((place) => place.split(' ')[0])).toEqual([
      'list_del',
      'list_remove_head',
      'zil_commit_writer',
      'zil_commit_impl',
    ]);
    expect([places]).toEqual(cases.chain.map((one) => expected.get(one)));
  });

  it('agree with addr2line on functions from all over the module', () => {
    const sections = new Set(cases.sample.map(({ symbol }) => symbol?.section));
    expect(sections.size).toBeGreaterThan(1);
    // Where the compiler names no line (0 or ?), there is nothing to open.
    const known = cases.sample.map((one) =>
      (expected.get(one) ?? []).filter((line) => /:[1-9]\d*$/.test(line)),
    );
    expect(answered(cases.sample).map((places) => places ?? [])).toEqual(known);
    expect(known.filter((lines) => lines.length > 1).length).toBeGreaterThan(10);
  });

  it('tell functions of one name apart by their size', () => {
    expect(cases.twins.length).toBeGreaterThan(0);
    expect(answered(cases.twins)).toEqual(cases.twins.map((one) => expected.get(one)));
  });

  it('are not told rather than told wrong', async () => {
    expect(answered(cases.wrong)).toEqual(cases.wrong.map(() => null));
    expect(answer.modules).toContainEqual(
      expect.objectContaining({ module: 'nonsense', outcome: 'no-file' }),
    );
    expect(await ask(observer, 'ls /dev/shm')).not.toContain('oops');
  });

  it('are not there in a module without debug info, which is said', () => {
    expect(cases.bare[0]?.frame.symbol).toMatch(/^ext4_/);
    expect(answered(cases.bare)).toEqual([null]);
    expect(answer.modules).toContainEqual(expect.objectContaining({ module: 'ext4', outcome: 'no-dwarf' }));
    expect(answer.modules).toContainEqual(expect.objectContaining({ module: 'zfs', outcome: 'dwarf' }));
    expect(answer.remarks).toEqual([]);
  });

  it('leave nothing in the memory of the target', async () => {
    const left = await unpacked();
    expect(folders.filter((name) => left.includes(name))).toEqual([]);
  });
});

describe('what is left in the memory of the target', () => {
  const question = { frames: [frame('zil_commit_impl', 0x200, null)] };

  it.each(['is told to stop', 'loses its connection'])('is nothing when it %s half-way', async (how) => {
    const relay = await Relay.to(vm.port);
    const other = await connectToLab(vm, { port: relay.port });
    try {
      const before = await unpacked();
      const abort = new AbortController();
      const run = failureOf(other.run(resolveFrames, question, { signal: abort.signal }));
      const ours = await until('the module is being unpacked', 20_000, async () => {
        const fresh = (await unpacked()).filter((name) => !before.includes(name));
        return fresh.length > 0 ? fresh : undefined;
      });
      if (how === 'is told to stop') {
        abort.abort();
        expect((await run).code).toBe('cancelled');
      } else {
        relay.cut();
        expect((await run).code).toBe('lost');
      }
      await until('it is gone', 15_000, async () => {
        const left = await unpacked();
        return ours.some((name) => left.includes(name)) ? undefined : true;
      });
    } finally {
      other.dispose();
      await relay.stop();
    }
  });
});
