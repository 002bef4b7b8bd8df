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
  connection: { facts: { bootId: 'first' }, state: 'closed' } as unknown as Connection,
  module: 'zfs',
  error: null,
  waits: () => {},
};

/** What {@link comeback} uses of the targets: one, whose connection stands or not. */
function targets(root: 'root' | 'none' | null) {
  const listeners = new Set<() => void>();
  let bootId = 'first';
  let zfs: { readonly zfsVersion: null; refreshZfs(): Promise<boolean> } | undefined;
  let run = async (): Promise<boolean> => {
    throw new Error('nothing is asked');
  };
  let target: { state: string; connection: Connection | null } | null = null;
  const become = (next: 'root' | 'none' | null | 'forgotten') => {
    const facts = { root: next, bootId, zfsVersion: zfs?.zfsVersion };
    const connection = { facts, run, refreshZfs: zfs?.refreshZfs } as unknown as Connection;
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
  const reboot = (isLoaded: () => Promise<boolean>, without?: typeof zfs) => {
    zfs = without;
    bootId = `${bootId} again`;
    run = isLoaded;
  };
  return { become, reboot, listeners, service: service as unknown as TargetService };
}

const LOST = 'The connection to vm was lost; goes on when it is there again';

test('the next connection with root, and no other, and what it waits for is said', async () => {
  const { become, listeners, service } = targets(null);
  const told: string[] = [];
  const waits = (what: string) => told.push(what);
  const next = comeback(service, { ...lost, waits }, ending().signal);
  vi.advanceTimersByTime(5000);
  become('none');
  become('none');
  become('root');
  expect((await next)?.facts.root).toBe('root');
  expect(told).toEqual([LOST, 'vm is there again; goes on when ZScope has root there (Become Root...)']);
  expect(listeners.size).toBe(0);
});

test.each([
  ['connected', null, 'Interrupted on vm; goes on in a moment'],
  ['closed', new Failure('timeout', 'late'), 'vm did not answer in time; goes on when it does'],
  ['connected', new Failure('lost', 'gone'), LOST],
] as const)('that a connection was lost is said only where it was (%s)', async (state, error, said) => {
  const { service } = targets('root');
  const waits = vi.fn();
  const connection = { ...lost.connection, state } as unknown as Connection;
  const next = comeback(service, { ...lost, connection, error, waits }, ending().signal);
  await vi.advanceTimersByTimeAsync(2000);
  await next;
  expect(waits.mock.calls).toEqual([[said]]);
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
  const told: string[] = [];
  const waits = (what: string) => told.push(what);
  const answers = [false, false, null, 'slow', true];
  let isThere = false;
  const next = comeback(service, { ...lost, waits }, ending().signal).then((connection) => {
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
  expect(told).toEqual([LOST, 'vm was booted anew; goes on when zfs is loaded there']);
  expect([answers.length, isThere]).toEqual([3, false]);
  become(null);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([answers.length, isThere]).toEqual([2, false]);
  become('root');
  await vi.advanceTimersByTimeAsync(5000);
  expect((await next)?.facts.bootId).toBe('first again');
  expect([told.length, listeners.size, vi.getTimerCount()]).toEqual([2, 0, 0]);
});

test('a module that was loaded after the connection is known to be there by all', async () => {
  const { become, reboot, service } = targets(null);
  const factsChanged = vi.fn();
  const refreshZfs = vi.fn(async () => true);
  const next = comeback(Object.assign(service, { factsChanged }), lost, ending().signal);
  reboot(async () => true, { zfsVersion: null, refreshZfs });
  await vi.advanceTimersByTimeAsync(2000);
  become('root');
  await next;
  expect([refreshZfs.mock.calls.length, factsChanged.mock.calls.length]).toEqual([1, 1]);
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
