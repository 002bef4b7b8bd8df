/** The C sample, compiled in the ways that modules and programs are. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, repository } from '../support/paths.ts';

const source = path.join(repository, 'test', 'symbols', 'sample');
const folder = path.join(cacheFolder(), 'symbols', 'variants');

export interface Variant {
  readonly name: string;
  readonly compiler: 'gcc' | 'clang' | 'clang-arm64' | 'gcc-arm64';
  readonly flags: readonly string[];
  /** `object` of one file, `module` of two linked by `ld -r`, or a `program`. */
  readonly kind: 'object' | 'module' | 'program';
  /**
   * Another variant with the same code, for which the tool's answers hold: where the tool cannot
   * read this one, or reads it wrongly. docs/symbols.md says how.
   */
  readonly like?: string;
  /** Arguments of objcopy to change the result with. */
  readonly objcopy?: readonly string[];
}

const O2 = ['-O2'];
/** What a Linux kernel's makefiles pass that changes code or debug info. */
const KERNEL = [
  '-O2',
  '-mcmodel=kernel',
  '-fno-pie',
  '-fpatchable-function-entry=16,16',
  '-fno-asynchronous-unwind-tables',
  '-fcf-protection=none',
];

export const VARIANTS: readonly Variant[] = [
  { name: 'gcc-kernel', compiler: 'gcc', flags: ['-gdwarf-5', ...KERNEL], kind: 'module' },
  { name: 'gcc-kernel-4', compiler: 'gcc', flags: ['-gdwarf-4', ...KERNEL], kind: 'module' },
  { name: 'gcc-5', compiler: 'gcc', flags: ['-gdwarf-5', ...O2], kind: 'module' },
  { name: 'gcc-4', compiler: 'gcc', flags: ['-gdwarf-4', ...O2], kind: 'module' },
  { name: 'gcc-3', compiler: 'gcc', flags: ['-gdwarf-3', ...O2], kind: 'module' },
  {
    name: 'gcc-64bit',
    compiler: 'gcc',
    flags: ['-gdwarf-5', '-gdwarf64', ...O2],
    kind: 'module',
    like: 'gcc-5',
  },
  {
    name: 'gcc-types',
    compiler: 'gcc',
    flags: ['-gdwarf-5', '-fdebug-types-section', ...O2],
    kind: 'module',
  },
  {
    name: 'gcc-types-4',
    compiler: 'gcc',
    flags: ['-gdwarf-4', '-fdebug-types-section', ...O2],
    kind: 'module',
  },
  {
    name: 'gcc-sections',
    compiler: 'gcc',
    flags: ['-gdwarf-5', '-ffunction-sections', ...O2],
    kind: 'module',
  },
  {
    name: 'gcc-no-inline-4',
    compiler: 'gcc',
    flags: ['-gdwarf-4', '-fno-inline', '-fno-ipa-sra', ...O2],
    kind: 'module',
  },
  {
    name: 'gcc-no-inline',
    compiler: 'gcc',
    flags: ['-gdwarf-5', '-fno-inline', '-fno-ipa-sra', ...O2],
    kind: 'module',
    like: 'gcc-no-inline-4',
  },
  { name: 'gcc-O0-4', compiler: 'gcc', flags: ['-gdwarf-4', '-O0'], kind: 'module' },
  { name: 'gcc-O0', compiler: 'gcc', flags: ['-gdwarf-5', '-O0'], kind: 'module', like: 'gcc-O0-4' },
  {
    name: 'gcc-zlib',
    compiler: 'gcc',
    flags: ['-gdwarf-5', ...O2],
    kind: 'module',
    objcopy: ['--compress-debug-sections=zlib'],
  },
  {
    name: 'gcc-zlib-gnu',
    compiler: 'gcc',
    flags: ['-gdwarf-5', ...O2],
    kind: 'module',
    // addr2line misses .debug_rnglists there.
    like: 'gcc-5',
    objcopy: ['--compress-debug-sections=zlib-gnu'],
  },
  {
    name: 'gcc-zstd',
    compiler: 'gcc',
    flags: ['-gdwarf-5', ...O2],
    kind: 'module',
    objcopy: ['--compress-debug-sections=zstd'],
  },
  { name: 'gcc-split', compiler: 'gcc', flags: ['-gdwarf-5', '-gsplit-dwarf', ...O2], kind: 'module' },
  {
    name: 'gcc-stripped',
    compiler: 'gcc',
    flags: ['-gdwarf-5', ...O2],
    kind: 'module',
    objcopy: ['--strip-debug'],
  },
  { name: 'clang-4', compiler: 'clang', flags: ['-gdwarf-4', ...O2], kind: 'module' },
  { name: 'clang-5', compiler: 'clang', flags: ['-gdwarf-5', ...O2], kind: 'module', like: 'clang-4' },
  {
    name: 'clang-64bit',
    compiler: 'clang',
    flags: ['-gdwarf-5', '-gdwarf64', ...O2],
    kind: 'module',
    like: 'clang-4',
  },
  {
    name: 'clang-lines-only-4',
    compiler: 'clang',
    flags: ['-gdwarf-4', '-gline-tables-only', ...O2],
    kind: 'module',
  },
  {
    name: 'clang-lines-only',
    compiler: 'clang',
    flags: ['-gdwarf-5', '-gline-tables-only', ...O2],
    kind: 'module',
    like: 'clang-lines-only-4',
  },
  {
    name: 'clang-sections-4',
    compiler: 'clang',
    flags: ['-gdwarf-4', '-ffunction-sections', ...O2],
    kind: 'module',
  },
  {
    name: 'clang-sections',
    compiler: 'clang',
    flags: ['-gdwarf-5', '-ffunction-sections', ...O2],
    kind: 'module',
    like: 'clang-sections-4',
  },
  { name: 'arm64-gcc-5', compiler: 'gcc-arm64', flags: ['-gdwarf-5', ...O2], kind: 'module' },
  { name: 'arm64-gcc-4', compiler: 'gcc-arm64', flags: ['-gdwarf-4', ...O2], kind: 'module' },
  { name: 'arm64-clang-4', compiler: 'clang-arm64', flags: ['-gdwarf-4', ...O2], kind: 'object' },
  {
    name: 'arm64-clang-5',
    compiler: 'clang-arm64',
    flags: ['-gdwarf-5', ...O2],
    kind: 'object',
    like: 'arm64-clang-4',
  },
  { name: 'program-gcc', compiler: 'gcc', flags: ['-gdwarf-5', ...O2], kind: 'program' },
  {
    name: 'program-dropped-code',
    compiler: 'gcc',
    flags: ['-gdwarf-5', '-no-pie', '-ffunction-sections', '-Wl,--gc-sections', ...O2],
    kind: 'program',
  },
  { name: 'program-clang-4', compiler: 'clang', flags: ['-gdwarf-4', ...O2], kind: 'program' },
  {
    name: 'program-clang-5',
    compiler: 'clang',
    flags: ['-gdwarf-5', ...O2],
    kind: 'program',
    like: 'program-clang-4',
  },
  { name: 'program-lto', compiler: 'gcc', flags: ['-gdwarf-5', '-flto', ...O2], kind: 'program' },
];

