/** Lines of other builds of zfs.ko than the lab's, address by address against the tools that their machine has. */
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import { ensurePrograms } from '../support/debian.ts';
import { CLASSES_NOTE, compareChains } from './chains.ts';
import { BUILDS, moduleOf } from './modules/builds.ts';
import { linkedModule } from './modules/linked.ts';
import type { Finding, Proof } from './proof.ts';

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
        const module = await moduleOf(build, context.progress);
        const peer = build.linked === true ? await linkedModule(module) : module;
        const seed = random.below(2 ** 31);
        const { file, source } = openFile(module);
        try {
          for (const program of build.peers) {
            const wanted = (context.short ? SHORT : COMPARED)[program];
            const { what } = build;
            // Of a small sample the edges of sections, where nothing is known, are a large part.
            const leastSame = context.short ? 0.5 : 0.8;
            const comparison = { what, path: peer, file, program, wanted, seed, leastSame };
            findings.push(compareChains(comparison, context));
          }
        } finally {
          source.dispose();
        }
      }
    }
    return { findings, notes: [CLASSES_NOTE] };
  },
};
