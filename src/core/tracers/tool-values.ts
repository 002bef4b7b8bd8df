import type { Fetch, FetchType } from '../tracing/arguments.ts';
import type { ArgumentValue, ReturnedValue } from '../tracing/events.ts';
import { isErrorValue, type ReturnKind } from '../tracing/return-type.ts';
import { detached } from '../tracing/stack-pool.ts';
import { showValue } from '../tracing/values/show-value.ts';
import { errnoName } from '../zfs/errno.ts';
import type { ToolRequest } from './tool-request.ts';

/** UTF-16 units of a value that are kept. */
const MAX_VALUE = 256;

/** Arguments as a call has them. @param texts what was printed for each fetch, in their order; fewer when a line was cut */
export function toolArguments(
  { fixed }: Pick<ToolRequest, 'fixed'>,
  fetches: readonly Fetch[],
  texts: readonly string[],
): ArgumentValue[] {
  const byIndex = new Map<number, ArgumentValue>(fixed.map(({ index, value }) => [index, value]));
  for (const [i, { index, name, type, show }] of fetches.entries()) {
    const text = texts[i];
    if (text !== undefined) {
      const shown = type === 'string' ? `"${text}"` : show === undefined ? text : showValue(show, text);
      byIndex.set(index, { name, value: kept(shown) });
    }
  }
  return [...byIndex].sort(([a], [b]) => a - b).map(([, argument]) => argument);
}

/** @param text decimal or hexadecimal as its type has it; empty for a function that returns nothing */
export function toolReturn(text: string, kind: ReturnKind): ReturnedValue {
  const value = kept(text);
  if (!/^(?:-?\d{1,20}|0x[0-9a-f]{1,16})$/.test(text)) {
    return { value, errno: null };
  }
  const number = BigInt(text);
  return {
    value,
    errno: isErrorValue(number, kind) ? errnoName(Number(BigInt.asIntN(64, number))) : null,
  };
}

function kept(value: string): string {
  return detached(value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value);
}

/** How printf() shows a value of 64 bits, or a string, in C and in bpftrace. */
export function printfFormat(type: FetchType): string {
  if (type === 'string') {
    return '%s';
  }
  return type === 'x64' ? '0x%llx' : type.startsWith('s') ? '%lld' : '%llu';
}
