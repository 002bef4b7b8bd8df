/** A browser for the tests of a view, and what they all need of it. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { type OpenOptions, type PageRecord, type View, WebviewBench } from './webview-bench.ts';

/** For the top of a file: a browser for its tests, and the page that the test in progress has open. */
export class ViewTests<Message> {
  #bench: WebviewBench | null = null;
  #page: Page | null = null;

  constructor(private readonly view: View) {
    beforeAll(async () => {
      this.#bench = await WebviewBench.start();
    });
    afterAll(() => this.#bench?.dispose());
    afterEach(async () => {
      const { violations } = await this.#opened.evaluate(() => zscopeTest);
      expect(violations).toEqual([]);
      await this.#opened.context().close();
    });
  }

  /** Opens the view for a test; the page is closed after it. */
  async open(options?: OpenOptions): Promise<Page> {
    if (this.#bench === null) {
      throw new Error('The browser is there within tests only.');
    }
    this.#page = await this.#bench.open(this.view, options);
    return this.#page;
  }

  /** Sends messages as the extension does, and waits until the page has drawn what they said. */
  readonly send = (...messages: Message[]): Promise<void> =>
    this.#opened.evaluate(async (all) => {
      for (const message of all) {
        window.postMessage(message);
      }
      // Messages, then a frame to draw them.
      await new Promise((done) => setTimeout(done));
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    }, messages as unknown[]); // Playwright's type of what can be sent knows no type parameter.

  /** What the view posted of one type, oldest first. */
  readonly posted = (type: string): Promise<PageRecord['posted']> =>
    this.#opened.evaluate((wanted) => zscopeTest.posted.filter((message) => message.type === wanted), type);

  get #opened(): Page {
    if (this.#page === null) {
      throw new Error('The test has opened no page.');
    }
    return this.#page;
  }
}

/** Longest time that a page may keep a person waiting, in milliseconds. */
export const BLOCK_MAX = 100;

/**
 * The shortest of up to six measurements of a longest block, in milliseconds. Other work on the
 * machine makes a measurement longer, never shorter, so one that is short enough ends the matter.
 */
export async function quietest(measure: (attempt: number) => Promise<number>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 6 && best >= BLOCK_MAX; attempt += 1) {
    best = Math.min(best, await measure(attempt));
  }
  return best;
}
