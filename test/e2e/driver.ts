/**
 * Drives a real VS Code workbench by its screen: one object a part of the window, each waiting for
 * what it touches. Nothing here knows ZScope.
 */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { FrameLocator, Locator, Page } from 'playwright-core';
import { launchBrowser, newWindow, WINDOW_SIZE } from '../host/browser.ts';
import { ensureBrowserHost } from '../host/install.ts';
import { makeTemporaryProfile, type Settings } from '../host/profile.ts';
import { installExtension, startServer } from '../host/server.ts';
import { repository } from '../support/paths.ts';
import { Editor } from './driver/editor.ts';
import { Dialog, Notifications } from './driver/messages.ts';
import { QuickInput } from './driver/quick-input.ts';
import { TreeView } from './driver/tree.ts';
import { plain, STEP_LIMIT, waitFor } from './driver/wait.ts';

export { waitFor };

export interface WorkbenchOptions {
  /** The packed extension. */
  readonly vsix: string;
  /** The folder that the window opens. */
  readonly folder: string;
  readonly settings?: Settings;
  /** Added to the environment of the extension host, for instance HOME. */
  readonly env?: NodeJS.ProcessEnv;
  /** Where pictures go; default test-artifacts/e2e, emptied first. */
  readonly artifacts?: string;
  /** CSS pixels. */
  readonly size?: { width: number; height: number };
}

export class Workbench {
  readonly page: Page;
  readonly quickInput: QuickInput;
  readonly editor: Editor;
  readonly notifications: Notifications;
  readonly dialog: Dialog;
  /** Errors and warnings of the page's console, for a failing test's report. */
  readonly console: string[] = [];
  /** Addresses outside of this machine that the window asked for; all were refused. */
  readonly refused: readonly string[];
  /** `--user-data-dir`; `logs/` in it has the output channels. */
  readonly userData: string;
  readonly #artifacts: string;
  readonly #end: () => Promise<void>;
  #pictures = 0;

