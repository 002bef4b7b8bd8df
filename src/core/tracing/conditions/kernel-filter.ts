import type { Condition } from './check.ts';

/**
 * A condition as an event's `filter` and a trigger's `if` take it (Documentation/trace/events.rst, 5.1);
 * null when it asks for something that the kernel cannot filter by. All of it is written here: names
 * from the tables of fields, numbers in decimal, strings with nothing in them that could end them.
 */
export function kernelFilter(condition: Condition): string | null {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const [left, right] = [kernelFilter(condition.left), kernelFilter(condition.right)];
      return left === null || right === null
        ? null
        : `(${left}) ${condition.kind === 'and' ? '&&' : '||'} (${right})`;
    }
    case 'not': {
      const inner = kernelFilter(condition.of);
      return inner === null ? null : `!(${inner})`;
    }
    case 'text': {
      const { field, operator, value } = condition;
      // Within the quotes the kernel reads on to the next quote; a pattern's `[` would begin a set.
      return field.kernel === null || /["'\\]/.test(value) || (operator === '~' && value.includes('['))
        ? null
        : `${field.kernel} ${operator} "${value}"`;
    }
    case 'bits': {
      const { field, mask } = condition;
      return field.kernel === null || field.eitherSign === true
        ? null
        : `${field.kernel} & 0x${mask.toString(16)}`;
    }
    case 'compare': {
      const { field, operator, value } = condition;
      if (field.kernel === null || operator === '~') {
        return null;
      }
      if (field.eitherSign !== true) {
        return `${field.kernel} ${operator} ${value}`;
      }
      // What has either sign is compared by its size.
      const size = value < 0n ? -value : value;
      switch (operator) {
        case '==':
          return `${field.kernel} == ${size} || ${field.kernel} == -${size}`;
        case '!=':
          return `${field.kernel} != ${size} && ${field.kernel} != -${size}`;
        default:
          return null;
      }
    }
  }
}
