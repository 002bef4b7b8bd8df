import { expect, it } from 'vitest';
import type { TraceRow } from '../../../src/protocol/trace-view.ts';
import { rowCondition } from '../../../src/webview/row-condition.ts';

const row: TraceRow = {
  id: 0,
  kind: 'call',
  time: '0.000001',
  comm: 'dd',
  pid: 634,
  cpu: 1,
  function: 'zil_commit',
  arguments: [{ name: 'zilog->zl_spa', value: '0xffff888000000000' }],
  durationNs: null,
  returned: '',
  failed: false,
  text: '',
};

it('takes the name of a field behind a pointer for words, and a comparison with it for a condition', () => {
  expect(rowCondition('zilog->zl_spa')).toBeNull();
  expect(rowCondition('zilog->zl_spa == 0xffff888000000000')?.(row)).toBe(true);
  expect(rowCondition('zilog->zl_spa > 0xffff888000000000')?.(row)).toBe(false);
});
