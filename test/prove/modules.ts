/** Lines of other builds of zfs.ko than the lab's, address by address against the tools that their machine has. */
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import { ensurePrograms } from '../support/debian.ts';
import { compareFile } from '../symbols/compare-file.ts';
import { BUILDS, type ModuleBuild, moduleOf } from './modules/builds.ts';
import { linkedModule } from './modules/linked.ts';
import type { Finding, Proof, ProofContext } from './proof.ts';

/** Addresses of each build; eu-addr2line needs some 2 ms for one. */
const COMPARED = { addr2line: 120_000, 'llvm-addr2line': 120_000, 'eu-addr2line': 3_000 } as const;
const SHORT = { addr2line: 6_000, 'llvm-addr2line': 6_000, 'eu-addr2line': 300 } as const;

export const modules: Proof = {
  name: 'modules',
  shows:
    'Functions and lines of whole builds of zfs.ko by other releases, compilers and flags are those of other tools.',
  async run(context) {
    await ensurePrograms(
      { addr2line: 'binutils', 'eu-addr2line': 'elfutils', 'llvm-addr2line': 'llvm' },
      'the comparison of builds',
      context.progress,
    );
    const findings: Finding[] = [];
    for (const { random } of context.rounds(1)) {
      for (const build of BUILDS) {
        const file = await moduleOf(build, context.progress);
        const peer = build.linked === true ? await linkedModule(file) : file;
        findings.push(...compare(build, file, peer, context, random.below(2 ** 31)));
      }
    }
    return { findings, notes: ['The classes of what differs are explained in [symbols.md](symbols.md).'] };
  },
};

function compare(
  build: ModuleBuild,
  path: string,
  peer: string,
  { progress, short }: ProofContext,
  seed: number,
): Finding[] {
  const { file, source } = openFile(path);
  try {
    return build.peers.map((program): Finding => {
      progress(`${build.name}: comparing with ${program}`);
      const wanted = (short ? SHORT : COMPARED)[program];
      const { sections, compared, inlined, counts, differing } = compareFile(
        peer,
        peer,
        file,
        program,
        wanted,
        seed,
      );
      for (const line of differing.slice(0, 20)) progress(`differs: ${line}`);
      const classes = Object.entries(counts)
        .filter(([kind, count]) => kind !== 'different' && count > 0)
        .map(([kind, count]) => `${kind} ${count}`);
      const all = compared.toLocaleString('en');
      return {
        what: `${build.what}: ${all} addresses in ${sections} sections against ${program}`,
        measured: [...classes, `several functions deep ${inlined}`, `unexplained ${differing.length}`].join(
          ', ',
        ),
        holds: differing.length === 0 && counts.same > compared * 0.8,
      };
    });
  } finally {
    source.dispose();
  }
}
