import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NextSession, UNUSED_MS } from '../../../src/extension/tracing/next-session.ts';
import type { Connection } from '../../../src/target/connection.ts';

/** A connection that notes for which sessions a shell stands by. */
function target() {
  const waiting = new Set<string>();
  const ahead: string[] = [];
  const connection = {
    state: 'connected',
    facts: { root: 'root' },
    standBy: (_collector: unknown, { sessionId }: { sessionId: string }) => {
      waiting.add(sessionId);
      return { dispose: () => waiting.delete(sessionId), goAhead: () => ahead.push(sessionId) };
    },
  };
  return { waiting, ahead, facts: connection.facts, connection: connection as unknown as Connection };
}

let next: NextSession;
beforeEach(() => {
  vi.useFakeTimers();
  next = new NextSession();
});
afterEach(() => {
  next.dispose();
  vi.useRealTimers();
});

test('the shell that stands by is that of the session that comes, and another one follows it', () => {
  const { waiting, connection } = target();
  next.prepare(connection);
  expect(waiting.size).toBe(0); // The connection's own first questions go before.
  vi.advanceTimersByTime(2000);
  const id = next.take(connection);
  expect([...waiting]).toEqual([id]);
  next.prepare(connection);
  expect(waiting.size).toBe(1); // The session's first calls go before.
  vi.advanceTimersByTime(5000);
  expect(waiting.size).toBe(2);
  expect(next.take(connection)).not.toBe(id);
});

test('a shell that no session came for ends, and a later one is had at once', () => {
  const { waiting, connection } = target();
  next.prepare(connection);
  vi.advanceTimersByTime(2000);
  for (let turn = 0; turn < 3; turn += 1) {
    vi.advanceTimersByTime(UNUSED_MS - 1000);
    next.prepare(connection);
  }
  expect(waiting.size).toBe(1);
  vi.advanceTimersByTime(UNUSED_MS);
  expect(waiting.size).toBe(0);
  next.prepare(connection);
  expect(waiting.size).toBe(1);
});

test('a shell that a session has taken is not ended when the others would be', () => {
  const { waiting, connection } = target();
  next.prepare(connection);
  vi.advanceTimersByTime(2000);
  const id = next.take(connection);
  vi.advanceTimersByTime(2 * UNUSED_MS);
  expect([...waiting]).toEqual([id]);
});

test('a shell stands by once there is root, also where there was none at first', () => {
  const { waiting, connection, facts } = target();
  facts.root = 'none';
  next.prepare(connection);
  vi.advanceTimersByTime(2000);
  expect(waiting.size).toBe(0);
  facts.root = 'sudo';
  next.prepare(connection);
  vi.advanceTimersByTime(2000);
  expect(waiting.size).toBe(1);
});

test('what stands by goes ahead when a session is next, also when that was known before it stood by', () => {
  const { waiting, ahead, connection } = target();
  next.prepare(connection, true);
  vi.advanceTimersByTime(2000);
  expect(ahead).toEqual([...waiting]);
  next.take(connection);
  vi.advanceTimersByTime(5000);
  next.prepare(connection);
  expect(waiting.size).toBe(2);
  expect(ahead).toHaveLength(1); // That a session began is no sign that another one is next.
  next.prepare(connection, true);
  expect(ahead).toEqual([...waiting]);
});
