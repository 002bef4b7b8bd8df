import type { TraceParams } from '../../../../src/core/tracing/ftrace-program.ts';
import { zfsLookup } from '../../../support/zfs-functions.ts';

/** zfs_lookup() as the source has it, traced on x86-64. */
export const lookup: TraceParams = {
  ...zfsLookup,
  module: 'zfs',
  machine: 'x86_64',
  maxEvents: 1000,
  maxSeconds: 60,
  maxRate: 20_000,
  sessionId: 'ab12',
};

/** The same with what the running build's debug info says of it. */
export const typedLookup: TraceParams = {
  ...lookup,
  typed: {
    arguments: [
      {
        name: 'zdp',
        declared: 'znode_t *',
        place: { kind: 'register', register: 'rdi' },
        type: { kind: 'pointer' },
        members: [
          {
            path: 'z_id',
            offsets: [72],
            type: { kind: 'integer', size: 8, isSigned: false, means: 'number' },
          },
        ],
      },
      {
        name: 'nm',
        declared: 'char *',
        place: { kind: 'register', register: 'rsi' },
        type: { kind: 'text', isPointer: true },
        members: [],
      },
      {
        name: 'zpp',
        declared: 'znode_t **',
        place: { kind: 'register', register: 'rdx' },
        type: { kind: 'pointer' },
        members: [],
      },
      {
        name: 'flags',
        declared: 'int',
        place: { kind: 'register', register: 'rcx' },
        type: { kind: 'integer', size: 4, isSigned: true, means: 'number' },
        members: [],
      },
    ],
    returns: { kind: 'integer', size: 4, isSigned: true, means: 'error' },
  },
};
