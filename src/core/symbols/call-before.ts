/** Whether code calls right before an address: a stack's addresses are where calls return to. */

/** The longest call of x86-64 without prefixes, and that of arm64. */
export const LONGEST_CALL = 7;

/** @param bytes code that ends where the address is; {@link LONGEST_CALL} of them tell all */
export function endsWithCall(bytes: Uint8Array, machine: 'x86-64' | 'arm64'): boolean {
  return machine === 'arm64' ? endsWithBranchAndLink(bytes) : endsWithX86Call(bytes);
}

/**
 * Where a module calls through a pointer it has CALL rel32 of a thunk (__x86_indirect_thunk_rax), and on a processor that needs
 * no thunks the kernel puts CALL r64 in its place, which is shorter (arch/x86/kernel/alternative.c, apply_retpolines):
 * so that the call returns into the five bytes that the file has. A thunk is in the kernel: its address is not in the file.
 * @param bytes code of a module's file around the address; @param at index of the address in it
 */
export function isInThunkCall(bytes: Uint8Array, at: number): boolean {
  // CALL r64 has two bytes, or three; the file's may have a prefix before it.
  return [at - 3, at - 2, at - 1].some(
    (start) =>
      bytes[start] === 0xe8 &&
      start + 5 <= bytes.length &&
      bytes.subarray(start + 1, start + 5).every((byte) => byte === 0),
  );
}

/** CALL rel32, and CALL r/m64 (Intel SDM, volume 2, "CALL" and "ModR/M and SIB Bytes"). */
function endsWithX86Call(bytes: Uint8Array): boolean {
  const end = bytes.length;
  return (
    bytes[end - 5] === 0xe8 ||
    [2, 3, 4, 6, 7].some(
      (length) => bytes[end - length] === 0xff && indirectCallLength(bytes.subarray(end - length)) === length,
    )
  );
}

/** Bytes of the FF /2 that stands here; 0 for another instruction. */
function indirectCallLength([, modRm = 0, sib = 0]: Uint8Array): number {
  if (((modRm >> 3) & 7) !== 2) {
    return 0;
  }
  const mode = modRm >> 6;
  const operand = modRm & 7;
  if (mode === 3) {
    return 2;
  }
  const withSib = operand === 4 ? 3 : 2;
  const hasLongBase = mode === 0 && (operand === 5 || (operand === 4 && (sib & 7) === 5));
  return withSib + (hasLongBase || mode === 2 ? 4 : mode);
}

/** BL, BLR and its authenticating forms (Arm ARM, C6.2). */
function endsWithBranchAndLink(bytes: Uint8Array): boolean {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(-4);
  const word = (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  return (
    word >>> 26 === 0x25 ||
    (word & 0xfffffc1f) >>> 0 === 0xd63f0000 ||
    (word & 0xfefff800) >>> 0 === 0xd63f0800
  );
}
