/**
 * A million calls in the table of a trace, in a real browser. Prints what was measured as one line of JSON; bench/tracing.ts
 * starts it.
 */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import type { PageWork, TableFigures } from '../../bench/table-figures.ts';
import { WebviewBench } from './webview-bench.ts';

const CALLS = 1_000_000;
/** Calls of one message, as the extension sends them. */
const BATCH = 1000;
/** Frames in which the table is scrolled. */
const FRAMES = 300;

/** Runs in the page: sends all rows, a message a time, as fast as the page takes them. */
async function fill({ calls, batch }: { calls: number; batch: number }): Promise<number> {
  const began = performance.now();
  window.postMessage({
    type: 'reset',
    title: 'zil_commit',
    target: 'vm',
    argumentsKnown: '',
    kind: 'calls',
    hasProgram: true,
    isKept: false,
  });
  for (let from = 0; from < calls; from += batch) {
    const rows = Array.from({ length: batch }, (_, at) => ({
      id: from + at,
      kind: 'call',
      time: ((from + at) / 1000).toFixed(6),
      comm: at % 2 === 0 ? 'txg_sync' : 'dd',
      pid: 100 + (at % 50),
      cpu: at % 2,
      function: 'zil_commit',
      arguments: [
        { name: 'zilog', value: `0xffff8881${(at * 64).toString(16).padStart(8, '0')}` },
        { name: 'foid', value: String(from + at) },
      ],
      durationNs: null,
      returned: '',
      failed: false,
      text: '',
    }));
    window.postMessage({ type: 'rows', rows });
    await new Promise((done) => setTimeout(done));
  }
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  return performance.now() - began;
}

/** Runs in the page: scrolls by a row, by a page, by a jump, and measures each frame to the end of its painting. */
async function scroll(frames: number): Promise<number[]> {
  const list = document.querySelector('zs-trace')?.shadowRoot?.querySelector('zs-trace-list');
  const scroller = list?.shadowRoot?.querySelector('.scroller');
  if (!scroller) throw new Error('there is no table');
  const channel = new MessageChannel();
  const took: number[] = [];
  for (let i = 0; i < frames; i++) {
    const step = [20, 400, scroller.scrollHeight / 37][i % 3] ?? 0;
    const top = (scroller.scrollTop + step) % Math.max(1, scroller.scrollHeight - scroller.clientHeight);
    took.push(
      await new Promise<number>((done) => {
        requestAnimationFrame(() => {
          const began = performance.now();
          scroller.scrollTop = top;
          // What scrolling calls for happens in the next frame: after this one's painting it is asked for, and
          // after that one's it is measured.
          requestAnimationFrame((now) => {
            channel.port1.onmessage = () => done(performance.now() - Math.max(now, began));
            channel.port2.postMessage(null);
          });
        });
      }),
    );
  }
  return took;
}

/** Bytes of anonymous memory of the largest page process of the browser. */
async function memoryOfPage(page: Page): Promise<number> {
  const browser = page.context().browser();
  if (browser === null) return 0;
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const pages = processInfo.filter(({ type }) => type === 'renderer');
  return Math.max(
    0,
    ...pages.map(({ id }) => {
      const kilobytes = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1];
      return Number(kilobytes ?? 0) * 1024;
    }),
  );
}

const bench = await WebviewBench.start();
try {
  const page = await bench.open('trace', { height: 700 });
  const filledMs = await page.evaluate(fill, { calls: CALLS, batch: BATCH });
  const count = (await page.locator('.count').first().getAttribute('title')) ?? '';
  const shown = Number(/[\d,]+/.exec(count)?.[0].replaceAll(',', '') ?? 0);
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const spent = async (): Promise<PageWork> => {
    const { metrics } = await session.send('Performance.getMetrics');
    const seconds = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
    return {
      all: seconds('TaskDuration'),
      script: seconds('ScriptDuration'),
      layout: seconds('LayoutDuration') + seconds('RecalcStyleDuration'),
    };
  };
  const before = await spent();
  const frameMs = (await page.evaluate(scroll, FRAMES)).sort((a, b) => a - b);
  const after = await spent();
  const mean = (what: keyof PageWork) => ((after[what] - before[what]) / FRAMES) * 1000;
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const figures: TableFigures = {
    sent: CALLS,
    shown,
    filledMs,
    frameMs,
    cpuMs: { all: mean('all'), script: mean('script'), layout: mean('layout') },
    heap: usedSize,
    process: await memoryOfPage(page),
  };
  console.log(JSON.stringify(figures));
} finally {
  await bench.dispose();
}
