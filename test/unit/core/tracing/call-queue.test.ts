import { expect, test } from 'vitest';
import { CallQueue } from '../../../../src/core/tracing/call-queue.ts';
import { ftraceProgram } from '../../../../src/core/tracing/ftrace-program.ts';
import { Programs } from '../../../../src/core/tracing/program/programs.ts';
import { StackPool } from '../../../../src/core/tracing/stack-pool.ts';

const program = ftraceProgram({
  symbol: 'hot',
  module: null,
  machine: 'x86_64',
  parameters: null,
  maxEvents: 1e6,
  maxSeconds: 60,
  sessionId: 'ab12',
});
const frame = { symbol: 'caller', offset: 1, size: 2, module: null, reliable: true };

function queueOf() {
  const queue = new CallQueue(new StackPool());
  const role = new Programs(program).find(program.event);
  if (role === undefined) throw new Error('the program has no event');
  return {
    queue,
    add: (cpu: number, time: number) =>
      queue.add({
        role,
        pointer: '',
        call: { kind: 'call', time, comm: 'dd', pid: cpu, cpu, symbol: 'hot', arguments: [], stack: [] },
      }),
    stack(cpu: number) {
      const waiting = queue.takeStackless(cpu);
      if (waiting !== null) queue.finish(waiting, [frame]);
    },
  };
}

test('a call has its stack though its processor rested before it was recorded, and others went on', () => {
  const { queue, add, stack } = queueOf();
  add(0, 10);
  for (let i = 1; i <= 20_000; i++) {
    add(1, 10 + i / 20_000);
    stack(1);
  }
  expect(queue.ready()).toEqual([]);
  stack(0);
  const calls = queue.ready();
  expect(calls).toHaveLength(20_001);
  expect(calls.every((call) => call.kind === 'call' && call.stack.length === 1)).toBe(true);
});

test('a call whose stack does not come holds others back for two seconds of the trace, not for ever', () => {
  const { queue, add, stack } = queueOf();
  add(0, 10);
  add(1, 11.9);
  stack(1);
  expect(queue.ready()).toEqual([]);
  add(1, 12.1);
  expect(queue.ready()).toMatchObject([
    { cpu: 0, stack: [] },
    { cpu: 1, stack: [frame] },
  ]);
});

test('no more than so many calls wait behind one', () => {
  const { queue, add, stack } = queueOf();
  for (let i = 0; i < 60_000; i++) {
    add(i === 0 ? 0 : 1, 10);
    if (i > 0) stack(1);
  }
  expect(queue.ready().length).toBeGreaterThan(50_000);
});
