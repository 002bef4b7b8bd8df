import { describe, expect, it } from 'vitest';
import { endsWithCall, isInThunkCall } from '../../../../src/core/symbols/call-before.ts';

const CALL_OF_OTHER_FILE = [0xe8, 0, 0, 0, 0];

describe('a call before an address', () => {
  it('is one of x86-64: direct, by a register, through memory', () => {
    const isCall = (...bytes: readonly number[]) => endsWithCall(Uint8Array.from(bytes), 'x86-64');
    expect(isCall(0x90, 0xe8, 1, 2, 3, 4)).toBe(true);
    expect(isCall(0x90, 0x90, 0x90, 0xff, 0xd0)).toBe(true);
    expect(isCall(0xff, 0x15, 1, 2, 3, 4)).toBe(true);
    expect(isCall(0x90, 0x90, 0x90, 0x90, 0x90)).toBe(false);
  });

  it('is one of the kernel in the place of a thunk, which returns into what the file has', () => {
    const code = Uint8Array.from([0x90, 0x90, 0x90, ...CALL_OF_OTHER_FILE, 0x90, 0x90]);
    const inThunk = [...code.keys()].filter((at) => isInThunkCall(code, at));
    // Two bytes, or three, from its start; one where it has a prefix.
    expect(inThunk).toEqual([4, 5, 6]);
    expect(isInThunkCall(Uint8Array.from([0x90, 0xe8, 1, 2, 3, 4]), 3)).toBe(false);
    expect(isInThunkCall(code.subarray(0, 7), 5)).toBe(false);
  });
});
