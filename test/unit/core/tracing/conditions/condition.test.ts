import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../../../../src/core/failure.ts';
import {
  type Condition,
  checkCondition,
  type Field,
} from '../../../../../src/core/tracing/conditions/check.ts';
import { fulfils } from '../../../../../src/core/tracing/conditions/evaluate.ts';
import { conditionFields, fitsAnyFunction } from '../../../../../src/core/tracing/conditions/fields.ts';
import { kernelFilter } from '../../../../../src/core/tracing/conditions/kernel-filter.ts';
import { parseCondition } from '../../../../../src/core/tracing/conditions/parse.ts';
import { returnKind } from '../../../../../src/core/tracing/return-type.ts';

const fields = conditionFields(
  [
    { index: 0, name: 'zilog', type: 'x64', register: '%di' },
    { index: 1, name: 'foid', type: 'u64', register: '%si' },
    { index: 2, name: 'level', type: 's32', register: '%dx' },
    { index: 3, name: 'name', type: 'string', register: '%cx' },
    { index: 4, name: 'zilog->zl_spa->spa_name', type: 'string', register: '%di' },
  ],
  returnKind('int'),
  true,
);
const read = (text: string): Condition => checkCondition(parseCondition(text), fields);
const printed = (text: string) => kernelFilter(read(text));

