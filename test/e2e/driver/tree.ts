import type { Locator, Page } from 'playwright-core';
import { plain, waitFor } from './wait.ts';

/** A view in the sidebar or panel that shows a tree. */
export class TreeView {
  readonly #page: Page;
  /** The pane of the view: its header, tree and welcome text. */
  readonly pane: Locator;

  /** `title` is the view's name as contributed. */
  constructor(page: Page, title: string) {
    this.#page = page;
    this.pane = page.locator('.pane', { has: page.locator(`.pane-header[aria-label^="${title}"]`) });
  }

  /** Opens the pane when it is folded. */
  async unfold(): Promise<void> {
    const header = this.pane.locator('.pane-header');
    if ((await header.getAttribute('aria-expanded')) === 'false') {
      await header.click();
    }
  }

  /** The first row whose text (label and description) contains `text`; may not exist yet. */
  row(text: string | RegExp): Locator {
    return this.pane.locator('.monaco-list-row', { hasText: text }).first();
  }

  /** The texts (label, blank, description) of the rows on screen, top to bottom. */
  async rows(): Promise<string[]> {
    // In one step: rows come and go while a tree is refreshed.
    const rows = await this.pane.locator('.monaco-list-row').evaluateAll((elements) =>
      elements.map((element) => ({
        index: Number(element.getAttribute('data-index')),
        text: [...element.querySelectorAll('.label-name, .label-description')]
          .map((part) => part.textContent ?? '')
          .join(' '),
      })),
    );
    return rows.sort((a, b) => a.index - b.index).map((row) => plain(row.text));
  }

  /** Waits until `condition` holds for the rows on screen, and returns them. */
  waitForRows(what: string, condition: (rows: string[]) => boolean, limit?: number): Promise<string[]> {
    return waitFor(
      what,
      async () => {
        const rows = await this.rows();
        return condition(rows) ? rows : undefined;
      },
      limit,
    );
  }

  /** Opens a row's children; does nothing when they are open. */
  async expand(text: string | RegExp): Promise<void> {
    const row = this.row(text);
    await row.waitFor();
    if ((await row.getAttribute('aria-expanded')) === 'false') {
      await row.locator('.monaco-tl-twistie').click();
    }
    await this.pane.locator('.monaco-list-row[aria-expanded="true"]', { hasText: text }).first().waitFor();
  }

  async click(text: string | RegExp): Promise<void> {
    await this.row(text).click();
  }

  /** Clicks an inline action of a row by its title; actions show while the pointer is on the row. */
  async rowAction(text: string | RegExp, title: string): Promise<void> {
    const row = this.row(text);
    await row.hover();
    await row.locator(`.actions .action-label[aria-label^="${title}"]`).click();
  }

  /** Opens a row's context menu and picks an entry by its title. */
  async rowMenu(text: string | RegExp, title: string): Promise<void> {
    await this.row(text).click({ button: 'right' });
    await pickFromMenu(this.#page, title);
  }

  /** Clicks a button of the view's title bar by its title. With a single view it is in the sidebar's title. */
  async titleAction(title: string): Promise<void> {
    await this.pane.hover();
    const inPane = this.pane.locator(`.pane-header .action-label[aria-label^="${title}"]`);
    const inSidebar = this.#page.locator(`.part.sidebar > .title .action-label[aria-label^="${title}"]`);
    await inPane.or(inSidebar).first().click();
  }

  /** The text shown in place of an empty tree, a paragraph or button a line. */
  async welcomeText(): Promise<string> {
    const parts = this.pane.locator('.welcome-view-content > *');
    await parts.first().waitFor();
    return (await parts.allTextContents()).map(plain).join('\n').trim();
  }

  /** Clicks a button or link of the welcome text. */
  async clickWelcome(label: string): Promise<void> {
    await this.pane.locator('.welcome-view-content').getByText(label, { exact: true }).click();
  }

  /** The message line above the tree (`TreeView.message`). */
  async message(): Promise<string> {
    return plain(await this.pane.locator('.message').textContent());
  }
}

/**
 * Picks an entry of the context menu that is open. Menus live in a shadow root, which locators
 * pierce. A menu lets clicks pass in its first 100 ms (they may belong to the right-click that
 * opened it), so the click is repeated until the menu has gone.
 */
export async function pickFromMenu(page: Page, title: string): Promise<void> {
  const entry = page.locator('.monaco-menu .action-item', { hasText: title }).first();
  await entry.waitFor();
  await waitFor(`the menu's entry ${title}`, async () => {
    if (await entry.isVisible()) {
      await entry.click({ delay: 50, timeout: 1000 }).catch(() => {}); // it may go meanwhile
      await entry.waitFor({ state: 'hidden', timeout: 500 });
    }
    return true;
  });
}
