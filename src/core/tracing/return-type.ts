import type { ValueType } from '../symbols/value-type.ts';
import { type FetchType, fetchType } from './arguments.ts';

/** Lines before the name that may hold the type: attributes and macros take some of their own. */
const MOST_LINES = 6;

/** Words before a definition's type that are no part of it. */
const NOT_TYPE =
  /\b(?:static|extern|inline|__inline|__inline__|__always_inline|noinline|__init|__exit|__cold|__must_check|_?_?attribute_?_?\s*\(\(.*?\)\)|__attribute__\s*\(\(.*?\)\))(?=\s|\*|$)/g;

/**
 * The type that a function's definition declares, from its source; null when it is not plain to see.
 * @param line 1-based line of the function's name
 */
export function declaredReturn(source: readonly string[], line: number, name: string): string | null {
  const own = source[line - 1] ?? '';
  const at = own.search(new RegExp(`\\b${name.replace(/\W/g, '')}\\b`));
  if (at < 0) {
    return null;
  }
  let text = own.slice(0, at);
  for (let above = line - 2; above >= Math.max(0, line - 1 - MOST_LINES); above--) {
    const before = (source[above] ?? '').trim();
    if (before === '' || /[;}{#]|\*\/$|^\/\/|^\*/.test(before) || before.endsWith('\\')) {
      break;
    }
    if (text.replace(NOT_TYPE, '').trim() !== '') {
      break;
    }
    text = `${before} ${text}`;
  }
  const type = text.replace(NOT_TYPE, ' ').replace(/\s+/g, ' ').trim();
  return /^[A-Za-z_][\w ]*(?: ?\*)*$/.test(type) ? type.replace(/ ?\*/g, ' *').replace(/\* \*/g, '**') : null;
}

/** How a return value is fetched, and which of its values mean an error. */
export interface ReturnKind {
  /** Null for a function that returns nothing. */
  readonly type: Exclude<FetchType, 'string'> | null;
  /**
   * `both`: positive as in ZFS, negative as in Linux; `negative`: sizes and offsets, and pointers
   * (include/linux/err.h); `none`: a truth or a constant of an enumeration.
   */
  readonly errors: 'both' | 'negative' | 'none';
  /** False when no source says what it returns: it is taken for an int. */
  readonly isKnown: boolean;
}

/** @param declared as {@link declaredReturn} found it; null when it is not known */
export function returnKind(declared: string | null): ReturnKind {
  if (declared === null) {
    return { type: 's32', errors: 'both', isKnown: false };
  }
  if (declared === 'void') {
    return { type: null, errors: 'none', isKnown: true };
  }
  const type = fetchType(declared);
  if (type === null) {
    return { type: 'x64', errors: 'none', isKnown: true };
  }
  if (type === 'string' || type === 'x64') {
    return { type: 'x64', errors: 'negative', isKnown: true };
  }
  if (type === 's64') {
    return { type, errors: 'negative', isKnown: true };
  }
  const isError = /^(?:const )?(?:signed )?(?:int|int32_t|errno_t|zfs_errno_t)$/.test(declared);
  return { type, errors: isError ? 'both' : 'none', isKnown: true };
}

/** The same as debug info has it; null for a function that returns nothing. */
export function typedReturn(type: ValueType | null): ReturnKind {
  if (type === null) {
    return { type: null, errors: 'none', isKnown: true };
  }
  if (type.kind === 'text' || type.kind === 'pointer') {
    return { type: 'x64', errors: 'negative', isKnown: true };
  }
  const bits = ({ 1: 8, 2: 16, 4: 32, 8: 64 } as const)[type.size];
  const isSigned = type.kind !== 'bool' && type.isSigned;
  const isNumber = type.kind === 'integer' && type.isSigned && type.means !== 'flags';
  return {
    type: isSigned ? `s${bits}` : `u${bits}`,
    errors: !isNumber ? 'none' : bits === 32 ? 'both' : bits === 64 ? 'negative' : 'none',
    isKnown: true,
  };
}

/** Greatest number of an error (MAX_ERRNO of include/linux/err.h). */
export const MAX_ERRNO = 4095n;

/** Whether a value means an error, by what its function returns. */
export function isErrorValue(value: bigint, kind: ReturnKind): boolean {
  const signed = kind.type === 'x64' ? BigInt.asIntN(64, value) : value;
  return (
    (kind.errors !== 'none' && signed >= -MAX_ERRNO && signed <= -1n) ||
    (kind.errors === 'both' && signed >= 1n && signed <= MAX_ERRNO)
  );
}

/** The same as the kernel's event filter has it (Documentation/trace/events.rst, 5); null when no value does. */
export function errorFilter(field: string, { type, errors }: ReturnKind): string | null {
  if (type === null || errors === 'none') {
    return null;
  }
  if (type === 'x64') {
    return `${field} >= 0xfffffffffffff001`;
  }
  const negative = `(${field} >= -${MAX_ERRNO} && ${field} <= -1)`;
  return errors === 'both' ? `(${negative} || (${field} >= 1 && ${field} <= ${MAX_ERRNO}))` : negative;
}
