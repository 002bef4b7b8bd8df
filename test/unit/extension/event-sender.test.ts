import { setImmediate as turn } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { Newest } from '../../../src/extension/newest.ts';
import { EventSender } from '../../../src/extension/tracing/event-sender.ts';

function sender(count: number) {
  const newest = new Newest<number>(count);
  newest.push(Array.from({ length: count }, (_, i) => i));
  const sent: number[] = [];
  const starts: number[] = [];
  const events = new EventSender(
    () => newest,
    (batch, from) => {
      sent.push(...batch);
      starts.push(from);
    },
  );
  return { newest, sent, starts, events };
}

test('every event is sent once and in order, with turns for others between', async () => {
  const { newest, sent, starts, events } = sender(50_500);
  events.send();
  expect(sent.length).toBeLessThan(50_500);
  newest.push([50_500]);
  events.send();
  await vi.waitFor(() => expect(sent).toHaveLength(50_501), 20_000);
  expect(sent.every((event, i) => event === i)).toBe(true);
  expect(starts.every((from) => from % 1000 === 0)).toBe(true);
  events.restart();
  await vi.waitFor(() => expect(sent).toHaveLength(2 * 50_501), 20_000);
});

test('a page that was closed meanwhile is sent no more, and nothing goes on', async () => {
  const { newest, sent, events } = sender(50_000);
  events.send();
  const { length } = sent;
  events.dispose();
  const later = vi.spyOn(globalThis, 'setImmediate');
  try {
    newest.push([50_000]);
    events.send();
    for (let i = 0; i < 5; i++) await turn();
    expect(sent).toHaveLength(length);
    expect(later).not.toHaveBeenCalled();
  } finally {
    later.mockRestore();
  }
});
