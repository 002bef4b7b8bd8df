/** A burst of dbgmsg lines: is each there once, and can the window still be used? */
import type { FrameLocator } from 'playwright-core';
import { type DbgmsgEvent, dbgmsg } from '../src/target/collectors/dbgmsg.ts';
import { type Workbench, waitFor } from '../test/e2e/driver.ts';
import type { LabInfo } from '../test/lab/lab.ts';
import { connectToLab } from '../test/vm/connect.ts';
import { ask, Watched } from '../test/vm/target.ts';
import { above, type Figure } from './report.ts';

const LINES = 50_000;
const FILE = '/proc/spl/kstat/zfs/dbgmsg';
const PARAMETERS = '/sys/module/zfs/parameters';

/** Answers a click within this time feel immediate to a person: "good" of Interaction to Next Paint. */
const RESPONSIVE_MS = 200;

/** Keeps the longest task of a page's event loop and the longest time without a frame. */
const WATCH = `() => {
  const seen = { block: 0, gap: 0 };
  globalThis.zscopeSeen = seen;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.block = Math.max(seen.block, duration);
  }).observe({ type: 'longtask' });
  let last = performance.now();
  const tick = () => {
    const now = performance.now();
    seen.gap = Math.max(seen.gap, now - last);
    last = now;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}`;

interface Seen {
  /** Milliseconds; 0 when no task took 50 ms or more (W3C Long Tasks). */
  readonly block: number;
  /** Milliseconds. */
  readonly gap: number;
}

export async function benchDbgmsg(vm: LabInfo, workbench: Workbench): Promise<Figure[]> {
  const [observer, reader] = await Promise.all([connectToLab(vm), connectToLab(vm)]);
  const before = await ask(observer, `cd ${PARAMETERS}; cat zfs_flags zfs_dbgmsg_maxsize`);
  const [flags, size] = before.split('\n');
  try {
    // Room for the burst, in a list that is short at first.
    await ask(observer, `echo ${64 << 20} >${PARAMETERS}/zfs_dbgmsg_maxsize; echo 0 >${FILE}`);
    await burst(observer, 100, false);
    await workbench.runCommand('ZScope: Show dbgmsg');
    const view = await workbench.webview('dbgmsg');
    const stream = await Watched.start(reader, dbgmsg, null);
    const held = () => ask(observer, `cat ${FILE}`).then(linesOf);
    const first = (await held()).length;
    await waitFor('the panel has the backlog', async () => ((await rows(view)) >= first ? true : undefined));
    const rowsBefore = await rows(view);
    const body = view.locator('body');
    await workbench.page.evaluate(`(${WATCH})()`);
    await body.evaluate(`(${WATCH})()`);
    const began = performance.now();
    const tail = await burst(observer, LINES, true);
    const expected = await held();
    await waitFor(
      'the panel has all lines',
      async () => ((await rows(view)) >= rowsBefore + expected.length - first ? true : undefined),
      120_000,
    );
    const took = performance.now() - began;
    const window = (await workbench.page.evaluate('globalThis.zscopeSeen')) as Seen;
    const panel = (await body.evaluate('globalThis.zscopeSeen')) as Seen;
    await waitFor('the stream has all lines', async () =>
      stream.events.length >= expected.length ? true : undefined,
    );
    // A line that comes late shows as a row too many.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const got = stream.events.flatMap((event: DbgmsgEvent) => (event.kind === 'line' ? [event.text] : []));
    const wrong =
      got.slice(0, expected.length).join('\n') === expected.join('\n') ? 0 : differences(got, expected);
    const now = (await held()).length;
    const onScreen = Math.abs((await rows(view)) - rowsBefore - (now - first));
    await stream.stop();
    await workbench.screenshot('dbgmsg-burst');
    const worst = Math.max(window.block, panel.block);
    return [
      {
        what: `burst of ${expected.length - first} dbgmsg lines: lost or doubled`,
        measured: `${wrong + onScreen}; all in the panel ${(took / 1000).toFixed(1)} s after the first was written`,
        peer: `tail -f showed ${tail} of them`,
        goal: 'none',
        missedBy: above(wrong + onScreen, 0),
      },
      {
        what: 'longest time that the window or the panel could not answer meanwhile',
        measured: `window ${blockText(window)}, panel ${blockText(panel)}`,
        peer: '',
        goal: `at most ${RESPONSIVE_MS} ms`,
        missedBy: above(worst, RESPONSIVE_MS),
      },
    ];
  } finally {
    await ask(observer, `cd ${PARAMETERS}; echo ${flags} >zfs_flags; echo ${size} >zfs_dbgmsg_maxsize`);
    observer.dispose();
    reader.dispose();
  }
}

function blockText({ block, gap }: Seen): string {
  return `${block === 0 ? 'below 50' : Math.round(block)} ms (longest time between two frames ${Math.round(gap)} ms)`;
}

/** Lines of the kernel's list without its header. */
function linesOf(text: string): string[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.slice(lines.findIndex((line) => line.startsWith('timestamp')) + 1);
}

/** All rows that the panel was given so far. */
async function rows(view: FrameLocator): Promise<number> {
  const title = await view.locator('.count').getAttribute('title');
  return Number(/ of ([\d,]+) /.exec(title ?? '')?.[1]?.replaceAll(',', '') ?? Number.NaN);
}

/** How many lines are at another place than they should be. */
function differences(got: readonly string[], expected: readonly string[]): number {
  return expected.filter((line, i) => got[i] !== line).length;
}

/**
 * Looks up names that are not there while zfs_flags has ZFS_DEBUG_SET_ERROR (512): a line each, from two
 * processes. Resolves to how many new lines a `tail -f` that was begun before has shown.
 */
async function burst(observer: Parameters<typeof ask>[0], count: number, withTail: boolean): Promise<number> {
  const text = await ask(
    observer,
    `cd /tank
    kept=/run/zscope-bench-tail
    fail() { i=0; while [ $i -lt ${Math.ceil(count / 2)} ]; do [ -e "$1$i" ]; i=$((i+1)); done; }
    ${withTail ? `cat ${FILE} >$kept.before; tail -n +1 -f ${FILE} >$kept & tail=$!; sleep 1` : ':'}
    echo 512 >${PARAMETERS}/zfs_flags
    (fail $$a) & a=$!
    (fail $$b) & wait $a $!
    echo 0 >${PARAMETERS}/zfs_flags
    ${withTail ? 'sleep 2; kill $tail' : 'exit'}
    awk 'NR == FNR { old[$0]; next } !($0 in old) { n++ } END { print n + 0 }' $kept.before $kept
    rm $kept $kept.before`,
  );
  return Number(text.trim().split('\n').at(-1));
}