describe('a condition', () => {
  it.each([
    ['foid == 34 && comm == "dd"', '(a1 == 34) && (comm == "dd")'],
    ['34 < foid', 'a1 > 34'],
    ['foid & 0x10', 'a1 & 0x10'],
    ['(foid & 0x10) == 0', '!(a1 & 0x10)'],
    ['!level || pid != 7 and cpu >= 2', '(!(a2 & 0xffffffff)) || ((common_pid != 7) && (CPU >= 2))'],
    ['zilog != NULL', 'a0 != 0'],
    ['ret == EIO', 'r == 5'],
    ['ret == -EIO', 'r == -5'],
    ['errno == EIO', 'r == 5 || r == -5'],
    ['errno != ECKSUM', 'r != 52 && r != -52'],
    ['level == -1', 'a2 == -1'],
    ['foid == -1', 'a1 == 18446744073709551615'],
    ['comm ~ "z_wr*"', 'comm ~ "z_wr*"'],
    ['zilog->zl_spa->spa_name == "tank"', 'a4 == "tank"'],
    ['duration > 10ms', 'ns > 10000000'],
  ])('%s is %s for the kernel', (text, filter) => expect(printed(text)).toBe(filter));

  it('that the kernel cannot check is left to us', () => {
    expect(printed(`name == "it's"`)).toBeNull();
    expect(printed('name ~ "[ab]"')).toBeNull();
    expect(printed('errno > 3 && foid == 1')).toBeNull();
  });

  it.each([
    ['', 'expected'],
    ['foid ==', 'it ends'],
    ['fold == 34', 'There is no fold here; known are comm, pid, cpu, zilog, foid'],
    ['foid == "34"', 'foid is a number'],
    ['comm == dd', 'expected'],
    ['comm == 3', 'comm is a string'],
    ['comm < "a"', 'only ==, != and ~'],
    ['duration > 10', '500ns, 10us, 2ms or 1s'],
    ['foid > 10ms', 'foid is a number'],
    ['level == 3000000000', 'it is never 3000000000'],
    ['foid == 99999999999999999999', 'more than 64 bits'],
    ['foid == 34; reboot', 'cannot be read at character 11'],
    ['foid == `id`', 'cannot be read'],
    ['foid = 34', 'write "=="'],
    ['(foid == 1', '")" is expected'],
    ['foid == 1 foid == 2', '"&&", "||" or the end'],
    ['comm == "\u202e"', 'ASCII'],
    [`${'('.repeat(100)}foid${')'.repeat(100)}`, 'at most 32 deep'],
    [Array.from({ length: 40 }, () => 'pid').join('||'), 'at most 32 comparisons'],
    ['a'.repeat(600), 'at most 500 characters'],
  ])('%s is refused with a reason', (text, reason) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code: 'bad-request', message: expect.stringContaining(reason) }),
    );
  });

  it('of any text is read or refused, and what the kernel gets of it is only what is meant', () => {
    const words = [
      'foid',
      'comm',
      'name',
      '==',
      '&&',
      '(',
      ')',
      '!',
      '"a b"',
      '7',
      '~',
      '"',
      "'",
      '$',
      '`',
      '\n',
      ';',
      '|',
      'x',
      '&',
      'or',
      '-',
      '10us',
      'duration',
    ];
    const text = fc.oneof(
      fc.string({ maxLength: 60, unit: 'binary' }),
      fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((parts) => parts.join(' ')),
    );
    const safe =
      /^(?:[ ()!]|&&|\|\||(?:a\d|comm|common_pid|CPU|r|ns) (?:(?:[=!<>]=|[<>]) -?\d{1,20}|& 0x[0-9a-f]{1,16}|(?:[=!]=|~) "[^"'\\\n]*"))*$/;
    fc.assert(
      fc.property(text, (any) => {
        try {
          expect(printed(any) ?? '').toMatch(safe);
        } catch (error) {
          if (!isFailure(error)) {
            throw error;
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('means the same to us as to the kernel where both can check it', () => {
    const number = fc.constantFrom(-5n, -1n, 0n, 1n, 5n, 34n);
    const compare = fc
      .tuple(fc.constantFrom('level', 'ret', 'errno'), fc.constantFrom('==', '!=', '<', '>=', '&'), number)
      .filter(([field, operator, value]) => field !== 'errno' || (operator !== '&' && value >= 0n))
      .map(
        ([field, operator, value]) => `${field} ${operator} ${operator === '&' && value < 1n ? 1n : value}`,
      );
    const expression: fc.Arbitrary<string> = fc.letrec<{ any: string }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        compare,
        fc
          .tuple(tie('any'), fc.constantFrom('&&', '||'), tie('any'))
          .map(([a, op, b]) => `(${a}) ${op} (${b})`),
        tie('any').map((inner) => `!(${inner})`),
      ),
    })).any;
    fc.assert(
      fc.property(expression, number, number, (text, level, ret) => {
        let condition: Condition;
        try {
          condition = read(text);
        } catch (error) {
          expect(isFailure(error)).toBe(true); // Too many comparisons.
          return;
        }
        const values: Readonly<Record<string, bigint>> = { a2: level, r: ret };
        const filter = kernelFilter(condition);
        const ours = fulfils(condition, (field: Field) => values[field.kernel ?? ''] ?? ret);
        if (filter !== null) {
          expect(asKernel(filter, values)).toBe(ours);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('compares patterns from end to end', () => {
    const comm = (value: string) => (pattern: string) => fulfils(read(`comm ~ "${pattern}"`), () => value);
    const patterns = ['z_wr*', '*iss', 'z?wr*', '*', 'z_wr_iss', 'wr', 'z_wr_is', '*x*', '**s'];
    expect(patterns.filter(comm('z_wr_iss'))).toEqual(['z_wr*', '*iss', 'z?wr*', '*', 'z_wr_iss', '**s']);
  });

  it.each([
    ['comm == "dd" && pid != 7 || cpu == 1', true],
    ['comm == "dd" && foid < 5', false],
    ['ret == EIO', false],
    ['duration > 1ms', false],
    ['comm ==', false],
  ])('%s fits any function: %s', (text, fits) => {
    expect(fitsAnyFunction(text)).toBe(fits);
  });
});

/** Works a filter out as Documentation/trace/events.rst has it: comparisons, then `!`, then `&&`, then `||`. */
function asKernel(filter: string, values: Readonly<Record<string, bigint>>): boolean {
  const words = filter.match(/[()!]|&&|\|\||\w+ (?:[=!<>]=|[<>&]) -?\w+/g) ?? [];
  let at = 0;
  const either = (): boolean => {
    let value = both();
    while (words[at] === '||') {
      at += 1;
      value = both() || value;
    }
    return value;
  };
  const both = (): boolean => {
    let value = one();
    while (words[at] === '&&') {
      at += 1;
      value = one() && value;
    }
    return value;
  };
  const one = (): boolean => {
    const word = words[at++] ?? '';
    if (word === '!') {
      return !one();
    }
    if (word === '(') {
      const value = either();
      at += 1;
      return value;
    }
    const [field = '', operator, number = '0'] = word.split(' ');
    const left = values[field] ?? 0n;
    const right = BigInt(number);
    switch (operator) {
      case '==':
        return left === right;
      case '!=':
        return left !== right;
      case '<':
        return left < right;
      case '>':
        return left > right;
      case '<=':
        return left <= right;
      case '>=':
        return left >= right;
      default:
        return (BigInt.asUintN(32, left) & right) !== 0n;
    }
  };
  return either();
}
