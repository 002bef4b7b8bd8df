/** Functions and lines of a whole distribution kernel, address by address against the tools that their machine has. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import { ensurePrograms } from '../support/debian.ts';
import { Installed } from '../support/installed-cli.ts';
import { sampleOffsets } from '../symbols/comparison.ts';
import { codeSections } from '../symbols/tools.ts';
import { CLASSES_NOTE, compareChains } from './chains.ts';
import type { Finding, Proof, ProofContext } from './proof.ts';
import { distributionKernel } from './vmlinux/kernel.ts';

/** Addresses: eu-addr2line needs some 5 ms for one. */
const COMPARED = { addr2line: 20_000, 'eu-addr2line': 2_000 } as const;
const SHORT = { addr2line: 2_000, 'eu-addr2line': 200 } as const;

/** Of a process that is asked for all of them, in MB; addr2line takes more than 2,000. */
const MOST_MEMORY = 400;

export const vmlinux: Proof = {
  name: 'vmlinux',
  shows: "Functions and lines of Debian's kernel are those of other tools, in a part of their memory.",
  async run(context) {
    await ensurePrograms(
      { addr2line: 'binutils', 'eu-addr2line': 'elfutils', time: 'time' },
      'the comparison of kernels',
      context.progress,
    );
    const kernel = await distributionKernel(context.progress);
    const findings: Finding[] = [];
    for (const { random } of context.rounds(1)) {
      const seed = random.below(2 ** 31);
      const { file, source } = openFile(kernel);
      try {
        for (const program of ['addr2line', 'eu-addr2line'] as const) {
          const wanted = (context.short ? SHORT : COMPARED)[program];
          const what = path.basename(kernel);
          // Half of its sections have little code, and the largest has room at its end.
          const comparison = { what, path: kernel, file, program, wanted, seed, leastSame: 0.4 };
          findings.push(compareChains(comparison, context));
        }
      } finally {
        source.dispose();
      }
      findings.push(await memory(kernel, context, seed));
    }
    return { findings, notes: [CLASSES_NOTE] };
  },
};

/** Peak memory and time of a process that is asked for all addresses. */
async function memory(kernel: string, { progress, short }: ProofContext, seed: number): Promise<Finding> {
  const installed = await Installed.make();
  try {
    const count = (short ? SHORT : COMPARED).addr2line;
    const [text] = codeSections(kernel);
    if (text === undefined) throw new Error(`${kernel} has no code`);
    const offsets = sampleOffsets(count, text.size, seed);
    const input = path.join(installed.folder, 'addresses');
    writeFileSync(
      input,
      offsets.map((offset) => `0x${(text.address + BigInt(offset)).toString(16)}\n`).join(''),
    );
    progress(`${path.basename(kernel)}: memory`);
    const ours = run([process.execPath, installed.program, 'addresses', '--module', kernel], input);
    const theirs = run(['addr2line', '-i', '-f', '-e', kernel], input);
    return {
      what: `${count.toLocaleString('en')} addresses, one process: at most ${MOST_MEMORY} MB at its peak`,
      measured: `${ours}; addr2line ${theirs}`,
      holds: Number.parseInt(ours, 10) <= MOST_MEMORY,
    };
  } finally {
    installed.remove();
  }
}

/** `N MB in S s`. */
function run(command: readonly string[], input: string): string {
  const stdin = openSync(input, 'r');
  try {
    const { stderr, status } = spawnSync('time', ['--format=%M %e', ...command], {
      stdio: [stdin, 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${command[0]} ended with ${status}: ${stderr.slice(-200)}`);
    const [kilobytes = '', seconds = ''] = (stderr.trim().split('\n').at(-1) ?? '').split(' ');
    return `${Math.round((Number(kilobytes) * 1024) / 1e6)} MB in ${Number(seconds).toFixed(1)} s`;
  } finally {
    closeSync(stdin);
  }
}
