import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CallQueue } from '../../../../src/core/tracing/call-queue.ts';
import type { CallEvent, TraceStreamEvent } from '../../../../src/core/tracing/events.ts';
import { ftraceProgram } from '../../../../src/core/tracing/ftrace-program.ts';
import { Programs } from '../../../../src/core/tracing/program/programs.ts';
import { KernelSymbols } from '../../../../src/core/tracing/raw/kernel-symbols.ts';
import { RawCalls } from '../../../../src/core/tracing/raw/raw-calls.ts';
import { readRingPage } from '../../../../src/core/tracing/raw/ring-page.ts';
import { StackPool } from '../../../../src/core/tracing/stack-pool.ts';
import type { Asking } from '../../../../src/target/collector.ts';
import { TraceDecoder } from '../../../../src/target/collectors/trace-decoder.ts';
import { EventDelivery } from '../../../../src/target/event-delivery.ts';

/** Output of `pages` on Linux 6.18 (x86-64), for two processes that each call one function in a row: at first lines, then pages. */
const golden = (name: string) => readFileSync(join(import.meta.dirname, 'golden', name));

const MARK = '#zscope-ab12';
const program = ftraceProgram({
  symbol: 'hot',
  module: null,
  machine: 'x86_64',
  parameters: [
    { name: 'a', type: 'int' },
    { name: 's', type: 'const char *' },
  ],
  maxEvents: 1e6,
  maxSeconds: 60,
  sessionId: 'ab12',
});

/** What comes of these bytes in pieces of these sizes, again and again. */
async function decode(
  bytes: Uint8Array,
  sizes: readonly number[],
  ask?: Asking,
): Promise<TraceStreamEvent[]> {
  const events: TraceStreamEvent[] = [];
  const delivery = new EventDelivery(
    new TraceDecoder(new Programs(program), program.maxEvents, MARK, false),
    { events: (batch) => events.push(...batch) },
    (what) => {
      throw new Error(what);
    },
    ask,
  );
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? bytes.length;
    delivery.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  await delivery.end();
  return events;
}

const callsOf = (events: readonly TraceStreamEvent[]) =>
  events.filter((event): event is CallEvent => event.kind === 'call');

/** The first argument of each call of a process counts down from 0. */
function expectWhole(calls: readonly CallEvent[], each: number): void {
  const pids = [...new Set(calls.map(({ pid }) => pid))];
  expect(pids).toHaveLength(2);
  for (const pid of pids) {
    const own = calls.filter((call) => call.pid === pid);
    expect(own.map((call) => Number(call.arguments[0]?.value))).toEqual(
      Array.from({ length: each }, (_, i) => 0 - i),
    );
    expect(own.every(({ comm }) => comm === 'prog')).toBe(true);
    expect(own.slice(0, 3).map((call) => call.arguments[1])).toEqual(
      ['"rpool é"', '"tank"', '"tank"'].map((value) => ({ name: 's', value })),
    );
  }
  expect(calls.every(({ time }, i) => time >= (calls[i - 1]?.time ?? 0))).toBe(true);
}

test('calls of lines and of pages are one series, with the same stacks', async () => {
  const events = await decode(golden('trace-pages.bin'), [32_768]);
  const calls = callsOf(events);
  expectWhole(calls, 300);
  const stacks = new Set(calls.map(({ stack }) => stack));
  expect(stacks.size).toBe(1);
  const [stack = []] = stacks;
  expect(stack.map(({ symbol }) => symbol)).toEqual([
    '__uprobe_trace_func',
    'uprobe_dispatcher',
    'handler_chain',
    'uprobe_notify_resume',
    'irqentry_exit_to_user_mode',
    'asm_exc_int3',
  ]);
  // What the session writes into its own trace comes out of a page too.
  expect(events.filter(({ kind }) => kind === 'counters').map((event) => ({ ...event }))).toEqual([
    { kind: 'counters', calls: 7, overrun: 0, missed: 0 },
    { kind: 'counters', calls: 9, overrun: 0, missed: 0 },
  ]);
});

