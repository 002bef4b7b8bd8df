import type { Locator, Page } from 'playwright-core';
import { pickFromMenu } from './tree.ts';
import { plain, waitFor } from './wait.ts';

/** The active text editor. Lines count from 1, as on screen. */
export class Editor {
  readonly #page: Page;
  readonly #root: Locator;

  constructor(page: Page) {
    this.#page = page;
    this.#root = page.locator('.editor-group-container.active .editor-instance');
  }

  /** The name of the active editor's tab. */
  async name(): Promise<string> {
    const tab = this.#page.locator('.editor-group-container.active .tab.active');
    return (await tab.getAttribute('data-resource-name')) ?? '';
  }

  /** Where the cursor is, by the status bar; undefined while there is none. */
  async position(): Promise<{ line: number; column: number } | undefined> {
    const item = this.#page.locator('#status\\.editor\\.selection');
    const text = (await item.count()) > 0 ? plain(await item.textContent()) : '';
    const found = /Ln (\d+), Col (\d+)/.exec(text);
    return found ? { line: Number(found[1]), column: Number(found[2]) } : undefined;
  }

  /** Waits until `file` (a base name) is active with the cursor in `line`. */
  async waitForPosition(file: string, line: number): Promise<void> {
    await waitFor(`the cursor in ${file}:${line}`, async () =>
      (await this.name()) === file && (await this.position())?.line === line ? true : undefined,
    );
  }

  /** The lines on screen, without what is scrolled out. */
  async text(): Promise<string> {
    const lines = await this.#linesByTop('.view-lines > .view-line');
    return lines.map((line) => line.text).join('\n');
  }

  /** The numbers of the lines on screen that carry a decoration set by an extension. */
  async markedLines(): Promise<number[]> {
    const numbers = await this.#linesByTop('.margin-view-overlays > div:has(.line-numbers)');
    const marked = await this.#linesByTop('.view-overlays > div:has([class*="TextEditorDecorationType"])');
    const tops = new Set(marked.map((line) => line.top));
    return numbers.filter((line) => tops.has(line.top)).map((line) => Number(line.text));
  }

  /** Monaco places its lines absolutely, in no order. */
  async #linesByTop(selector: string): Promise<{ top: number; text: string }[]> {
    const lines = await this.#root.locator(selector).evaluateAll((elements) =>
      elements.map((element) => ({
        top: Number.parseFloat(element.style.top),
        text: element.textContent ?? '',
      })),
    );
    return lines.map((line) => ({ ...line, text: plain(line.text) })).sort((a, b) => a.top - b.top);
  }

  /** The first line on screen that contains `text`. */
  line(text: string | RegExp): Locator {
    return this.#root.locator('.view-line', { hasText: text }).first();
  }

  /** Right-clicks on `text` in the editor and picks an entry of the context menu. */
  async contextMenu(text: string, entry: string): Promise<void> {
    // Forced: the cursor that blinks on the text would count as something in the way.
    await this.#word(text).click({ button: 'right', force: true });
    await pickFromMenu(this.#page, entry);
  }

  /** Puts the cursor on `text`, which is on screen. */
  async clickOn(text: string): Promise<void> {
    await this.#word(text).click({ force: true });
  }

  /** The innermost rendered piece with the text: a token, not the line, whose middle may be anywhere. */
  #word(text: string): Locator {
    // Not what sticky scroll repeats of it above the lines.
    return this.#root.locator('.lines-content .view-line span > span', { hasText: text }).first();
  }

  /** Moves the cursor to a line by "Go to Line". */
  async goToLine(line: number): Promise<void> {
    await this.#root.locator('.view-lines').click();
    await this.#page.keyboard.press('Control+g');
    const input = this.#page.locator('.quick-input-widget input.input:visible').first();
    await input.fill(`:${line}`);
    await input.press('Enter');
    await waitFor(`the cursor in line ${line}`, async () =>
      (await this.position())?.line === line ? true : undefined,
    );
  }

  /** Follows the document link (from a link provider) that contains `text`. */
  async followLink(text: string): Promise<void> {
    await this.#root
      .locator('.detected-link', { hasText: text })
      .first()
      .click({ modifiers: ['Control'] });
  }

  /** What extensions wrote behind the lines on screen. */
  textsBehindLines(): Promise<string[]> {
    return this.#root
      .locator('.view-lines [class*="TextEditorDecorationType"]')
      .evaluateAll((elements) =>
        elements
          .map(
            (element) =>
              element.ownerDocument.defaultView?.getComputedStyle(element, '::after').content ?? '',
          )
          .filter((content) => content.startsWith('"')),
      );
  }

  /** The texts of the CodeLens lines on screen. */
  async codeLenses(): Promise<string[]> {
    return (await this.#root.locator('.codelens-decoration').allInnerTexts()).map(plain);
  }

  async clickCodeLens(text: string | RegExp): Promise<void> {
    await this.#root.locator('.codelens-decoration a', { hasText: text }).first().click();
  }
}
