import os from 'node:os';
import { describe, expect, it } from 'vitest';
import { ERRNO_NUMBERS, errnoName } from '../../../../src/core/zfs/errno.ts';

describe('errnoName', () => {
  it('agrees with the C library of this machine wherever ZFS has no word of its own', () => {
    const own = new Set(['EAGAIN', 'EDEADLK', 'EOPNOTSUPP', 'ENOTSUP']);
    for (const [name, number] of Object.entries(os.constants.errno)) {
      if (process.platform === 'linux' && !own.has(name) && name !== 'EWOULDBLOCK') {
        expect(errnoName(number), name).toBe(name);
      }
    }
  });

  it('has the words of ZFS, and its own numbers from 1024 on', () => {
    expect([52, 53, 95, 1024, 1051].map(errnoName)).toEqual([
      'ECKSUM',
      'EFRAGS',
      'ENOTSUP',
      'ZFS_ERR_CHECKPOINT_EXISTS',
      'ZFS_ERR_STREAM_LARGE_MICROZAP',
    ]);
  });

  it('takes the sign of Linux too; what is no error has no name', () => {
    expect([-5, -512, 0, 41, 58, 134, 4096].map(errnoName)).toEqual([
      'EIO',
      'ERESTARTSYS',
      null,
      null,
      null,
      null,
      null,
    ]);
    expect(['EBADE', 'ECKSUM'].map((name) => ERRNO_NUMBERS.get(name))).toEqual([52, 52]);
  });
});
