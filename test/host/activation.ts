/**
 * How long the extension takes to activate, as VS Code itself measures it: the installed package,
 * in new windows with an extension host each, read from "Developer: Startup Performance".
 */
import type { Browser } from 'playwright-core';
import { QuickInput } from '../e2e/driver/quick-input.ts';
import { plain, waitFor } from '../e2e/driver/wait.ts';
import { launchBrowser, newWindow } from './browser.ts';
import { ensureBrowserHost } from './install.ts';
import { makeTemporaryProfile } from './profile.ts';
import { installExtension, type Server, startServer } from './server.ts';

/** One window's activation, in whole milliseconds. VS Code gives no finer figure. */
export interface Activation {
  /** Reading and compiling the extension's bundle. */
  readonly load: number;
  /** `activate()` up to its first await. */
  readonly call: number;
  /** From there until its promise resolved. */
  readonly finish: number;
  /** The sum of the three. */
  readonly total: number;
}

export interface ActivationOptions {
  readonly vsix: string;
  /** `publisher.name`. */
  readonly extension: string;
  /** The icon of the activity bar whose click activates the extension. */
  readonly activity: string;
  /** The folder that the windows open. */
  readonly folder: string;
  /** How many windows, one after the other. */
  readonly windows: number;
}

/** High enough for the editor to render each line of the report. */
const TALL = { width: 1900, height: 6000 };

/**
 * Activates the extension in `windows` new windows of one server and returns a figure for each, in
 * order. On a busy machine single figures are several times too high: hold a budget against the
 * least of at least five.
 */
export async function measureActivation(options: ActivationOptions): Promise<Activation[]> {
  const host = await ensureBrowserHost();
  const profile = makeTemporaryProfile();
  await installExtension(host, profile, options.vsix);
  const server = await startServer(host, profile);
  const browser = await launchBrowser(host);
  const figures: Activation[] = [];
  try {
    for (let i = 0; i < options.windows; i++) {
      figures.push(await oneWindow(browser, server, options));
    }
  } finally {
    await browser.close();
    await server.stop();
    profile.remove();
  }
  return figures;
}

async function oneWindow(browser: Browser, server: Server, options: ActivationOptions): Promise<Activation> {
  const { page, context } = await newWindow(browser, TALL);
  try {
    await page.goto(server.url({ folder: options.folder }));
    const icon = page.locator(`.activitybar a.action-label[aria-label^="${options.activity}"]`).first();
    await icon.waitFor({ timeout: 60_000 });
    // The built-in extensions activate in the same process: ours is to be measured after them, not among them.
    const busy = page.locator('.part.statusbar .statusbar-item', { hasText: 'Activating Extensions' });
    await busy.waitFor({ state: 'hidden' });
    await icon.click();
    await new QuickInput(page).runCommand('Developer: Startup Performance');
    const name = options.extension.replaceAll('.', '\\.');
    const row = new RegExp(`^\\| ${name} +\\|`);
    // The report is written anew whenever an extension's state changes, so its row appears by itself.
    const lines = page.locator('.editor-instance .view-line');
    return await waitFor(`${options.extension} in the startup report`, async () => {
      const line = (await lines.allTextContents()).map(plain).find((text) => row.test(text));
      return line === undefined ? undefined : parseRow(line);
    });
  } finally {
    await context.close();
  }
}

/** A row of the report: `| extension | eager | load | call | finish | event | by |`, times in ms. */
function parseRow(line: string): Activation {
  const cells = line.split('|').map((cell) => cell.trim());
  const [load = Number.NaN, call = Number.NaN, finish = Number.NaN] = cells.slice(3, 6).map(Number);
  const total = load + call + finish;
  if (!Number.isFinite(total)) {
    throw new Error(`The startup report has another form than expected: ${line}`);
  }
  return { load, call, finish, total };
}
