/** Functions of ZFS 2.3 that tests trace, as its source has them: the parameters that are in registers. */
import type { TraceParams } from '../../src/core/tracing/ftrace-program.ts';

type Traced = Pick<TraceParams, 'symbol' | 'parameters' | 'returns'>;

/** What a name in a directory is looked up with (zfs_vnops.h). */
export const zfsLookup: Traced = {
  symbol: 'zfs_lookup',
  parameters: [
    { name: 'dzp', type: 'znode_t *' },
    { name: 'nm', type: 'char *' },
    { name: 'zpp', type: 'znode_t **' },
    { name: 'flags', type: 'int' },
  ],
  returns: 'int',
};

/** What stat(2) asks, for the kernel of the lab (zfs_vnops_os.c). */
export const zfsGetattrFast: Traced = {
  symbol: 'zfs_getattr_fast',
  parameters: [
    { name: 'user_ns', type: 'zidmap_t *' },
    { name: 'request_mask', type: 'u32' },
    { name: 'ip', type: 'struct inode *' },
    { name: 'sp', type: 'struct kstat *' },
  ],
  returns: 'int',
};

const register = (name: string) => ({ kind: 'register', register: name }) as const;

/** The caller of {@link zfsLookup}, with all its parameters as debug info has them (zpl_inode.c). */
export const zplLookup: Pick<TraceParams, 'symbol' | 'parameters' | 'typed'> = {
  symbol: 'zpl_lookup',
  parameters: null,
  typed: {
    arguments: [
      {
        name: 'dir',
        declared: 'struct inode *',
        place: register('rdi'),
        type: { kind: 'pointer' },
        members: [],
      },
      {
        name: 'dentry',
        declared: 'struct dentry *',
        place: register('rsi'),
        type: { kind: 'pointer' },
        members: [],
      },
      {
        name: 'flags',
        declared: 'unsigned int',
        place: register('rdx'),
        type: { kind: 'integer', size: 4, isSigned: false, means: 'number' },
        members: [],
      },
    ],
    returns: { kind: 'pointer' },
  },
};
