/** The dbgmsg stream against the kernel's own list. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type DbgmsgEvent, dbgmsg } from '../../src/target/collectors/dbgmsg.ts';
import type { Connection } from '../../src/target/connection.ts';
import * as lab from '../lab/lab.ts';
import { connectToLab } from './connect.ts';
import { POOL } from './setup.ts';
import { ask, until, Watched } from './target.ts';

const FILE = '/proc/spl/kstat/zfs/dbgmsg';
const PARAMETERS = '/sys/module/zfs/parameters';
/** zfs_flags bit that writes a message for each error that is returned (include/sys/zfs_debug.h). */
const SET_ERROR = 512;

let connection: Connection;
let observer: Connection;
let watched: Watched<DbgmsgEvent> | undefined;
/** What the parameters were before. */
let before: string;

beforeAll(async () => {
  const vm = await lab.requireUp();
  [connection, observer] = await Promise.all([connectToLab(vm), connectToLab(vm)]);
  before = await ask(observer, `cd ${PARAMETERS}; cat zfs_flags zfs_dbgmsg_maxsize`);
});

afterEach(async () => {
  await watched?.stop();
  const [flags, size] = before.split('\n');
  await ask(observer, `cd ${PARAMETERS}; echo ${flags} >zfs_flags; echo ${size} >zfs_dbgmsg_maxsize`);
});

afterAll(() => {
  connection?.dispose();
  observer?.dispose();
});

/** The lines in the kernel at this moment, without the two of the header. */
async function kernelLines(): Promise<string[]> {
  const text = await ask(observer, `cat ${FILE}`);
  const lines = text.split('\n').slice(0, -1);
  return lines.slice(lines.findIndex((line) => line.startsWith('timestamp')) + 1);
}

/** Looks up that many names that are not there: an error each, from two processes at once. */
function failures(count: number): Promise<string> {
  return ask(
    observer,
    `cd /${POOL}
    fail() { i=0; while [ $i -lt ${Math.ceil(count / 2)} ]; do [ -e "$1$i" ]; i=$((i+1)); done; }
    echo ${SET_ERROR} >${PARAMETERS}/zfs_flags
    (fail $$a) & (fail $$b) & wait
    echo 0 >${PARAMETERS}/zfs_flags`,
  );
}

const lines = (): string[] =>
  (watched?.events ?? []).flatMap((event) => (event.kind === 'line' ? [event.text] : []));
const others = (): DbgmsgEvent[] => (watched?.events ?? []).filter(({ kind }) => kind !== 'line');

async function start(): Promise<void> {
  watched = await Watched.start(connection, dbgmsg, null);
}

/** Waits until as many lines came as the kernel has; these may grow meanwhile. Gives the kernel's. */
async function caughtUp(limitMs: number, ignored = 0): Promise<string[]> {
  const expected = await kernelLines();
  await until(`${expected.length} lines`, limitMs, () =>
    lines().length - ignored >= expected.length ? true : undefined,
  );
  return expected;
}

describe('dbgmsg', () => {
  it('begins with all that the kernel holds and goes on with what is new, once each and in order', async () => {
    await ask(observer, `echo 0 >${FILE}`);
    await failures(500);
    await start();
    const backlog = await caughtUp(30_000);
    expect(backlog.length).toBeGreaterThanOrEqual(500);
    expect(lines().slice(0, backlog.length)).toEqual(backlog);
    await ask(observer, `zfs create ${POOL}/new && zfs destroy ${POOL}/new`);
    await until('the new dataset', 10_000, () =>
      lines().some((line) => line.includes(`zfs create ${POOL}/new`)) ? true : undefined,
    );
    const all = await caughtUp(30_000);
    expect(lines().slice(0, all.length)).toEqual(all);
    expect(others()).toEqual([]);
  });

  it('marks the place where somebody cleared the list', async () => {
    await failures(50);
    await start();
    const seen = (await caughtUp(60_000)).length;
    const told = lines().length;
    await ask(observer, `echo 0 >${FILE}; zfs create ${POOL}/later && zfs destroy ${POOL}/later`);
    await until('the line after it', 20_000, () =>
      lines().some((line) => line.includes(`zfs create ${POOL}/later`)) ? true : undefined,
    );
    expect(told).toBeGreaterThanOrEqual(seen);
    const gap = watched?.events.findIndex(({ kind }) => kind === 'gap') ?? -1;
    expect(others()).toEqual([{ kind: 'gap', why: expect.stringContaining('cleared') }]);
    // All after the gap is what the kernel has now.
    const after = watched?.events
      .slice(gap + 1)
      .flatMap((event) => (event.kind === 'line' ? [event.text] : []));
    const now = await kernelLines();
    expect(after).toEqual(now.slice(0, after?.length));
  });

  it('marks the place where the kernel dropped lines that were never read', async () => {
    await ask(observer, `echo 0 >${FILE}; echo 100000 >${PARAMETERS}/zfs_dbgmsg_maxsize`);
    await failures(50);
    await start();
    await caughtUp(30_000);
    // Some ten times what the list holds now, within a second or so.
    await failures(10_000);
    const last = (await kernelLines()).slice(-100);
    await until('the last lines', 30_000, () =>
      lines().slice(-100).join('\n') === last.join('\n') ? true : undefined,
    );
    expect(others().length).toBeGreaterThan(0);
    expect(others().filter(({ kind }) => kind !== 'gap')).toEqual([]);
  });

  it('loses and doubles nothing in a burst of 50,000 lines that the kernel holds', async () => {
    await ask(observer, `echo ${64 << 20} >${PARAMETERS}/zfs_dbgmsg_maxsize; echo 0 >${FILE}`);
    await failures(100);
    await start();
    await caughtUp(30_000);
    const began = performance.now();
    await failures(50_000);
    const written = performance.now() - began;
    const all = await caughtUp(60_000);
    console.log(
      `${all.length} lines written in ${Math.round(written)} ms, ` +
        `all here ${Math.round(performance.now() - began)} ms after the first`,
    );
    expect(all.length).toBeGreaterThanOrEqual(50_000);
    // One string each: a difference is shown without comparing line by line.
    expect(lines().slice(0, all.length).join('\n') === all.join('\n')).toBe(true);
    expect(others()).toEqual([]);
  });
});