test('the same however the bytes are cut', async () => {
  const bytes = golden('trace-pages-nameless.bin');
  const whole = await decode(bytes, [bytes.length]);
  for (const sizes of [[4095], [1, 4096, 7], [13]]) {
    expect(await decode(bytes, sizes)).toEqual(whole);
  }
});

test('calls wait until the addresses of their stacks have names', async () => {
  const asked: string[][] = [];
  // As the target answers: address, symbol before it, symbol behind it, name.
  const ask: Asking = async (collector, params) => {
    const { addresses } = params as { addresses: string[] };
    asked.push(addresses);
    const answer = addresses.map(
      (address) => `${address} ${address.slice(0, -1)}0 - named_${address.slice(-4)} [zfs]`,
    );
    return collector.decode(answer.slice(1).join('\n'), params);
  };
  const events = await decode(golden('trace-pages-nameless.bin'), [32_768], ask);
  const calls = callsOf(events);
  expectWhole(calls, 150);
  expect(asked).toHaveLength(1);
  expect(asked[0]).toHaveLength(6);
  const last = calls.at(-1)?.stack ?? [];
  expect(last).toHaveLength(6);
  const [first = ''] = asked[0] ?? [];
  // The first had no answer.
  expect(last.map(({ symbol }) => symbol)).toContain(`0x${first}`);
  expect(last.filter(({ module }) => module === 'zfs')).toHaveLength(5);
});

test('where nobody can be asked, addresses are shown', async () => {
  const calls = callsOf(await decode(golden('trace-pages-nameless.bin'), [32_768]));
  expectWhole(calls, 150);
  expect(calls.at(-1)?.stack.every(({ symbol }) => /^0x[0-9a-f]{16}$/.test(symbol))).toBe(true);
});

/** One event in a page: time since the one before, then what is in it. */
function entry(delta: number, data: readonly number[]): number[] {
  const head = delta * 32 + data.length / 4;
  return [...u32(head), ...data];
}

const u32 = (value: number) => [value, value >>> 8, value >>> 16, value >>> 24].map((part) => part & 0xff);
const u64 = (value: number) => [...u32(value % 2 ** 32), ...u32(Math.floor(value / 2 ** 32))];

/** A page of 4096 bytes that began at `ns`. */
function page(
  ns: number,
  entries: readonly (readonly number[])[],
  flags = 0,
  behind: readonly number[] = [],
): Uint8Array {
  const data = entries.flat();
  const bytes = new Uint8Array(4096);
  bytes.set([...u64(ns), ...u64(flags + data.length), ...data, ...behind]);
  return bytes;
}

/** A call with the first argument, whose comm is `dd`. */
const call = (a: number) => [...u32(77), ...u32(9), ...u32(a), ...u32((3 << 16) + 16), ...[0x64, 0x64, 0, 0]];

const LAYOUT = `${MARK} page 4096\n${MARK} format ${program.event} 77 common_type:0:2:0:0 common_pid:4:4:1:0 a0:8:4:1:0 c:12:4:1:1\n`;

function output(...parts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat([
    Buffer.from(LAYOUT),
    ...parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)),
  ]);
}

test('calls of several processors come in the order of their times', async () => {
  const events = await decode(
    output(
      `${MARK} pages 0\n`,
      page(5_000_000, [entry(1000, call(1)), entry(2_000_000, call(3)), entry(4_000_000, call(5))]),
      `${MARK} pages 1\n`,
      page(6_000_000, [entry(1000, call(2)), entry(2_500_000, call(4))]),
      `${MARK} round\n`,
      `${MARK} pages 1\n`,
      page(10_000_000, [entry(500_000, call(0))]),
      `${MARK} round last\n`,
    ),
    [4096],
  );
  expect(callsOf(events).map(({ cpu, arguments: [a] }) => [cpu, Number(a?.value)])).toEqual(
    [
      [0, 1],
      [1, 2],
      [0, 3],
      [1, 4],
      [1, 0],
      [0, 5],
    ].sort((a, b) => order(a) - order(b)),
  );
});

