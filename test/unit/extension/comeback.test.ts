import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Failure } from '../../../src/core/failure.ts';
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

/** What was lost of it, in the boot `first`. */
const lost = {
  entry,
  connection: { facts: { bootId: 'first' } } as unknown as Connection,
  module: 'zfs',
  absent: () => {},
};

/** What {@link comeback} uses of the targets: one, whose connection stands or not. */
function targets(root: 'root' | 'none' | null) {
  const listeners = new Set<() => void>();
  let bootId = 'first';
  let run = async (): Promise<boolean> => {
    throw new Error('nothing is asked');
  };
  let target: { state: string; connection: Connection | null } | null = null;
  const become = (next: 'root' | 'none' | null | 'forgotten') => {
    const connection = { facts: { root: next, bootId }, run } as unknown as Connection;
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
  const reboot = (isLoaded: () => Promise<boolean>) => {
    bootId = `${bootId} again`;
    run = isLoaded;
  };
  return { become, reboot, listeners, service: service as unknown as TargetService };
}

test('the next connection with root, and no other', async () => {
  const { become, listeners, service } = targets(null);
  const next = comeback(service, lost, ending().signal);
  vi.advanceTimersByTime(5000);
  become('none');
  become('root');
  expect((await next)?.facts.root).toBe('root');
  expect(listeners.size).toBe(0);
});

test('what ends over a connection that stands is not begun again at once', async () => {
  const { listeners, service } = targets('root');
  let isThere = false;
  const next = comeback(service, lost, ending().signal).then(() => {
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
  const next = comeback(service, lost, end.signal);
  if (how === 'ended') {
    end.abort();
  } else {
    become('forgotten');
  }
  expect(await next).toBeNull();
  expect([listeners.size, vi.getTimerCount()]).toEqual([0, 0]);
});

test('after a reboot it waits for the module, which is told once, and looks again over the next connection', async () => {
  const { become, reboot, listeners, service } = targets(null);
  let told = 0;
  const answers = [false, false, null, 'slow', true];
  const absent = () => {
    told += 1;
  };
  let isThere = false;
  const next = comeback(service, { ...lost, absent }, ending().signal).then((connection) => {
    isThere = true;
    return connection;
  });
  reboot(async () => {
    const answer = answers.shift();
    if (answer == null) throw new Failure('lost', 'gone again');
    if (answer === 'slow') throw new Failure('timeout', 'it boots');
    return answer === true;
  });
  await vi.advanceTimersByTimeAsync(2000);
  become('root');
  await vi.advanceTimersByTimeAsync(6000);
  expect([told, answers.length, isThere]).toEqual([1, 3, false]);
  become(null);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([answers.length, isThere]).toEqual([2, false]);
  become('root');
  await vi.advanceTimersByTimeAsync(5000);
  expect((await next)?.facts.bootId).toBe('first again');
  expect([told, listeners.size, vi.getTimerCount()]).toEqual([1, 0, 0]);
});

test('what is not wanted any more waits for no module', async () => {
  const { become, reboot, service } = targets(null);
  const end = ending();
  const next = comeback(service, lost, end.signal);
  reboot(async () => false);
  await vi.advanceTimersByTimeAsync(2000);
  become('root');
  await vi.advanceTimersByTimeAsync(1000);
  end.abort();
  await vi.advanceTimersByTimeAsync(0);
  expect([await next, vi.getTimerCount()]).toEqual([null, 0]);
});
