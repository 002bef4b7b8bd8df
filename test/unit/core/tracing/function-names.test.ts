import { expect, it } from 'vitest';
import { FunctionNames } from '../../../../src/core/tracing/function-names.ts';

const names = new FunctionNames(
  [
    'zero_user',
    'zap_pte_range',
    'zil_commit_writer.isra.0 [zfs]',
    'zil_commit_impl [zfs]',
    'zil_commit [zfs]',
    'spl_kmem_alloc [spl]',
    '__ftrace_invalid_address___64',
    'no name [x] y',
    'nfs_zap_mapping [nfs]',
    '',
  ].join('\n'),
);
const found = (typed: string, most = 10) => names.matches(typed, most).map(({ symbol }) => symbol);

it('finds a name by its beginning, then by any part of it, those of ZFS first', () => {
  expect(names.count).toBe(8);
  expect(found('zil_commit')).toEqual(['zil_commit', 'zil_commit_writer.isra.0', 'zil_commit_impl']);
  expect(found('ZAP')).toEqual(['zap_pte_range', 'nfs_zap_mapping']);
  expect(found('commit', 2)).toEqual(['zil_commit_writer.isra.0', 'zil_commit_impl']);
  expect(found('', 4)).toEqual([
    'zil_commit_writer.isra.0',
    'zil_commit_impl',
    'zil_commit',
    'spl_kmem_alloc',
  ]);
});

it('finds those of one module alone', () => {
  expect(found('nfs:')).toEqual(['nfs_zap_mapping']);
  expect(found('zfs:impl')).toEqual(['zil_commit_impl']);
  expect(found(':zap')).toEqual(['zap_pte_range']);
  expect(found('none:')).toEqual([]);
});

it('answers at once, also in a kernel with very many functions', () => {
  const many = new FunctionNames(Array.from({ length: 200_000 }, (_, i) => `function_${i} [mod]`).join('\n'));
  expect(many.matches('n_199999', 100)).toEqual([{ symbol: 'function_199999', module: 'mod' }]);
});
