/**
 * Writes the object files of the unit tests, with what addr2line says about every byte of their code:
 * `npx tsx test/symbols/make-fixtures.ts`. They were made by Debian 12's GCC 12.2, clang 14 and
 * binutils 2.40 and are kept, so that the unit tests need none of these.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { repository } from '../support/paths.ts';
import { show } from './comparison.ts';
import { askTool, codeSections } from './tools.ts';
import { buildVariants, VARIANTS, variantFile } from './variants.ts';

const FIXTURES = ['gcc-kernel', 'clang-5', 'arm64-gcc-4', 'program-clang-5'];
const folder = path.join(repository, 'test', 'unit', 'core', 'symbols', 'fixtures');

buildVariants();
mkdirSync(folder, { recursive: true });
for (const variant of VARIANTS.filter(({ name }) => FIXTURES.includes(name))) {
  const isModule = variant.kind !== 'program';
  const program = variant.compiler.endsWith('arm64') ? 'aarch64-linux-gnu-addr2line' : 'addr2line';
  const runs: string[] = [];
  for (const section of codeSections(variantFile(variant.name))) {
    const offsets = Array.from({ length: section.size }, (_, offset) => offset);
    const chains = askTool(
      program,
      variantFile(variant.like ?? variant.name),
      section,
      offsets,
      isModule,
    ).map(show);
    for (let start = 0; start < chains.length; ) {
      let end = start + 1;
      while (end < chains.length && chains[end] === chains[start]) end++;
      const base = Number(section.address);
      runs.push(
        `${section.name} 0x${(base + start).toString(16)} 0x${(base + end).toString(16)} ${chains[start]}`,
      );
      start = end;
    }
  }
  copyFileSync(variantFile(variant.name), path.join(folder, `${variant.name}.bin`));
  writeFileSync(path.join(folder, `${variant.name}.golden`), `${runs.join('\n')}\n`);
}
