/** Sessions as tests need them. */
import type { Frame } from '../../../../../src/core/stack/frame.ts';
import type { CallEvent, TraceEvent, TraceTally } from '../../../../../src/core/tracing/events.ts';
import type {
  KeptSession,
  SessionEnd,
  SessionHeader,
} from '../../../../../src/core/tracing/sessions/session.ts';

export const HEADER: SessionHeader = {
  name: 'zil_commit on lab',
  startedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  target: {
    alias: 'lab',
    hostname: 'vm1',
    kernel: '6.12.1',
    machine: 'x86_64',
    bootId: '7c1d',
    zfsVersion: '2.3.9-1',
  },
  modules: [{ module: 'zfs', buildId: 'ab12cd34ef56' }],
  functions: [{ symbol: 'zil_commit', module: 'zfs', kind: 'returns', condition: 'foid == 34' }],
  tracer: 'ftrace',
  program: 'p:zscope/zil_commit zfs:zil_commit',
};

export const END: SessionEnd = {
  endedAt: HEADER.startedAt + 10_000,
  reason: 'stopped',
  calls: 2,
  overrun: 0,
  missed: 0,
  dropped: 0,
  isCut: false,
};

export function frame(symbol: string, module: string | null = 'zfs', offset = 5): Frame {
  return { symbol, offset, size: 0x100, module, reliable: true };
}

export const FSYNC = [frame('zil_commit', 'zfs', 4), frame('zfs_fsync'), frame('do_fsync', null)];

export function call(more: Partial<CallEvent> = {}): CallEvent {
  return {
    kind: 'call',
    time: 12.000005,
    comm: 'dd',
    pid: 634,
    cpu: 1,
    symbol: 'zil_commit',
    arguments: [
      { name: 'zilog', value: '0xffff888012345678' },
      { name: 'foid', value: '34' },
    ],
    stack: FSYNC,
    returned: { value: '5', errno: 'EIO' },
    durationNs: 12_000,
    ...more,
  };
}

export function session(
  events: readonly TraceEvent[],
  more: Partial<KeptSession> & { readonly tallies?: readonly TraceTally[] } = {},
): KeptSession {
  return { header: HEADER, events, tallies: [], end: END, unread: 0, ...more };
}
