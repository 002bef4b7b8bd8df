import { expect, it } from 'vitest';
import {
  functionAround,
  functionNamed,
  functionsOfText,
} from '../../../../src/core/symbols/text-functions.ts';

const functions = functionsOfText(`int
zlog_open(zlog_t *zl, int flags)
{
	return (zlog_grow(zl));
}

#ifdef _KERNEL
static void zlog_stop(void) { }
#else
static void zlog_stop(void)
{
}
#endif
`);

it('is the one that a name under the cursor means, at its own line where there are several', () => {
  expect(functionNamed(functions, 'zlog_open')).toMatchObject({ line: 2, endLine: 5 });
  expect(
    functionNamed(functions, 'zlog_open')
      ?.parameters()
      .map(({ name }) => name),
  ).toEqual(['zl', 'flags']);
  expect(functionNamed(functions, 'zlog_stop')?.line).toBe(8);
  expect(functionNamed(functions, 'zlog_stop', 10)?.line).toBe(10);
  // It is called here, not defined.
  expect(functionNamed(functions, 'zlog_grow')).toBeNull();
});

it('is the one around a line, and none between two', () => {
  expect(functionAround(functions, 4)?.name).toBe('zlog_open');
  expect(functionAround(functions, 6)).toBeNull();
  expect(functionAround(functions, 12)?.line).toBe(10);
});
