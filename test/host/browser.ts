/** Chromium as the window of the browser host. */
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { BrowserHost } from './install.ts';

/** Starts a Chromium without a visible window. It ends with this process. */
export function launchBrowser(host: BrowserHost): Promise<Browser> {
  return chromium.launch({
    executablePath: host.chromium,
    headless: true,
    // Signals are the entry point's affair (see exitOnSignals); playwright still ends Chromium on exit.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    args: [
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-dev-shm-usage',
      '--disable-gpu',
      '--disable-quic',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

/** A window with a state of its own (layout, recent files), and what it may not reach. */
export interface Window {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Addresses outside of 127.0.0.1 that the page asked for and was refused. */
  readonly refused: string[];
}

/** The size of a window in CSS pixels; also of screenshots. */
export const WINDOW_SIZE = { width: 1400, height: 900 };

/** An empty window that reaches nothing but 127.0.0.1. */
export async function newWindow(browser: Browser, viewport = WINDOW_SIZE): Promise<Window> {
  const context = await browser.newContext({ viewport, permissions: ['clipboard-read', 'clipboard-write'] });
  const refused: string[] = [];
  await context.route(
    (url) => url.hostname !== '127.0.0.1',
    (route) => {
      refused.push(route.request().url());
      return route.abort();
    },
  );
  return { page: await context.newPage(), context, refused };
}
