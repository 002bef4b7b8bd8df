/** From the click on Trace to the first call on screen, against bpftrace typed by hand. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { type Workbench, waitFor } from '../test/e2e/driver.ts';
import type { LabInfo } from '../test/lab/lab.ts';
import { background } from '../test/vm/target.ts';
import { above, type Figure, median, spread } from './report.ts';
import { Terminal } from './terminal.ts';

const ROUNDS = 5;
/** Milliseconds before each begins, in which the target comes to rest from the other. */
const REST_MS = 5000;
/** Milliseconds after the click in which nobody looks into the window: that takes the time of what is measured. */
const UNWATCHED_MS = 1000;
const FUNCTION = 'zfs_getattr_fast';
const FILE = 'module/os/linux/zfs/zfs_vnops_os.c';
const BPFTRACE = `bpftrace -e 'kprobe:${FUNCTION} { printf("%s %d\\n", comm, tid); }'`;

/**
 * Runs in every frame of the window: notes when the mouse was let go the last time, which is the click on
 * the menu's entry, when the first call was painted behind its function, and in the page of a trace when its first row
 * was. VS Code writes that page into a frame that is there already, which ends what waits in it: so watching begins
 * with the page's script.
 */
const CLOCKS = `
  addEventListener('mouseup', () => {
    globalThis.zscopeClicked = Date.now();
    globalThis.zscopeMarked = undefined;
  }, true);
  new MutationObserver(() => {
    if (globalThis.zscopeMarked !== undefined) return;
    const marks = document.querySelectorAll('.view-lines [class*="TextEditorDecorationType"]');
    if (![...marks].some((mark) => getComputedStyle(mark, '::after').content.includes('first call: '))) return;
    globalThis.zscopeMarked = null;
    // In the frame that shows it, after layout: a timer set then runs after that frame was painted.
    requestAnimationFrame(() => setTimeout(() => { globalThis.zscopeMarked = Date.now(); }));
  }).observe(document, { subtree: true, childList: true });
  const define = customElements.define;
  customElements.define = function (name, list, ...rest) {
    if (name === 'zs-trace-list') {
      const { updated } = list.prototype;
      let isSeen = false;
      list.prototype.updated = function (...changed) {
        updated.apply(this, changed);
        const row = this.renderRoot.querySelector('.scroller [role=row]');
        if (row === null || isSeen) return;
        isSeen = true;
        // Told of in the frame that is the row's first, after layout: a timer set then runs after that frame was painted.
        new ResizeObserver((_, observer) => {
          observer.disconnect();
          setTimeout(() => { globalThis.zscopeShown = Date.now(); });
        }).observe(row);
      };
    }
    define.call(this, name, list, ...rest);
  };`;

export async function benchTrace(vm: LabInfo, workbench: Workbench): Promise<Figure[]> {
  const source = readFileSync(path.join(vm.sourceDir, FILE), 'utf8').split('\n');
  const line = source.findIndex((text) => text.startsWith(`${FUNCTION}(`)) + 1;
  // Often enough that it is the tracers which are waited for, by a process that takes little of the machine.
  const calls = await background(
    `exec perl -e 'while (1) { stat "/tank"; select undef, undef, undef, 0.02 }'`,
  );
  const terminal = await Terminal.open(vm);
  try {
    // In the window that is open already, and in the frames to come.
    await workbench.page.evaluate(CLOCKS);
    await workbench.page.addInitScript(CLOCKS);
    await workbench.quickInput.openFile(FILE);
    const marked: number[] = [];
    const listed: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await workbench.editor.goToLine(line);
      await rest(REST_MS);
      const shown = await click(workbench);
      marked.push(shown.marked);
      listed.push(shown.listed);
      await rest(REST_MS);
      theirs.push(await terminal.type(BPFTRACE, /^\w\S* \d+\r?$/m, 120_000));
      await terminal.interrupt();
    }
    const figure = (where: string, ours: readonly number[], goal: number): Figure => {
      const ratio = median(ours) / median(theirs);
      return {
        what: `click on Trace to the first call on screen, ${where} (min / median / max of ${ROUNDS})`,
        measured: `${spread(ours)}: ${ratio.toFixed(2)} of bpftrace's time`,
        peer: `bpftrace typed by hand: ${spread(theirs)}`,
        goal: `at most ${goal} of its time`,
        missedBy: above(ratio, goal),
      };
    };
    return [
      figure('behind the function, with arguments and callers', marked, 0.1),
      figure('in the table of the trace, with arguments and stack', listed, 0.2),
    ];
  } finally {
    terminal.close();
    await calls.end();
  }
}

/**
 * One trace, which is stopped and closed: from the click until its first call is behind the function, and until it is in
 * its table. Milliseconds.
 */
async function click(workbench: Workbench): Promise<{ readonly marked: number; readonly listed: number }> {
  await workbench.editor.contextMenu(FUNCTION, 'Trace This Function');
  await rest(UNWATCHED_MS);
  const clicked = Number(await workbench.page.evaluate('globalThis.zscopeClicked'));
  const marked = await waitFor('the first call is painted behind its function', async () =>
    timeOf(await workbench.page.evaluate('globalThis.zscopeMarked')),
  );
  const view = await workbench.webview('Trace');
  await view.locator('[role=row]', { hasText: 'perl' }).first().waitFor();
  const listed = await waitFor('the first row is painted', async () =>
    timeOf(await view.locator('body').evaluate('globalThis.zscopeShown')),
  );
  await view.getByRole('button', { name: 'Stop' }).click();
  await view.getByText('nothing is left on the target').waitFor();
  await workbench.runCommand('View: Close Editor');
  await workbench.page.locator('.tab', { hasText: `Trace ${FUNCTION}` }).waitFor({ state: 'detached' });
  return { marked: marked - clicked, listed: listed - clicked };
}

function timeOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
