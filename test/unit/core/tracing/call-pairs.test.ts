import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CallPairs } from '../../../../src/core/tracing/call-pairs.ts';
import type { CallEvent } from '../../../../src/core/tracing/events.ts';

let time = 0;
const call = (pid: number): CallEvent => ({
  kind: 'call',
  time: time++,
  comm: 'dd',
  pid,
  cpu: 0,
  symbol: 'f',
  arguments: [],
  stack: [],
});
const pointer = (low: number) => `0xffffc900${low.toString(16).padStart(8, '0')}`;

it('pairs calls within calls, and tasks apart', () => {
  const pairs = new CallPairs(8);
  const [outer, inner, other] = [call(1), call(1), call(2)];
  pairs.enter(outer, pointer(0x11b3a48));
  pairs.enter(inner, pointer(0x11b3948));
  pairs.enter(other, pointer(0x22b3a48));
  expect(pairs.leave(1, pointer(0x11b3950))).toBe(inner);
  expect(pairs.leave(2, pointer(0x22b3a50))).toBe(other);
  expect(pairs.leave(1, pointer(0x11b3a50))).toBe(outer);
  expect(pairs.leave(1, pointer(0x11b3a50))).toBeNull();
  expect(pairs.unpaired).toBe(1);
  expect(pairs.open()).toEqual([]);
});

it('never gives the entry of a missed return to another call', () => {
  const pairs = new CallPairs(0);
  const [outer, missed, next] = [call(1), call(1), call(1)];
  pairs.enter(outer, pointer(0x2100));
  pairs.enter(missed, pointer(0x2050));
  expect(pairs.leave(1, pointer(0x2100))).toBe(outer);
  pairs.enter(missed, pointer(0x2050));
  // Where the missed one was there is another call now.
  pairs.enter(next, pointer(0x2080));
  expect(pairs.leave(1, pointer(0x2080))).toBe(next);
  expect(pairs.open()).toEqual([]);
});

it('pairs rightly whatever returns are missed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.boolean()), { maxLength: 60 }),
      (moves) => {
        const pairs = new CallPairs(8);
        const stack: { readonly call: CallEvent; readonly low: number }[] = [];
        let low = 0x3f00;
        for (const [size, isSeen] of moves) {
          const top = stack.at(-1);
          if (size % 3 === 0 && top !== undefined) {
            stack.pop();
            low = (stack.at(-1)?.low ?? 0x3f00) - 16;
            if (isSeen) {
              expect(pairs.leave(7, pointer(top.low + 8))).toBe(top.call);
            }
          } else if (low - size * 16 > 0x100) {
            low -= size * 16;
            const entered = { call: call(7), low };
            stack.push(entered);
            pairs.enter(entered.call, pointer(low));
          }
        }
        expect(pairs.unpaired).toBe(0);
        const open = new Set(pairs.open());
        expect(stack.every((entered) => open.has(entered.call))).toBe(true);
      },
    ),
  );
});
