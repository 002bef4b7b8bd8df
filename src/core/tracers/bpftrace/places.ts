import type { Fetch, FetchType } from '../../tracing/arguments.ts';

/** How a kind of probe names what a function was entered with. */
export interface Entry {
  /** 64 bits of an argument, by the register that brings it: `%di`; null where it has no name. */
  register(name: string): string | null;
  /** The stack pointer; null where it cannot be known. */
  readonly stack: string | null;
}

/** In a kprobe: names of registers for `reg()` (bpftrace, src/arch) are those of struct pt_regs on x86-64, `r0` for arm64's `x0`. */
export function registers(machine: string): Entry {
  return {
    register: (name) => {
      const bare = name.slice(1);
      return `reg("${machine === 'aarch64' ? bare.replace(/^x/, 'r') : bare}")`;
    },
    stack: 'reg("sp")',
  };
}

/**
 * In an fentry probe, which has no registers: arguments are members of `args`.
 * @param names of the arguments in the build's BTF, by register
 * @param args `args.`, before bpftrace 0.19 `args->`
 */
export function typedArguments(names: ReadonlyMap<string, string>, args: string): Entry {
  return {
    register: (name) => {
      const found = names.get(name);
      return found === undefined ? null : `((uint64)${args}${found})`;
    },
    stack: null,
  };
}

/** `+8(%di)`: what lies so many bytes from where a place points. */
const MEMORY = /^([+-])(\d{1,9})\((.*)\)$/s;

/**
 * An argument's value in the words of bpftrace, as a number of 64 bits or a string; null for a place that it
 * cannot name.
 */
export function bpftraceValue(fetch: Fetch, entry: Entry): string | null {
  const { type } = fetch;
  const place = fetch.place ?? (type === 'string' ? `+0(${fetch.register})` : fetch.register);
  const memory = MEMORY.exec(place);
  if (memory === null) {
    const value = address(place, entry);
    return value === null || type === 'string' ? null : widened(type, `(${narrow(type)})${value}`);
  }
  const [, sign, offset = '0', inner = ''] = memory;
  const base = address(inner, entry);
  if (base === null) {
    return null;
  }
  const at = offset === '0' ? base : `(${base} ${sign} ${offset})`;
  return type === 'string' ? `str(${at})` : widened(type, `(*(${narrow(type)}*)${at})`);
}

/** The 64 bits that a place of Documentation/trace/kprobetrace.rst holds. */
function address(place: string, entry: Entry): string | null {
  const memory = MEMORY.exec(place);
  if (memory !== null) {
    const inner = address(memory[3] ?? '', entry);
    return inner === null ? null : `(*(uint64*)(${inner} ${memory[1]} ${memory[2]}))`;
  }
  const stack = /^\$stack(\d{1,3})$/.exec(place);
  if (stack !== null) {
    return entry.stack === null ? null : `(*(uint64*)(${entry.stack} + ${Number(stack[1]) * 8}))`;
  }
  return /^%[a-z][a-z0-9]{1,3}$/.test(place) ? entry.register(place) : null;
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