test('a processor that had nothing yet when a round began is waited for', async () => {
  const events = await decode(
    output(
      `${MARK} pages 0\n`,
      page(5_000_000, [entry(0, call(1)), entry(4_000_000, call(3))]),
      `${MARK} round\n`,
      `${MARK} pages 0\n`,
      page(9_500_000, [entry(0, call(4)), entry(4_000_000, call(6))]),
      `${MARK} pages 1\n`,
      page(8_000_000, [entry(0, call(2)), entry(4_000_000, call(5))]),
      `${MARK} round\n`,
      `${MARK} round\n`,
      `${MARK} round last\n`,
    ),
    [4096],
  );
  expect(callsOf(events).map(({ arguments: [a] }) => Number(a?.value))).toEqual([1, 2, 3, 4, 5, 6]);
});

test('pages of a round without an end are let go, and said to be lost', () => {
  const [queue, said] = [new CallQueue(new StackPool()), () => {}];
  const most = { records: 100, bytes: 10 * 4096 };
  const raw = new RawCalls(new Programs(program), queue, new KernelSymbols(), said, most);
  const add = (times: number, entries: readonly number[][]) => {
    for (let i = 0; i < times; i++) {
      const { buffer } = page(5_000_000 + i, entries);
      raw.add({ cpu: 0, page: new DataView(buffer as ArrayBuffer) });
    }
  };
  const losses = () => {
    raw.round(true);
    return [...queue.ready(), ...queue.end()].filter(({ kind }) => kind === 'loss').length;
  };
  raw.format(LAYOUT.split(' format ')[1]?.trim() ?? '');
  add(9, [entry(0, call(1))]);
  expect(losses()).toBe(0);
  // Large pages with little in them, small ones that are full, and none at all.
  add(1000, [entry(0, call(1))]);
  expect(losses()).toBe(1);
  add(
    3,
    Array.from({ length: 60 }, () => entry(0, call(1))),
  );
  expect(losses()).toBe(1);
  add(9, [entry(0, call(1))]);
  expect(losses()).toBe(0);
});

/** When the call with this argument was. */
const order = ([, a = 0]: readonly number[]) => [10.5, 5.001, 6.001, 7.001, 8.501, 11.001][a] ?? 0;

test('what the kernel overwrote is a loss, with its number where the kernel has room for it', async () => {
  const lost = [
    page(5_000_000, [entry(0, call(1))], 0xc000_0000, u64(123)),
    page(6_000_000, [entry(0, call(2))], 0x8000_0000),
  ];
  const events = await decode(output(`${MARK} pages 3\n`, ...lost, `${MARK} round last\n`), [999]);
  expect(events.filter(({ kind }) => kind === 'loss')).toEqual([
    { kind: 'loss', cpu: 3, count: 123 },
    { kind: 'loss', cpu: 3, count: null },
  ]);
  expect(callsOf(events)).toHaveLength(2);
});

test('time goes on through extensions, stamps and discarded events', () => {
  const bytes = page(1_000_000, [
    [...u32(30 + 5 * 32), ...u32(1)],
    entry(10, call(1)),
    [...u32(29 + 1 * 32), ...u32(8), ...u32(0)],
    [...u32(31 + 7 * 32), ...u32(2)],
    [...u32(0), ...u32(24), ...call(2)],
  ]);
  const read = readRingPage(new DataView(bytes.buffer));
  expect(read?.events.map(({ ns }) => ns)).toEqual([1_000_000 + 2 ** 27 + 15, 2 * 2 ** 27 + 7]);
});

test('no bytes are too hostile', async () => {
  const bytes = fc.uint8Array({ maxLength: 9000 });
  const word = fc.constantFrom(
    'pages 0\n',
    'pages x\n',
    'page 1024\n',
    'page 99999999\n',
    'round\n',
    'round last\n',
    'format x 77 a:9:9:9:9\n',
  );
  const part = fc.oneof(
    bytes,
    word.map((text) => Buffer.from(`${MARK} ${text}`)),
  );
  // Lengths, times and flags of a page are what its reader goes by.
  const crafted = fc
    .array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 40 })
    .map((words) => page(words[0] ?? 0, [words.flatMap(u32)], words[1] ?? 0));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(part, crafted), { maxLength: 8 }), async (parts) => {
      const events = await decode(output(...parts), [5000]);
      expect(events.length).toBeLessThan(20_000);
    }),
    { numRuns: 150 },
  );
});
