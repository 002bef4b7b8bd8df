/** Which addresses can stand in a stack: those behind a call, as objdump names it. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { endsWithCall } from '../../src/core/symbols/call-before.ts';
import { variantFile } from './variants.ts';

interface Instruction {
  readonly bytes: Uint8Array;
  readonly mnemonic: string;
}

/** All instructions in order: `  1095:	e8 46 05 00 00       	call   15e0 <report>`; arm64's bytes are one word. */
function disassemble(program: string, file: string): Instruction[] {
  const text = execFileSync(program, ['--disassemble', '--wide', '--insn-width=16', file], {
    encoding: 'utf8',
  });
  const row = /^\s*[0-9a-f]+:\t((?:[0-9a-f]{2} )+|[0-9a-f]{8}) *\t(?:bnd )?(\S+)/gm;
  return [...text.matchAll(row)].map(([, hex = '', mnemonic = '']) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    return { bytes: hex.includes(' ') ? bytes : bytes.reverse(), mnemonic };
  });
}

/** What is said behind each instruction, with all bytes before it at hand. */
function answers(instructions: readonly Instruction[], machine: 'x86-64' | 'arm64'): boolean[] {
  const code = Buffer.concat(instructions.map(({ bytes }) => bytes));
  let end = 0;
  return instructions.map(({ bytes }) => {
    end += bytes.length;
    return endsWithCall(code.subarray(Math.max(0, end - 16), end), machine);
  });
}

it('is told of all calls of x86-64, and of few other instructions', () => {
  const all = disassemble('objdump', variantFile('program-gcc'));
  const said = answers(all, 'x86-64');
  const isCall = all.map(({ mnemonic }) => mnemonic.startsWith('call'));
  expect(isCall.filter(Boolean).length).toBeGreaterThan(15);
  expect(all.filter((_, at) => isCall[at] && !said[at])).toEqual([]);
  // Bytes of an immediate may look like a call.
  expect(said.filter((one, at) => one && !isCall[at]).length).toBeLessThan(all.length / 50);
});

it('is told of the calls of arm64, and of nothing else', () => {
  const all = disassemble('aarch64-linux-gnu-objdump', variantFile('arm64-gcc-5'));
  const isCall = all.map(({ mnemonic }) => mnemonic === 'bl' || mnemonic.startsWith('blr'));
  expect(isCall.filter(Boolean).length).toBeGreaterThan(5);
  expect(answers(all, 'arm64')).toEqual(isCall);
});
