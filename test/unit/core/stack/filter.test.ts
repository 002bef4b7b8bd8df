import { expect, test } from 'vitest';
import { traceMatches } from '../../../../src/core/stack/filter.ts';
import { parseProcStack } from '../../../../src/core/stack/proc-stack.ts';

const task = { pid: 584, tgid: 580, comm: 'kworker/u8:0', state: 'D', stillForSeconds: null };
const trace = parseProcStack('zio_wait+0x1/0x2 [zfs]\nret_from_fork+0x1/0x2');
const matches = (filter: string) => traceMatches(filter, task, trace);

test.each([
  '',
  '  ',
  'ZIO',
  'zfs',
  'kworker/u8:0',
  'wait fork',
  'module:zfs',
  'function:zio_',
  'comm:KW',
  'pid:580',
  'module:',
])('%j fits', (filter) => expect(matches(filter)).toBe(true));

test.each(['spl', 'zio spl', 'module:zio', 'function:zfs', 'comm:zio', 'pid:58', 'nosuch:zio'])(
  '%j does not',
  (filter) => expect(matches(filter)).toBe(false),
);
