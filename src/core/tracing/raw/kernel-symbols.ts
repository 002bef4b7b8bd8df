import type { Frame } from '../../stack/frame.ts';
import { parseFrame } from '../../stack/proc-stack.ts';

/** Addresses that are remembered: a traced function is called from few places. */
const MOST_KNOWN = 65_536;
/** Addresses that are asked for at a time. */
export const MOST_ASKED = 1000;

/**
 * The frames at addresses of a running kernel. Addresses are 64-bit numbers in two's complement, which for those of
 * kernels are small negative numbers.
 */
export class KernelSymbols {
  readonly #known = new Map<number, Frame>();
  /** Asked for or to be asked for, by address, as 16 hexadecimal digits. */
  readonly #missing = new Map<number, string>();
  #isGivenUp = false;

  /** @param address hexadecimal, as the kernel prints it */
  learn(address: string, frame: Frame): void {
    this.#learn(Number(BigInt.asIntN(64, BigInt(`0x${address}`))), frame);
  }

  #learn(address: number, frame: Frame): void {
    if (this.#known.size >= MOST_KNOWN) {
      this.#known.clear();
    }
    this.#known.set(address, frame);
    this.#missing.delete(address);
  }

  /** Null for one that is not known; it is missing from now on. @param hex gives the digits of the address */
  at(address: number, hex: () => string): Frame | null {
    const frame = this.#known.get(address);
    if (frame !== undefined) {
      return frame;
    }
    if (this.#isGivenUp) {
      const nameless = namelessFrame(hex());
      this.#learn(address, nameless);
      return nameless;
    }
    if (!this.#missing.has(address) && this.#missing.size < MOST_ASKED) {
      this.#missing.set(address, hex());
    }
    return null;
  }

  /** Those to ask for, ascending. */
  get missing(): readonly string[] {
    return [...this.#missing.values()].sort();
  }

  /** Whether no more are asked for at a time. */
  get isFull(): boolean {
    return this.#missing.size >= MOST_ASKED;
  }

  /** Whether addresses are shown as they are from now on. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** What was missing and has no answer is a frame without a name. @param which of the missing ones, or of all to come too */
  giveUp(which: 'for now' | 'for good'): void {
    this.#isGivenUp ||= which === 'for good';
    for (const [address, hex] of [...this.#missing]) {
      this.#learn(address, namelessFrame(hex));
    }
  }
}

/** The address itself, as the kernel prints it. */
function namelessFrame(hex: string): Frame {
  return { symbol: `0x${hex}`, offset: 0, size: null, module: null, reliable: true };
}

/** `ffffffffc0a1b23d zil_commit+0x3d/0x110 [zfs]`: an answer to what was missing. */
const ANSWER = /^([0-9a-f]{16}) (\S.*)$/;

/** Takes in what the target says of addresses, one a line; the rest of the missing ones has no name. */
export function takeSymbols(symbols: KernelSymbols, text: string): void {
  for (const line of text.split('\n')) {
    const [, address, named = ''] = ANSWER.exec(line) ?? [];
    const frame = address === undefined ? null : parseFrame(named);
    if (address !== undefined && frame !== null) {
      symbols.learn(address, frame);
    }
  }
  symbols.giveUp('for now');
}
