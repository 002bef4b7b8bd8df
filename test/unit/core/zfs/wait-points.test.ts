import { describe, expect, it } from 'vitest';
import type { Frame } from '../../../../src/core/stack/frame.ts';
import { waitAt, waitFrame } from '../../../../src/core/zfs/wait-points.ts';

/** A stack as `sync` hangs with it: names innermost first, `?` before a guess. */
const trace = (...names: readonly string[]): Frame[] =>
  names.map((name) => ({
    symbol: name.replace('? ', ''),
    offset: 0x10,
    size: 0x40,
    module: 'zfs',
    reliable: !name.startsWith('?'),
  }));

describe('the meaning of a wait', () => {
  const sync = trace(
    '__schedule',
    '? zio_wait',
    'io_schedule',
    'cv_wait_common',
    'txg_wait_synced_impl.isra.0',
    'txg_wait_synced',
    'dsl_sync_task',
  );

  it('is that of the function that sleeps, whatever the compiler appended', () => {
    expect(waitFrame(sync)).toBe(4);
    expect(waitAt(sync, 4)?.wokenBy).toContain('txg_sync');
    expect(waitAt(sync, 4)?.source).toBe('module/zfs/txg.c');
  });

  it('is told of its callers that wait for the same, and of nobody else', () => {
    expect(waitAt(sync, 5)).toBe(waitAt(sync, 4));
    expect(waitAt(sync, 6)).toBeNull();
    expect(waitAt(sync, 3)).toBeNull();
  });

  it('may be that of a function that is inlined into the frame', () => {
    const stack = trace('schedule', '__cv_wait', 'dsl_pool_sync_mos', 'dsl_pool_sync');
    expect(waitAt(stack, 2)).toBeNull();
    expect(waitAt(stack, 2, ['zil_lwb_flush_wait_all'])?.source).toBe('module/zfs/zil.c');
    expect(waitAt(stack, 3, ['zil_lwb_flush_wait_all'])).toBeNull();
  });

  it('is not told of a guess, of what runs, or of what called something else', () => {
    expect(waitAt(sync, 1)).toBeNull();
    expect(waitAt(trace('zio_wait', 'dmu_read'), 0)).toBeNull();
    expect(waitAt(trace('schedule', 'vdev_queue_io', 'zio_wait'), 2)).toBeNull();
    expect(waitFrame(trace('schedule', 'no_such_wait'))).toBeNull();
    expect(waitFrame([])).toBeNull();
  });
});
