import type { Locator, Page } from 'playwright-core';
import { plain, STEP_LIMIT, waitFor } from './wait.ts';

/** The box at the top of the window: command palette, quick pick, input box. */
export class QuickInput {
  readonly #page: Page;
  readonly #widget: Locator;
  readonly #input: Locator;

  constructor(page: Page) {
    this.#page = page;
    this.#widget = page.locator('.quick-input-widget');
    this.#input = this.#widget.locator('input.input:visible').first();
  }

  /** Opens the command palette and runs the command with this title ("Category: Title"). */
  async runCommand(title: string): Promise<void> {
    // Whole: the title of another command may begin with it.
    const whole = new RegExp(`^${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
    const label = this.#page.locator('.label-name', { hasText: whole });
    const row = this.#widget.locator('.quick-input-list .monaco-list-row', { has: label }).first();
    await this.#inPalette('F1', async (timeout) => {
      await this.#input.fill(`>${title}`, { timeout });
      await row.click({ timeout });
    });
    await row.waitFor({ state: 'hidden' });
  }

  /** Opens a file of the workspace by its name. */
  async openFile(name: string): Promise<void> {
    const base = name.split('/').at(-1);
    // Another group of editors may show the same file.
    const group = this.#page.locator('.editor-group-container.active');
    const opened = group.locator(`.tab.active[data-resource-name="${base}"]`);
    // The list shows files of similar names first and moves while it is filled, so it is chosen from
    // by key, and only when the wanted file stands at the top.
    const top = this.#widget.locator('.quick-input-list .monaco-list-row[data-index="0"] .label-name');
    await this.#inPalette('Control+p', async (timeout) => {
      await this.#input.fill(name, { timeout });
      const wanted = async () => ((await top.first().textContent({ timeout })) === base ? true : undefined);
      // All files are searched.
      await waitFor(`${name} at the top of the list`, wanted);
      await this.#input.press('Enter', { timeout });
      await opened.waitFor({ timeout });
    });
  }

  /**
   * Does something in the box that a key opens, once more from the key on when that fails: a page that has
   * just been drawn may have taken the focus, which closes the box.
   */
  async #inPalette(key: string, act: (timeout: number) => Promise<void>): Promise<void> {
    const deadline = Date.now() + 2 * STEP_LIMIT;
    for (;;) {
      await this.#open(key);
      try {
        await act(STEP_LIMIT / 3);
        return;
      } catch (error) {
        if (Date.now() > deadline) {
          throw error;
        }
      }
    }
  }

  /** The key may come too early for a window that is still starting, so it is pressed until the box is there. */
  async #open(key: string): Promise<void> {
    const deadline = Date.now() + STEP_LIMIT;
    for (;;) {
      await this.#page.keyboard.press(key);
      try {
        await this.#input.waitFor({ timeout: 2000 });
        return;
      } catch (error) {
        if (Date.now() > deadline) {
          throw error;
        }
      }
    }
  }

  /** Waits for an input box or quick pick whose title, prompt or placeholder contains `text`. */
  async waitFor(text: string | RegExp): Promise<void> {
    await this.#input.waitFor();
    const placeholder = this.#widget.getByPlaceholder(text);
    await this.#widget.filter({ hasText: text }).or(placeholder).first().waitFor();
  }

  /** Types `text` in place of what is there and accepts it. */
  async fill(text: string): Promise<void> {
    await this.#input.fill(text);
    await this.#input.press('Enter');
  }

  /** Clicks the first entry that contains `label`, and waits until the list has gone or changed. */
  async pick(label: string | RegExp): Promise<void> {
    const row = this.#widget.locator('.quick-input-list .monaco-list-row', { hasText: label }).first();
    await row.click();
    await row.waitFor({ state: 'hidden' });
  }

  /** The entries on screen. */
  async entries(): Promise<string[]> {
    const rows = this.#widget.locator('.quick-input-list .monaco-list-row');
    await rows.first().waitFor();
    return (await rows.allInnerTexts()).map((text) => plain(text).replaceAll('\n', ' '));
  }

  /** True when what is typed is hidden (a password or passphrase). */
  async isSecret(): Promise<boolean> {
    return (await this.#input.getAttribute('type')) === 'password';
  }

  async cancel(): Promise<void> {
    await this.#input.press('Escape');
    await this.#input.waitFor({ state: 'hidden' });
  }
}
