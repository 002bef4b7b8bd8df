/** Addresses of all sections of a file with code, one by one: our chains against a tool's. */
import type { DebugFile, DebugSymbol } from '../../src/core/symbols/debug-file.ts';
import type { DebugLine } from '../../src/core/symbols/location.ts';
import { type Class, classify, isNameFor, sampleOffsets, show } from './comparison.ts';
import { askTool, type CodeSection, codeSections, paddingOf } from './tools.ts';

export interface Comparison {
  readonly sections: number;
  readonly compared: number;
  /** Chains of several functions. */
  readonly inlined: number;
  readonly counts: Readonly<Record<Class, number>>;
  /** What no class explains, as text. */
  readonly differing: readonly string[];
}

/**
 * Compares at least `wanted` addresses, and 150 of each section, however small. Where only the files
 * differ from those of addr2line, eu-addr2line decides who is right; where eu-addr2line has another call of the
 * same function, or fewer functions, addr2line does.
 * @param path the file with debug info, which `file` is, or the same linked
 * @param code the file with the code, when that is another one
 * @param seed chooses the addresses
 */
export function compareFile(
  path: string,
  code: string,
  file: DebugFile,
  program: 'addr2line' | 'eu-addr2line' | 'llvm-addr2line',
  wanted: number,
  seed = 4711,
): Comparison {
  const sections = codeSections(code);
  const isPadding = paddingOf(path, sections);
  const whole = sections.reduce((sum, { size }) => sum + size, 0);
  const counts: Record<Class, number> = {
    same: 0,
    'nothing-known': 0,
    padding: 0,
    file: 0,
    'asm-name': 0,
    alias: 0,
    overlap: 0,
    shortened: 0,
    different: 0,
  };
  const differing: string[] = [];
  let compared = 0;
  let inlined = 0;
  for (const section of sections) {
    const count = Math.max(150, Math.ceil((wanted * section.size) / whole));
    const offsets = sampleOffsets(count, section.size, seed);
    const theirs = askTool(program, path, section, offsets, isUnlinked(section));
    const doubtful: number[] = [];
    for (const [index, offset] of offsets.entries()) {
      const ours = linesAt(file, section, offset);
      const first = classify(ours, theirs[index] ?? [], isPadding(section, offset));
      const kind = first !== 'different' ? first : refine(file, section, offset, ours, theirs[index] ?? []);
      counts[kind]++;
      compared++;
      inlined += ours.length > 1 ? 1 : 0;
      if (JUDGED[program].includes(kind)) {
        doubtful.push(offset);
      } else if (DOUBTFUL.includes(kind)) {
        differing.push(`${section.name}+${offset}: ${show(ours)} | ${show(theirs[index] ?? [])}`);
      }
    }
    const other = program === 'addr2line' ? 'eu-addr2line' : 'addr2line';
    differing.push(...judge(other, path, file, section, doubtful, isPadding));
  }
  return { sections: sections.length, compared, inlined, counts, differing };
}

/** Differences of a tool in which another one decides. */
const JUDGED: Readonly<Record<'addr2line' | 'eu-addr2line' | 'llvm-addr2line', readonly Class[]>> = {
  addr2line: ['file'],
  'eu-addr2line': ['overlap', 'shortened'],
  'llvm-addr2line': [],
};

/** Differences that nothing explains where no other tool decides. */
const DOUBTFUL: readonly Class[] = ['different', 'file', 'overlap', 'shortened'];

/** A class for what is different at first sight. */
function refine(
  file: DebugFile,
  section: CodeSection,
  offset: number,
  ours: readonly DebugLine[],
  theirs: readonly DebugLine[],
): 'alias' | 'overlap' | 'shortened' | 'different' {
  if (isAlias(file, section, offset, ours, theirs)) {
    return 'alias';
  }
  if (
    theirs.length > 0 &&
    theirs.length < ours.length &&
    show(ours.slice(0, theirs.length)) === show(theirs)
  ) {
    return 'shortened';
  }
  const functions = (chain: readonly DebugLine[]) => chain.map((line) => line.function).join(' < ');
  const isOverlap = ours.length > 1 && functions(ours) === functions(theirs);
  return isOverlap && show(ours.slice(0, 1)) === show(theirs.slice(0, 1)) ? 'overlap' : 'different';
}

/** Those of the addresses at which a tool does not say what we say. */
function judge(
  program: 'addr2line' | 'eu-addr2line',
  path: string,
  file: DebugFile,
  section: CodeSection,
  offsets: readonly number[],
  isPadding: (section: CodeSection, offset: number) => boolean,
): string[] {
  if (offsets.length === 0) {
    return [];
  }
  const theirs = askTool(program, path, section, offsets, isUnlinked(section));
  return offsets.flatMap((offset, index) => {
    const ours = linesAt(file, section, offset);
    const kind = classify(ours, theirs[index] ?? [], isPadding(section, offset));
    return kind === 'same' || kind === 'padding' || kind === 'asm-name'
      ? []
      : [`${section.name}+${offset}: ${show(ours)} | ${show(theirs[index] ?? [])}`];
  });
}

/** Whether chains differ only in which name of a function at its address they give. */
function isAlias(
  file: DebugFile,
  section: CodeSection,
  offset: number,
  ours: readonly DebugLine[],
  theirs: readonly DebugLine[],
): boolean {
  const isHere = (symbol: DebugSymbol) =>
    symbol.section === section.name && offset >= symbol.offset && offset < symbol.offset + symbol.size;
  return (
    ours.length === theirs.length &&
    ours.every(({ function: name, path, line }, index) => {
      const other = theirs[index];
      if (other === undefined || path !== other.path || line !== other.line) {
        return false;
      }
      if (isNameFor(other.function, name)) {
        return true;
      }
      // `init_module` may be the only symbol of a function that the source calls otherwise.
      const own = file.symbols(name);
      return file
        .symbols(other.function)
        .some((one) => (own.length === 0 ? isHere(one) : own.some((symbol) => isSamePlace(symbol, one))));
    })
  );
}

function isSamePlace(a: DebugSymbol, b: DebugSymbol): boolean {
  return a.section === b.section && a.offset === b.offset;
}

/** Whether the file has no addresses yet, only sections. */
function isUnlinked({ address }: CodeSection): boolean {
  return address === 0n;
}

function linesAt(file: DebugFile, section: CodeSection, offset: number): DebugLine[] {
  return file.kind === 'module'
    ? file.at({ section: section.name, offset })
    : file.atVirtual(section.address + BigInt(offset));
}