  constructor(
    page: Page,
    parts: { refused: readonly string[]; userData: string; artifacts: string; end: () => Promise<void> },
  ) {
    this.page = page;
    this.refused = parts.refused;
    this.userData = parts.userData;
    this.#artifacts = parts.artifacts;
    this.#end = parts.end;
    this.quickInput = new QuickInput(page);
    this.editor = new Editor(page);
    this.notifications = new Notifications(page);
    this.dialog = new Dialog(page);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') {
        this.console.push(`${message.type()}: ${message.text()}`);
      }
    });
    page.on('pageerror', (error) => this.console.push(`page error: ${error.message}`));
  }

  /** Waits until the window is painted and the extension host has said which views there are. */
  async ready(activityBarTitle: string): Promise<void> {
    await this.#activity(activityBarTitle).waitFor({ timeout: 2 * STEP_LIMIT });
  }

  /** Clicks an icon of the activity bar; waits until its sidebar is shown. */
  async openActivity(title: string): Promise<void> {
    const icon = this.#activity(title);
    await icon.waitFor();
    const open = this.page.locator(`.part.sidebar .composite.title:has-text("${title}")`);
    if ((await open.count()) === 0) {
      await icon.click();
    }
    await open.first().waitFor();
  }

  /** Drags the edge of the sidebar until it is `width` CSS pixels wide. */
  async widenSidebar(width: number): Promise<void> {
    const box = await this.page.locator('.part.sidebar').boundingBox();
    if (box === null) {
      throw new Error('the sidebar is not shown');
    }
    const y = box.y + box.height / 2;
    await this.page.mouse.move(box.x + box.width, y);
    await this.page.mouse.down();
    await this.page.mouse.move(box.x + width, y, { steps: 5 });
    await this.page.mouse.up();
  }

  /** The number on an icon of the activity bar, as text; undefined when it carries none. */
  async badge(title: string): Promise<string | undefined> {
    const badge = this.#activity(title).locator('xpath=..').locator('.badge-content');
    const text = (await badge.count()) > 0 ? plain(await badge.first().textContent()).trim() : '';
    return text || undefined;
  }

  /** Waits until the number on an icon of the activity bar reads `value`; undefined waits for no number. */
  async waitForBadge(title: string, value: string | undefined): Promise<void> {
    await waitFor(`the number ${value ?? 'gone'} on ${title}`, async () =>
      (await this.badge(title)) === value ? true : undefined,
    );
  }

  #activity(title: string): Locator {
    return this.page.locator(`.activitybar .action-item a.action-label[aria-label^="${title}"]`).first();
  }

  tree(title: string): TreeView {
    return new TreeView(this.page, title);
  }

  /** Runs a command by its title in the command palette. */
  runCommand(title: string): Promise<void> {
    return this.quickInput.runCommand(title);
  }

  /** The status bar item whose text contains `text`; wait for it, read it or click it. */
  statusBarItem(text: string | RegExp): Locator {
    return this.page.locator('.part.statusbar .statusbar-item', { hasText: text }).first();
  }

  /** All texts of the status bar. */
  async statusBar(): Promise<string[]> {
    return (await this.page.locator('.part.statusbar .statusbar-item:visible').allInnerTexts())
      .map((text) => plain(text).trim())
      .filter((text) => text !== '');
  }

  /** Opens a tab of the bottom panel by its title; the panel itself by its button in the window's title bar. */
  async openPanel(title: string): Promise<void> {
    if (!(await this.page.locator('.part.panel').isVisible())) {
      await this.page.locator('.part.titlebar .action-label[aria-label^="Toggle Panel"]').click();
    }
    const tab = this.page.locator(`.part.panel .composite-bar .action-label[aria-label^="${title}"]`);
    await tab.first().click();
  }

  /**
   * Waits for a webview on screen whose title (a panel's or a view's) begins with `title`, any one
   * without it, and returns the document inside. A webview is two frames deep: VS Code's own, which has a random name, holds the
   * extension's, which has the title.
   */
  async webview(title = ''): Promise<FrameLocator> {
    const name = await waitFor(`a webview with the title "${title}"`, async () => {
      for (const outer of await this.page.locator('iframe.webview.ready:visible').all()) {
        const inner = outer.contentFrame().locator('iframe#active-frame');
        if (
          (await inner.count()) > 0 &&
          (await inner.getAttribute('title', { timeout: 1000 }))?.startsWith(title)
        ) {
          return (await outer.getAttribute('name', { timeout: 1000 })) ?? undefined;
        }
      }
      return undefined;
    });
    return this.page.frameLocator(`iframe[name="${name}"]`).frameLocator('iframe#active-frame');
  }

  /** Takes a picture, NN-step.png, numbered in the order taken, and returns its path. */
  async screenshot(step: string): Promise<string> {
    this.#pictures++;
    const name = `${String(this.#pictures).padStart(2, '0')}-${step.replace(/[^\w.-]+/g, '-')}.png`;
    const file = path.join(this.#artifacts, name);
    await this.page.screenshot({ path: file });
    return file;
  }

  /** Closes the window and ends the server and everything it started. */
  stop(): Promise<void> {
    return this.#end();
  }
}

/** Starts a VS Code server with the extension installed in a new profile, and opens a window on a folder. */
export async function openWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  const artifacts = options.artifacts ?? path.join(repository, 'test-artifacts/e2e');
  rmSync(artifacts, { recursive: true, force: true });
  mkdirSync(artifacts, { recursive: true });
  const host = await ensureBrowserHost();
  const profile = makeTemporaryProfile(options.settings);
  await installExtension(host, profile, options.vsix);
  const server = await startServer(host, profile, { env: options.env ?? {} });
  const browser = await launchBrowser(host);
  const { page, refused } = await newWindow(browser, options.size ?? WINDOW_SIZE);
  page.setDefaultTimeout(STEP_LIMIT);
  const workbench = new Workbench(page, {
    refused,
    userData: profile.userData,
    artifacts,
    async end() {
      await browser.close();
      await server.stop();
      profile.remove();
    },
  });
  try {
    await page.goto(server.url({ folder: options.folder }), { timeout: 2 * STEP_LIMIT });
    await page.locator('.monaco-workbench .part.activitybar').waitFor({ timeout: 2 * STEP_LIMIT });
  } catch (error) {
    await workbench.stop();
    throw error;
  }
  return workbench;
}
