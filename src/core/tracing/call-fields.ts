import type { FetchType } from './arguments.ts';
import type { ArgumentValue, ReturnedValue } from './events.ts';
import type { EventRole } from './program/programs.ts';
import { keptValue, returnedValue } from './values/kept-value.ts';
import { showValue } from './values/show-value.ts';

/** What the fetches of one event say. */
export interface CallFields {
  readonly values: readonly ArgumentValue[];
  readonly comm: string | null;
  /** Stack pointer as printed; empty where it was not fetched. */
  readonly pointer: string;
  readonly returned: ReturnedValue | null;
}

/**
 * Reads what follows the place in a line of a kprobe event: ` k=0x... r=5 a0=... c="..."`. Integers come
 * first, then strings, then the comm: what may hold anything comes last.
 */
export function readCallFields(text: string, { program, at }: EventRole): CallFields {
  const end = text.lastIndexOf(' c="');
  const comm = end >= 0 && text.endsWith('"') && text.length > end + 4 ? text.slice(end + 4, -1) : null;
  let rest = comm === null ? text : text.slice(0, end);
  const word = (key: string): string | null => {
    const start = ` ${key}=`;
    if (!rest.startsWith(start)) {
      return null;
    }
    const space = rest.indexOf(' ', start.length);
    const value = rest.slice(start.length, space < 0 ? rest.length : space);
    rest = space < 0 ? '' : rest.slice(space);
    return value;
  };
  const pointer = word('k') ?? '';
  const value = word('r');
  const returned = value === null || program.returns === null ? null : returnedValue(value, program.returns);
  const byIndex = new Map<number, ArgumentValue>(
    at === 'return' ? [] : program.fixed.map(({ index, value }) => [index, value]),
  );
  const fetches = at === 'return' ? [] : program.fetches;
  for (const [i, { index, name, type, show, add = 0 }] of fetches.entries()) {
    const key = ` a${index}=`;
    if (!rest.startsWith(key)) {
      break;
    }
    rest = rest.slice(key.length);
    let length = rest.indexOf(' ');
    if (type === 'string') {
      const next = fetches[i + 1];
      length = next === undefined ? -1 : rest.indexOf(` a${next.index}=`);
    }
    const fetched = length < 0 ? rest : rest.slice(0, length);
    rest = rest.slice(fetched.length);
    const value = add === 0 ? fetched : sumOf(fetched, add, type);
    byIndex.set(index, { name, value: keptValue(show === undefined ? value : showValue(show, value)) });
  }
  const values = [...byIndex].sort(([a], [b]) => a - b).map(([, argument]) => argument);
  return { values, comm: comm === null ? null : keptValue(comm), pointer, returned };
}

/** A number with another added to it, in the width and the form that it was fetched in; anything else as it is. */
export function sumOf(text: string, add: number, type: FetchType): string {
  if (!/^(?:-?\d{1,20}|0x[0-9a-f]{1,16})$/.test(text)) {
    return text;
  }
  const bits = Number(type.slice(1));
  const sum = BigInt(text) + BigInt(add);
  return type.startsWith('x')
    ? `0x${BigInt.asUintN(bits, sum).toString(16)}`
    : `${type.startsWith('s') ? BigInt.asIntN(bits, sum) : BigInt.asUintN(bits, sum)}`;
}