const COMPILERS = {
  gcc: ['gcc'],
  clang: ['clang'],
  'gcc-arm64': ['aarch64-linux-gnu-gcc'],
  'clang-arm64': ['clang', '--target=aarch64-linux-gnu'],
} as const;

export function variantFile(name: string): string {
  return path.join(folder, name);
}

/** Builds all of them anew: some seconds. */
export function buildVariants(): void {
  mkdirSync(folder, { recursive: true });
  for (const variant of VARIANTS) {
    build(variant, variantFile(variant.name));
  }
}

/** Compiles a variant to a file. Paths in it begin with /build/sample, wherever the repository lies. */
export function build(variant: Variant, file: string): void {
  const [compiler, ...target] = COMPILERS[variant.compiler];
  const flags = [...target, ...variant.flags, `-ffile-prefix-map=${source}=/build/sample`];
  const compile = (...more: readonly string[]): void => {
    execFileSync(compiler, [...flags, ...more], { cwd: source, stdio: ['ignore', 'ignore', 'inherit'] });
  };
  if (variant.kind === 'program') {
    compile('pool.c', 'refill.c', 'main.c', '-o', file);
  } else if (variant.kind === 'object') {
    compile('-c', 'pool.c', '-o', file);
  } else {
    const scratch = mkdtempSync(path.join(folder, 'objects-'));
    try {
      const objects = ['pool', 'refill'].map((name) => {
        const object = path.join(scratch, `${name}.o`);
        compile('-c', `${name}.c`, '-o', object);
        return object;
      });
      const linker = variant.compiler === 'gcc-arm64' ? 'aarch64-linux-gnu-ld' : 'ld';
      execFileSync(linker, ['-r', '--build-id=sha1', '-o', file, ...objects]);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  if (variant.objcopy) {
    execFileSync('objcopy', [...variant.objcopy, file]);
  }
}
