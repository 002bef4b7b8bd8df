/** Where gdb finds a variable at an instruction, in our form. */
import { spawnSync } from 'node:child_process';
import type { EntryLocation } from '../../src/core/symbols/dwarf/parameters.ts';

/** A variable of the function that is innermost at an instruction. */
export interface Asked {
  /** Symbol of the function whose code it is in. */
  readonly symbol: string;
  readonly offset: number;
  readonly name: string;
}

/** A value in the making: `add` and what was read last. */
interface Value {
  /** Null for a constant. */
  readonly register: number | null;
  readonly reads: readonly bigint[];
  readonly add: bigint;
}

/** As gdb numbers the registers of x86-64 (gdb/amd64-tdep.h). */
const REGISTERS = 'rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15'.split(' ');

/**
 * Asks with any process whose program counter is set: gdb then makes the code that would fetch the variable there
 * (gdb, "The GDB Agent Expression Mechanism"), and has to know where the frame is. `unknown` where it says that there is
 * none; null where its answer is of another kind.
 */
export function gdbPlaces(file: string, asked: readonly Asked[]): (EntryLocation | null)[] {
  const script = [
    'set confirm off',
    'set pagination off',
    'exec-file /bin/true',
    'starti',
    `symbol-file ${file}`,
    // Frames of any size, from either of them, are to lie in the stack that the process has.
    'set $rsp = $rsp - 65536',
    'set $rbp = $rsp + 8192',
    ...asked.flatMap(({ symbol, offset, name }, i) => [
      `set $pc = (long)&'${symbol}' + ${offset}`,
      `echo \\n== ${i}\\n`,
      `maint agent-eval ${name}`,
    ]),
    'echo \\n== end\\n',
    'kill',
  ];
  const answers = answersOf(script);
  return asked.map((_, i) => placeIn(answers.get(i) ?? ''));
}

/** How many variables of the name are in scope there: of several gdb may mean another one. */
export function gdbNamesakes(file: string, { symbol, offset, name }: Asked): number {
  const script = [`file ${file}`, 'echo \\n== 0\\n', `info scope *((char*)&'${symbol}'+${offset})`];
  const answer = answersOf(script).get(0) ?? '';
  return answer.split('\n').filter((line) => line.startsWith(`Symbol ${name} is `)).length;
}

/** What gdb says behind each mark, by its number. */
function answersOf(script: readonly string[]): Map<number, string> {
  // In one stream, as a person sees them: why there is no answer is an error.
  const { stdout, error } = spawnSync('sh', ['-c', 'exec gdb -nx -q 2>&1'], {
    input: `${script.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error) throw error;
  return new Map(stdout.split(/^== /m).map((part): [number, string] => [Number.parseInt(part, 10), part]));
}

function placeIn(answer: string): EntryLocation | null {
  if (/optimized out|No symbol/.test(answer)) {
    return { kind: 'unknown' };
  }
  const stack: Value[] = [];
  for (const [, word = '', operand = '0'] of answer.matchAll(/^\s*\d+ {2}([a-z_]+\d*)(?: (\d+))?\s*$/gm)) {
    const [top, below] = [stack.at(-1), stack.at(-2)];
    if (word === 'end') {
      return top === undefined ? null : locationOf(top);
    }
    if (word === 'reg') {
      stack.push({ register: Number(operand), reads: [], add: 0n });
    } else if (/^const\d+$/.test(word)) {
      stack.push({ register: null, reads: [], add: BigInt(operand) });
    } else if (word === 'ext' && top !== undefined) {
      // Of a value from elsewhere it is the type's own sign.
      const add = top.register === null ? BigInt.asIntN(Number(operand), top.add) : top.add;
      stack.splice(-1, 1, { ...top, add });
    } else if (/^ref\d+$/.test(word) && top !== undefined && top.register !== null) {
      stack.splice(-1, 1, { ...top, reads: [...top.reads, top.add], add: 0n });
    } else if (word === 'add' && top?.register === null && below !== undefined) {
      stack.splice(-2, 2, { ...below, add: below.add + top.add });
    } else if (word !== 'zero_ext') {
      return null;
    }
  }
  return null;
}

function locationOf({ register, reads, add }: Value): EntryLocation | null {
  if (register === null) {
    return { kind: 'constant', value: Number(add) };
  }
  const name = REGISTERS[register];
  if (name === undefined) {
    return null;
  }
  const [first = 0, ...more] = reads.map(Number);
  if (reads.length === 0) {
    return add === 0n
      ? { kind: 'register', register: name }
      : { kind: 'sum', register: name, offset: Number(add) };
  }
  return reads.length === 1 && add === 0n
    ? { kind: 'memory', register: name, offset: first }
    : { kind: 'loaded', register: name, offsets: [first, ...more], add: Number(add) };
}
