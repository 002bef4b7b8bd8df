import type { Parameter } from '../symbols/location.ts';
import type { ValueType } from '../symbols/value-type.ts';

/** How an argument is fetched and printed: a type of Documentation/trace/kprobetrace.rst. */
export type FetchType = 'x64' | 'u8' | 's8' | 'u16' | 's16' | 'u32' | 's32' | 'u64' | 's64' | 'string';

export interface Fetch {
  /** Index of the parameter. */
  readonly index: number;
  /** Name to show. */
  readonly name: string;
  readonly type: FetchType;
  /** Where it is at the function's entry: `%di`. */
  readonly register: string;
  /** The whole place where it is not just the register: `+8(%di)`, for a string the address of its first character. */
  readonly place?: string;
  /** Is added to what is fetched: the value itself is nowhere. */
  readonly add?: number;
  /** What it is, where debug info tells: decides how it is shown. */
  readonly show?: ValueType;
}

/** Integer and pointer arguments in order: System V x86-64 psABI 3.2.3, AAPCS64 6.8.2. */
const REGISTERS: Readonly<Record<string, readonly string[]>> = {
  x86_64: ['%di', '%si', '%dx', '%cx', '%r8', '%r9'],
  aarch64: ['%x0', '%x1', '%x2', '%x3', '%x4', '%x5', '%x6', '%x7'],
};

/** Empty for a machine that is not known. @param machine `uname -m` */
export function argumentRegisters(machine: string): readonly string[] {
  return REGISTERS[machine] ?? [];
}

/** Scalar types that ZFS and Linux pass by value, by the width that is sure to be theirs. */
const SCALARS: Readonly<Record<FetchType, string>> = {
  x64: 'uintptr_t intptr_t caddr_t zio_flag_t',
  u8: 'bool _Bool u8 __u8 uint8_t uchar_t unsigned_char',
  s8: 'char s8 int8_t signed_char',
  u16: 'u16 __u16 uint16_t ushort_t umode_t unsigned_short unsigned_short_int',
  s16: 's16 int16_t short short_int',
  u32: 'u32 __u32 uint32_t uint_t unsigned unsigned_int gfp_t dev_t mode_t uid_t gid_t minor_t major_t',
  s32:
    's32 int32_t int signed signed_int boolean_t pid_t krw_t zio_type_t zio_priority_t ' +
    'dmu_object_type_t dmu_objset_type_t spa_load_state_t pool_state_t vdev_state_t ' +
    'dsl_scan_flags_t zfs_prop_t zpool_prop_t dbuf_state_t txg_wait_flag_t zil_logstate_t',
  u64: 'u64 __u64 uint64_t size_t u_longlong_t ulong_t unsigned_long unsigned_long_int unsigned_long_long ino_t zfs_uint64_t diskaddr_t',
  s64: 's64 __s64 int64_t ssize_t off_t loff_t offset_t long long_int long_long longlong_t hrtime_t clock_t ptrdiff_t time_t time64_t ktime_t',
  string: '',
};

const BY_NAME: ReadonlyMap<string, FetchType> = new Map(
  (Object.keys(SCALARS) as FetchType[]).flatMap((type) =>
    SCALARS[type].split(' ').map((name): [string, FetchType] => [name.replaceAll('_', ' '), type]),
  ),
);

/**
 * Where the arguments of a function are when it is entered, as far as that is sure. A parameter whose
 * type may be a structure passed by value ends the list, since it may take two registers or none;
 * so does the end of the argument registers. Clones made by GCC (`.isra`, `.constprop`, `.part`)
 * have parameters of their own, so nothing is known of theirs.
 * @param machine `uname -m`
 */
export function fetchArguments(
  symbol: string,
  parameters: readonly Parameter[] | null,
  machine: string,
): Fetch[] {
  const registers = REGISTERS[machine] ?? [];
  const fetches: Fetch[] = [];
  if (parameters === null || isChangedClone(symbol)) {
    return fetches;
  }
  for (const [index, parameter] of parameters.entries()) {
    const register = registers[index];
    const type = fetchType(parameter.type);
    if (register === undefined || type === null) {
      break;
    }
    fetches.push({ index, name: parameter.name === '' ? `arg${index + 1}` : parameter.name, type, register });
  }
  return fetches;
}

/** True for a symbol whose parameters are not those of the source: a clone that GCC cut or changed. */
function isChangedClone(symbol: string): boolean {
  return /\.(?:isra|constprop|part|cold)\b/.test(symbol);
}

/** Null for a type that may be anything, `void` and `...` among them. */
export function fetchType(declared: string): FetchType | null {
  const type = declared
    .replace(/\b(?:const|volatile|restrict|__restrict|__restrict__|register|__user|__iomem)\b/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/ ?\* ?/g, '*')
    .trim();
  if (/^(?:(?:un)?signed )?char(?:\*| ?\[[^\][]*\])$/.test(type)) {
    return 'string';
  }
  if (/[*[(]/.test(type)) {
    return 'x64';
  }
  if (/^enum \w+$/.test(type)) {
    return 's32';
  }
  return BY_NAME.get(type.replaceAll('_', ' ')) ?? null;
}

/** One fetch as kprobe_events takes it. The kernel gets `a0`, `a1`: source names may be reserved there. */
export function formatFetch(fetch: Fetch): string {
  const place = fetch.place ?? (fetch.type === 'string' ? `+0(${fetch.register})` : fetch.register);
  return `a${fetch.index}=${place}:${fetch.type}`;
}

/**
 * An argument as a return probe gets it, since Linux 6.9: the kernel keeps the register from the entry
 * (kprobetrace.rst, `$argN`). What is behind a pointer may be gone by then, so a string is its address. Null for
 * what is in no register.
 */
export function argumentAtReturn(fetch: Fetch, machine: string): Fetch | null {
  const number = (REGISTERS[machine] ?? []).indexOf(fetch.register);
  const { show, ...bare } = fetch;
  if (number < 0) {
    return null;
  }
  if (fetch.type === 'string') {
    return { ...bare, type: 'x64', place: `$arg${number + 1}` };
  }
  return (fetch.place ?? fetch.register) === fetch.register ? { ...fetch, place: `$arg${number + 1}` } : null;
}
