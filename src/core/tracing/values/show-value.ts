import type { ValueType } from '../../symbols/value-type.ts';
import { errnoName } from '../../zfs/errno.ts';

/**
 * A value as a person reads it.
 * @param text as the kernel printed it by the type that {@link fetchType} asked for; anything else comes back
 *   as it is: `(fault)` for what could not be read
 */
export function showValue(type: ValueType, text: string): string {
  if (type.kind === 'text' || type.kind === 'pointer' || !/^-?\d{1,20}$/.test(text)) {
    return text;
  }
  switch (type.kind) {
    case 'bool':
      return text === '0' ? 'false' : 'true';
    case 'enum':
      return enumText(type, Number(text));
    case 'integer':
      return integerText(type.means, text);
  }
}

function integerText(means: 'number' | 'flags' | 'error', text: string): string {
  switch (means) {
    case 'number':
      return text;
    case 'flags':
      return `0x${BigInt(text).toString(16)}`;
    case 'error': {
      const name = text === '0' ? null : errnoName(Number(text));
      return name === null ? text : `${text} ${name}`;
    }
  }
}

/** A constant's name, a sum of flags, or the number where no constant fits. */
function enumText(type: ValueType & { readonly kind: 'enum' }, value: number): string {
  const exact = type.constants.find((constant) => constant.value === value);
  if (exact !== undefined) {
    return exact.name;
  }
  if (!type.isFlags || value < 0) {
    return `${value}`;
  }
  const names: string[] = [];
  let rest = BigInt(value);
  // The largest first: a sum that has a name of its own stands for its parts.
  for (const constant of [...type.constants].sort((a, b) => b.value - a.value)) {
    const bits = constant.value > 0 ? BigInt(constant.value) : 0n;
    if (bits !== 0n && (rest & bits) === bits) {
      names.unshift(constant.name);
      rest ^= bits;
    }
  }
  if (rest !== 0n) {
    names.push(`0x${rest.toString(16)}`);
  }
  return names.join('|');
}
