import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { comeback } from '../../../src/extension/targets/comeback.ts';
import type { TargetService } from '../../../src/extension/targets/target-service.ts';
import type { Connection } from '../../../src/target/connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const entry = { alias: 'vm', configFile: null };
const ending = () => new AbortController();

/** What {@link comeback} uses of the targets: one, whose connection stands or not. */
function targets(root: 'root' | 'none' | null) {
  const listeners = new Set<() => void>();
  let target: { state: string; connection: Connection | null } | null = null;
  const become = (next: 'root' | 'none' | null | 'forgotten') => {
    const connection = { facts: { root: next } } as unknown as Connection;
    target =
      next === 'forgotten'
        ? null
        : next === null
          ? { state: 'closed', connection: null }
          : { state: 'connected', connection };
    for (const listener of [...listeners]) {
      listener();
    }
  };
  become(root);
  const service = {
    target: () => target,
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
  };
  return { become, listeners, service: service as unknown as TargetService };
}

test('the next connection with root, and no other', async () => {
  const { become, listeners, service } = targets(null);
  const next = comeback(service, entry, ending().signal);
  vi.advanceTimersByTime(5000);
  become('none');
  become('root');
  expect((await next)?.facts.root).toBe('root');
  expect(listeners.size).toBe(0);
});

test('what ends over a connection that stands is not begun again at once', async () => {
  const { listeners, service } = targets('root');
  let isThere = false;
  const next = comeback(service, entry, ending().signal).then(() => {
    isThere = true;
  });
  await vi.advanceTimersByTimeAsync(900);
  expect(isThere).toBe(false);
  await vi.advanceTimersByTimeAsync(200);
  await next;
  expect([listeners.size, vi.getTimerCount()]).toEqual([0, 0]);
});

test.each(['forgotten', 'ended'])('nothing comes back where it was %s', async (how) => {
  const { become, listeners, service } = targets('root');
  const end = ending();
  const next = comeback(service, entry, end.signal);
  if (how === 'ended') {
    end.abort();
  } else {
    become('forgotten');
  }
  expect(await next).toBeNull();
  expect([listeners.size, vi.getTimerCount()]).toEqual([0, 0]);
});
