/** Every byte of code of every variant: our chain is the one that addr2line prints. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DebugFile } from '../../src/core/symbols/debug-file.ts';
import type { DebugLine } from '../../src/core/symbols/location.ts';
import { type OpenDebugFile, openFile } from '../../src/server/modules/open-debug-file.ts';
import { classify, show } from './comparison.ts';
import { askTool, type CodeSection, codeSections } from './tools.ts';
import { VARIANTS, type Variant, variantFile } from './variants.ts';

/** Variants without lines of functions: what they say about that is tested on its own. */
const WITHOUT_LINES = new Set(['gcc-split', 'gcc-stripped']);

function ask(file: DebugFile, section: CodeSection, offset: number): DebugLine[] {
  return file.kind === 'module'
    ? file.at({ section: section.name, offset })
    : file.atVirtual(section.address + BigInt(offset));
}

/** Addr2line's chains; of a variant that it does not read rightly, those of the one with the same code. */
function expected(variant: Variant, section: CodeSection, offsets: readonly number[]): DebugLine[][] {
  const program = variant.compiler.endsWith('arm64') ? 'aarch64-linux-gnu-addr2line' : 'addr2line';
  const file = variantFile(variant.like ?? variant.name);
  return askTool(program, file, section, offsets, variant.kind !== 'program');
}

describe.each(VARIANTS.filter(({ name }) => !WITHOUT_LINES.has(name) && name !== 'program-lto'))(
  '$name',
  (variant) => {
    let open: OpenDebugFile;
    beforeAll(() => {
      open = openFile(variantFile(variant.name));
    });
    afterAll(() => open.source.dispose());

    it('agrees with addr2line on every address', () => {
      const { file } = open;
      const sections = codeSections(variantFile(variant.name));
      const differing: string[] = [];
      let known = 0;
      for (const section of sections) {
        const offsets = Array.from({ length: section.size }, (_, offset) => offset);
        const theirs = expected(variant, section, offsets);
        for (const offset of offsets) {
          const ours = ask(file, section, offset);
          known += ours.length > 0 ? 1 : 0;
          const kind = classify(ours, theirs[offset] ?? []);
          if (kind !== 'same' && kind !== 'nothing-known') {
            differing.push(`${section.name}+${offset}: ${show(ours)} | ${show(theirs[offset] ?? [])}`);
          }
        }
      }
      expect(differing).toEqual([]);
      expect(known).toBeGreaterThan(800);
    });

    it('has the code of the variant that it is compared with', () => {
      const sizes = (name: string) =>
        codeSections(variantFile(name)).map(({ name, size }) => `${name} ${size}`);
      expect(sizes(variant.name)).toEqual(sizes(variant.like ?? variant.name));
    });
  },
);
