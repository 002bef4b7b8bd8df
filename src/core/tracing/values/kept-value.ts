import { errnoName } from '../../zfs/errno.ts';
import type { ReturnedValue } from '../events.ts';
import { isErrorValue, type ReturnKind } from '../return-type.ts';
import { detached } from '../stack-pool.ts';

/** UTF-16 units of a value or a comm that are kept: a string of the kernel may have thousands. */
const MAX_VALUE = 256;

/** A value as an event keeps it: cut where it is long, and without the text around it. */
export function keptValue(value: string): string {
  return detached(value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value);
}

/** @param text decimal or hexadecimal as its type has it; empty for a function that returns nothing */
export function returnedValue(text: string, kind: ReturnKind): ReturnedValue {
  const value = keptValue(text);
  if (!/^(?:-?\d{1,20}|0x[0-9a-f]{1,16})$/.test(text)) {
    return { value, errno: null };
  }
  const number = BigInt(text);
  return {
    value,
    errno: isErrorValue(number, kind) ? errnoName(Number(BigInt.asIntN(64, number))) : null,
  };
}
