import type { Page } from 'playwright-core';
import { plain } from './wait.ts';

/** Messages that slide in at the bottom right (`showInformationMessage` and so on). */
export class Notifications {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  /** Waits for a message that contains `text` and returns it whole. */
  async waitFor(text: string | RegExp): Promise<string> {
    return plain(await this.#toast(text).locator('.notification-list-item-message').textContent());
  }

  /** The messages on screen. */
  async texts(): Promise<string[]> {
    return (
      await this.#page.locator('.notification-toast .notification-list-item-message').allInnerTexts()
    ).map(plain);
  }

  /** Presses a button of the message that contains `text`. */
  async press(text: string | RegExp, button: string): Promise<void> {
    const toast = this.#toast(text);
    await toast.hover();
    await toast.locator('.monaco-button', { hasText: button }).click();
  }

  /** Closes the message that contains `text`. */
  async close(text: string | RegExp): Promise<void> {
    const toast = this.#toast(text);
    await toast.hover();
    await toast.locator('.codicon-notifications-clear').click();
    await toast.waitFor({ state: 'hidden' });
  }

  #toast(text: string | RegExp) {
    return this.#page.locator('.notification-toast', { hasText: text }).first();
  }
}

/** The modal dialog in the middle of the window (`{ modal: true }`). */
export class Dialog {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  /** Waits for the dialog and returns its message and detail, on lines of their own. */
  async text(): Promise<string> {
    const parts = this.#box().locator('.dialog-message-text, .dialog-message-detail');
    await parts.first().waitFor();
    return (await parts.allTextContents()).map(plain).join('\n');
  }

  /** The names of its buttons. */
  async buttons(): Promise<string[]> {
    await this.#box().waitFor();
    return (await this.#box().locator('.dialog-buttons .monaco-button').allInnerTexts()).map((name) =>
      name.trim(),
    );
  }

  /** Presses the button with this name and waits until the dialog has gone. */
  async press(button: string): Promise<void> {
    const box = this.#box();
    await box.locator('.dialog-buttons .monaco-button', { hasText: button }).first().click();
    await box.waitFor({ state: 'hidden' });
  }

  /** True while a dialog is open. */
  async isOpen(): Promise<boolean> {
    return (await this.#box().count()) > 0;
  }

  #box() {
    return this.#page.locator('.monaco-dialog-box');
  }
}
