import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ToDbgmsgView } from '../../../src/protocol/dbgmsg-view.ts';
import type { ToTraceView } from '../../../src/protocol/trace-view.ts';
import { readDbgmsgMessage, readDbgmsgState } from '../../../src/webview/dbgmsg-messages.ts';
import { readTraceMessage, readTraceState } from '../../../src/webview/trace-messages.ts';

const dbgmsg: readonly ToDbgmsgView[] = [
  { type: 'reset', target: 'vm' },
  { type: 'rows', rows: [{ id: 0, kind: 'message', time: '', source: 'spa.c:1:f()', text: 'x' }] },
  { type: 'rows', rows: [{ id: 1, kind: 'gap', time: '', source: '', text: '' }] },
  { type: 'status', text: '', isError: true },
  { type: 'focusFilter' },
];

const call = {
  id: 0,
  kind: 'call',
  time: '0.000000',
  comm: 'dd',
  pid: 1,
  cpu: 0,
  function: 'zil_commit',
  arguments: [{ name: 'foid', value: '2' }],
  durationNs: 12_000,
  returned: '5 EIO',
  failed: true,
  text: '',
} as const;
const line = { label: 'zil_commit+0x3d/0x110', source: '', note: '', inlined: false, canOpen: false };

const trace: readonly ToTraceView[] = [
  {
    type: 'reset',
    title: 'zil_commit',
    target: 'vm',
    argumentsKnown: '',
    kind: 'returns',
    hasProgram: true,
    isKept: false,
  },
  { type: 'about', argumentsKnown: 'Only calls with foid == 34.' },
  { type: 'rows', rows: [call] },
  {
    type: 'state',
    text: 'Running',
    running: true,
    isError: false,
    waiting: '',
    alternatives: [{ symbol: 'zil_commit_impl', about: 'calls it' }],
  },
  {
    type: 'tally',
    functions: [
      {
        symbol: 'zil_commit',
        summary: '3 calls',
        heading: 'Task',
        hasStacks: false,
        rows: [{ key: '634 dd', label: 'dd', detail: '', count: 3 }],
      },
    ],
  },
  { type: 'losses', text: '', title: '' },
  { type: 'stack', id: 0, lines: [line], resolving: true },
];

interface Case {
  readonly name: string;
  readonly read: (value: unknown) => unknown;
  readonly messages: readonly { readonly type: string }[];
}

const cases: readonly Case[] = [
  { name: 'dbgmsg', read: readDbgmsgMessage, messages: dbgmsg },
  { name: 'trace', read: readTraceMessage, messages: trace },
];

describe.each(cases)('messages to the $name view', ({ read, messages }) => {
  it.each(messages)('takes $type', (message) => {
    expect(read(message)).toBe(message);
  });

  it.each(messages)('refuses $type with any field gone or of another type', (message) => {
    const fields: Readonly<Record<string, unknown>> = { ...message };
    for (const name of Object.keys(fields)) {
      const { [name]: _, ...without } = fields;
      expect(read(without)).toBeNull();
      expect(read({ ...fields, [name]: Symbol('other') })).toBeNull();
    }
  });

  it('ignores everything else', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(read(value)).toBeNull();
      }),
    );
    expect(read({ type: 'toString' })).toBeNull();
  });
});

it('refuses rows of which one is not whole', () => {
  expect(readTraceMessage({ type: 'rows', rows: [call, { ...call, pid: '1' }] })).toBeNull();
  expect(readTraceMessage({ type: 'rows', rows: [{ ...call, arguments: [{ name: 'x' }] }] })).toBeNull();
  expect(readTraceMessage({ type: 'rows', rows: [{ ...call, kind: 'gap' }] })).toBeNull();
  expect(readTraceMessage({ type: 'rows', rows: [{ ...call, durationNs: '1' }] })).toBeNull();
  expect(
    readTraceMessage({ type: 'stack', id: 0, lines: [{ ...line, canOpen: 1 }], resolving: true }),
  ).toBeNull();
});

describe('states', () => {
  it('are the first ones when nothing usable was saved', () => {
    for (const value of [
      undefined,
      null,
      7,
      [],
      { filter: 1, follow: 'no', pausedAfter: '3', active: Number.NaN },
    ]) {
      expect(readDbgmsgState(value)).toEqual({
        target: '',
        filter: '',
        follow: true,
        pausedAfter: null,
        active: null,
      });
      expect(readTraceState(value)).toEqual({
        title: '',
        filter: '',
        follow: true,
        pausedAfter: null,
        active: null,
        split: 60,
        sort: null,
      });
    }
  });

  it('come back as they were saved', () => {
    const dbgmsgState = { target: 'vm', filter: 'spa', follow: false, pausedAfter: 3, active: 2 };
    const sort = { column: 'duration', descending: true };
    const traceState = {
      title: 'f',
      filter: '-x',
      follow: false,
      pausedAfter: -1,
      active: 0,
      split: 30,
      sort,
    };
    expect(readDbgmsgState(JSON.parse(JSON.stringify(dbgmsgState)))).toEqual(dbgmsgState);
    expect(readTraceState(JSON.parse(JSON.stringify(traceState)))).toEqual(traceState);
  });
});
