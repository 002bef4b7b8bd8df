import type { Fetch, FetchType } from '../../tracing/arguments.ts';

/** Names of a register for `reg()` (bpftrace, src/arch): those of struct pt_regs on x86-64, `r0` for arm64's `x0`. */
function register(name: string, machine: string): string {
  const bare = name.slice(1);
  return `reg("${machine === 'aarch64' ? bare.replace(/^x/, 'r') : bare}")`;
}

/**
 * An argument's value in the words of bpftrace, as a number of 64 bits or a string; null for a place that it
 * cannot name.
 */
export function bpftraceValue(fetch: Fetch, machine: string): string | null {
  const { type } = fetch;
  const place = fetch.place ?? (type === 'string' ? `+0(${fetch.register})` : fetch.register);
  const memory = /^\+(\d{1,9})\((.*)\)$/s.exec(place);
  if (memory === null) {
    const value = address(place, machine);
    return value === null || type === 'string' ? null : widened(type, `(${narrow(type)})${value}`);
  }
  const [, offset = '0', inner = ''] = memory;
  const base = address(inner, machine);
  if (base === null) {
    return null;
  }
  const at = offset === '0' ? base : `(${base} + ${offset})`;
  return type === 'string' ? `str(${at})` : widened(type, `(*(${narrow(type)}*)${at})`);
}

/** The 64 bits that a place of Documentation/trace/kprobetrace.rst holds. */
function address(place: string, machine: string): string | null {
  const memory = /^\+(\d{1,9})\((.*)\)$/s.exec(place);
  if (memory !== null) {
    const inner = address(memory[2] ?? '', machine);
    return inner === null ? null : `(*(uint64*)(${inner} + ${memory[1]}))`;
  }
  const stack = /^\$stack(\d{1,3})$/.exec(place);
  if (stack !== null) {
    return `(*(uint64*)(reg("sp") + ${Number(stack[1]) * 8}))`;
  }
  return /^%[a-z][a-z0-9]{1,3}$/.test(place) ? register(place, machine) : null;
}

/** The type of bpftrace with these bits. */
function narrow(type: Exclude<FetchType, 'string'>): string {
  return `${type.startsWith('s') ? '' : 'u'}int${type.slice(1)}`;
}

/** With 64 bits: older versions print a narrow negative number as if it had no sign. */
function widened(type: Exclude<FetchType, 'string'>, value: string): string {
  const bits = type.slice(1);
  return bits === '64' ? value : `(${type.startsWith('s') ? '' : 'u'}int64)${value}`;
}

/** What a function returned, by its type. */
export function bpftraceReturn(type: Exclude<FetchType, 'string'>): string {
  return widened(type, `(${narrow(type)})retval`);
}
