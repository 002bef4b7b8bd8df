import type { Fetch, FetchType } from '../tracing/arguments.ts';
import { sumOf } from '../tracing/call-fields.ts';
import type { ArgumentValue } from '../tracing/events.ts';
import { keptValue } from '../tracing/values/kept-value.ts';
import { showValue } from '../tracing/values/show-value.ts';
import type { ToolRequest } from './tool-request.ts';

/** Arguments as a call has them. @param texts what was printed for each fetch, in their order; fewer when a line was cut */
export function toolArguments(
  { fixed }: Pick<ToolRequest, 'fixed'>,
  fetches: readonly Fetch[],
  texts: readonly string[],
): ArgumentValue[] {
  const byIndex = new Map<number, ArgumentValue>(fixed.map(({ index, value }) => [index, value]));
  for (const [i, { index, name, type, show, add = 0 }] of fetches.entries()) {
    const text = texts[i];
    if (text !== undefined) {
      const value = add === 0 ? text : sumOf(text, add, type);
      const shown = type === 'string' ? `"${text}"` : show === undefined ? value : showValue(show, value);
      byIndex.set(index, { name, value: keptValue(shown) });
    }
  }
  return [...byIndex].sort(([a], [b]) => a - b).map(([, argument]) => argument);
}

/** How printf() shows a value of 64 bits, or a string, in C and in bpftrace. */
export function printfFormat(type: FetchType): string {
  if (type === 'string') {
    return '%s';
  }
  return type === 'x64' ? '0x%llx' : type.startsWith('s') ? '%lld' : '%llu';
}
