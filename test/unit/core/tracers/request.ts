import type { TraceParams } from '../../../../src/core/tracing/ftrace-program.ts';

/** zfs_lookup() as the source has it, traced on x86-64. */
export const lookup: TraceParams = {
  symbol: 'zfs_lookup',
  module: 'zfs',
  machine: 'x86_64',
  parameters: [
    { name: 'dzp', type: 'znode_t *' },
    { name: 'nm', type: 'char *' },
    { name: 'zpp', type: 'znode_t **' },
    { name: 'flags', type: 'int' },
  ],
  returns: 'int',
  maxEvents: 1000,
  maxSeconds: 60,
  maxRate: 20_000,
  sessionId: 'ab12',
};
