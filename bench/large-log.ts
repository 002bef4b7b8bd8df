/** A log of 100 MB in a real workbench, with and without ZScope beside it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { QuickInput } from '../test/e2e/driver/quick-input.ts';
import { launchBrowser, newWindow } from '../test/host/browser.ts';
import { ensureBrowserHost } from '../test/host/install.ts';
import { makeTemporaryProfile, type Profile } from '../test/host/profile.ts';
import { installExtension, startServer } from '../test/host/server.ts';
import { repository } from '../test/support/paths.ts';
import { above, type Figure, median, spread } from './report.ts';

const BYTES = 100_000_000;
const ROUNDS = 5;

/** The first word of the log; its line is on screen when the log is. */
const FIRST_WORD = 'the-first-line-of-the-log';
const LOG = 'large.log';
const SMALL = 'small.kstack';

/** How long a window may take for what takes seconds, in milliseconds. */
const LIMIT_MS = 120_000;

/** First paints of different runs of the same differ by so much of them. */
const NOISE = 1.1;

interface LogWindow {
  readonly profile: Profile;
  readonly page: Page;
  close(): Promise<void>;
}

/** @param vsix the extension that the window has; null for none */
async function openWindow(folder: string, vsix: string | null): Promise<LogWindow> {
  const host = await ensureBrowserHost();
  // Of files on another machine VS Code asks above 10 MB.
  const profile = makeTemporaryProfile({ 'workbench.editorLargeFileConfirmation': 1024 });
  if (vsix !== null) {
    await installExtension(host, profile, vsix);
  }
  const server = await startServer(host, profile);
  const browser = await launchBrowser(host);
  const { page } = await newWindow(browser);
  page.setDefaultTimeout(LIMIT_MS);
  await page.goto(server.url({ folder }));
  await page.locator('.monaco-workbench .part.activitybar').waitFor();
  return {
    profile,
    page,
    close: async () => {
      await browser.close();
      await server.stop();
      profile.remove();
    },
  };
}

/** From the key that opens the log to its first line on screen, in milliseconds; then the log is closed. */
async function firstPaint(page: Page): Promise<number> {
  await page.keyboard.press('Control+p');
  await page.locator('.quick-input-widget input.input:visible').first().fill(LOG);
  const top = page.locator('.quick-input-list .monaco-list-row[data-index="0"] .label-name');
  await top.filter({ hasText: LOG }).waitFor();
  // A text: what is compiled here would name helpers that the page does not have.
  await page.evaluate(`globalThis.painted = { after: new Promise((resolve) => {
    const started = performance.now();
    const look = () => {
      const lines = [...document.querySelectorAll('.editor-instance .view-line')];
      if (lines.some((line) => line.textContent.includes('${FIRST_WORD}'))) {
        resolve(performance.now() - started);
      } else {
        requestAnimationFrame(look);
      }
    };
    look();
  }) }; 0`);
  await page.keyboard.press('Enter');
  const after = await page.evaluate<number>('globalThis.painted.after');
  await new QuickInput(page).runCommand('View: Close All Editors');
  await page.locator(`.tab[data-resource-name="${LOG}"]`).waitFor({ state: 'detached' });
  return after;
}

/** Resident memory at its highest of the language server of a window, in MiB; null when it has none (proc(5)). */
function serverMemory(profile: Profile): number | null {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (command.includes(profile.extensions) && command.includes('dist/server.cjs')) {
        const high = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
        return Number(high ?? 0) / 1024;
      }
    } catch {
      // It ended meanwhile.
    }
  }
  return null;
}

export async function benchLargeLog(vsix: string): Promise<Figure[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-large-'));
  const dump = readFileSync(
    path.join(repository, 'test/unit/core/stack/text/golden/captured/linux-sysrq-t.txt'),
    'utf8',
  );
  const log = `${FIRST_WORD}\n${dump.repeat(Math.ceil(BYTES / dump.length))}`.slice(0, BYTES);
  writeFileSync(path.join(folder, LOG), log);
  writeFileSync(path.join(folder, 'a.c'), 'int\nzil_commit(void)\n{\n\treturn (0);\n}\n');
  writeFileSync(path.join(folder, SMALL), '[<0>] zil_commit+0x10/0x40 [zfs]\n');
  const windows: LogWindow[] = [];
  try {
    const plain = await openWindow(folder, null);
    windows.push(plain);
    const ours = await openWindow(folder, vsix);
    windows.push(ours);
    // A link in the small text: ZScope is awake, and its server answers.
    await new QuickInput(ours.page).openFile(SMALL);
    await ours.page.locator('.editor-instance .detected-link').first().waitFor();
    const without: number[] = [];
    const beside: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const [first, second] = [await firstPaint(plain.page), await firstPaint(ours.page)];
      // The first is of a window that has opened no editor before.
      if (round > 0) {
        without.push(first);
        beside.push(second);
      }
    }
    const memory = serverMemory(ours.profile);
    return [
      {
        what: `a log of ${BYTES / 1e6} MB opened, to its first line on screen, ZScope awake (min / median / max of ${ROUNDS})`,
        measured: `${spread(beside)}: ${(median(beside) / median(without)).toFixed(2)} of VS Code's own`,
        peer: `VS Code without ZScope: ${spread(without)}`,
        goal: `no slower, within ${Math.round((NOISE - 1) * 100)} %`,
        missedBy: above(median(beside) / median(without), NOISE),
      },
      {
        what: 'memory of the server meanwhile: VS Code gives no text above 50 MB to an extension',
        measured: memory === null ? 'no server' : `${Math.round(memory)} MiB at most`,
        peer: '',
        goal: 'under 300 MiB',
        missedBy: memory === null ? 'no server' : above(memory, 300),
      },
    ];
  } finally {
    for (const window of windows) {
      await window.close();
    }
    rmSync(folder, { recursive: true, force: true });
  }
}
