/** Opens a built view in Chromium the way VS Code does: its own document, its own policy, a stand-in for the API. */
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import esbuild from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Uri, Webview } from 'vscode';
import { webviewHtml } from '../../src/extension/webview-html.ts';
import { type Theme, themes } from './themes.ts';

const NONCE = 'n0nceForTheTests';

const contentTypes: Record<string, string> = {
  js: 'text/javascript',
  css: 'text/css',
  ttf: 'font/ttf',
};

export type View = 'dbgmsg' | 'trace';

/** What the page's script leaves on `window` for the tests. */
export interface PageRecord {
  /** Messages the view posted, oldest first. */
  readonly posted: { readonly type: string; readonly [field: string]: unknown }[];
  state: unknown;
  /** Violations of the content security policy. */
  readonly violations: string[];
  /** Longest time between two turns of the event loop since {@link watchTurns} was last called, in milliseconds. */
  longestBlock: number;
  /** Turns the event loop without end from now on, which takes a processor. */
  watchTurns(): void;
}

declare global {
  // Only var declares a property of the global object.
  var zscopeTest: PageRecord;
}

export interface OpenOptions {
  readonly theme?: Theme;
  /** CSS pixels. */
  readonly width?: number;
  readonly height?: number;
  /** What the view saved before. */
  readonly state?: unknown;
}

export class WebviewBench {
  readonly #browser: Browser;
  readonly #server: Server;
  readonly #dist: string;

  private constructor(browser: Browser, server: Server, dist: string) {
    this.#browser = browser;
    this.#server = server;
    this.#dist = dist;
  }

  /** Builds the views and starts a browser; dispose it. */
  static async start(): Promise<WebviewBench> {
    const dist = await mkdtemp(join(tmpdir(), 'zscope-webview-'));
    await esbuild.build({
      bundle: true,
      minify: true,
      platform: 'browser',
      format: 'esm',
      target: 'es2022',
      tsconfig: 'src/webview/tsconfig.json',
      entryPoints: { dbgmsg: 'src/webview/dbgmsg.ts', trace: 'src/webview/trace.ts' },
      outdir: dist,
      logLevel: 'warning',
    });
    for (const file of ['codicon.css', 'codicon.ttf']) {
      await copyFile(`node_modules/@vscode/codicons/dist/${file}`, join(dist, file));
    }
    const server = createServer((request, response) => {
      const name = new URL(request.url ?? '/', 'http://localhost').pathname.split('/').at(-1) ?? '';
      if (name === 'dbgmsg' || name === 'trace') {
        const { port } = server.address() as AddressInfo;
        response.setHeader('content-type', 'text/html');
        readFile(join(dist, `${name}.js`), 'utf8').then(
          (source) => response.end(page(name, `http://127.0.0.1:${port}`, source)),
          (error: Error) => response.destroy(error),
        );
        return;
      }
      readFile(join(dist, name)).then(
        (body) => {
          response.setHeader('content-type', contentTypes[name.split('.').at(-1) ?? ''] ?? 'text/plain');
          response.end(body);
        },
        () => {
          response.statusCode = 404;
          response.end();
        },
      );
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const browser = await chromium.launch({
      executablePath: process.env['ZSCOPE_CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox'],
    });
    return new WebviewBench(browser, server, dist);
  }

  /** Opens a view in a context of its own and waits until it says that it is ready. */
  async open(view: View, options: OpenOptions = {}): Promise<Page> {
    const { theme = 'dark', width = 900, height = 320, state } = options;
    const context = await this.#browser.newContext({ viewport: { width, height } });
    const tab = await context.newPage();
    // tsx has functions keep their names by a helper that is not there in a page.
    await tab.addInitScript('globalThis.__name = (named) => named;');
    await tab.addInitScript(prepare, state);
    const { port } = this.#server.address() as AddressInfo;
    await tab.goto(`http://127.0.0.1:${port}/${view}`);
    await tab.evaluate(paint, themes[theme]);
    await tab.waitForFunction(() => zscopeTest.posted.some(({ type }) => type === 'ready'));
    return tab;
  }

  async dispose(): Promise<void> {
    await this.#browser.close();
    await new Promise((closed) => this.#server.close(closed));
    await rm(this.#dist, { recursive: true, force: true });
  }
}

function page(view: View, origin: string, source: string): string {
  const uri = (path: string): Uri =>
    ({
      path,
      with: ({ path: changed }: { path: string }) => uri(changed),
      toString: () => `${origin}${path}`,
    }) as unknown as Uri; // The builder uses no more of a Uri than this.
  const webview = { cspSource: origin, asWebviewUri: (from: Uri) => from } as unknown as Webview;
  return webviewHtml(webview, uri('/extension'), { script: view, title: view, nonce: NONCE, source });
}

/** Runs in the page: sets the theme as VS Code does. */
function paint(variables: Record<string, string>): void {
  const { style } = document.documentElement;
  for (const [name, value] of Object.entries(variables)) {
    style.setProperty(name, value);
  }
  style.setProperty('background', variables['--vscode-panel-background'] ?? '');
}

/** Runs in the page before its own scripts. */
function prepare(state: unknown): void {
  let last = 0;
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    const now = performance.now();
    record.longestBlock = Math.max(record.longestBlock, now - last);
    last = now;
    channel.port2.postMessage(null);
  };
  const record: PageRecord = {
    posted: [],
    state,
    violations: [],
    longestBlock: 0,
    watchTurns() {
      if (last === 0) channel.port2.postMessage(null);
      last = performance.now();
      record.longestBlock = 0;
    },
  };
  globalThis.zscopeTest = record;
  Object.assign(globalThis, {
    acquireVsCodeApi: () => ({
      postMessage: (message: PageRecord['posted'][number]) => record.posted.push(message),
      getState: () => record.state,
      setState: (next: unknown) => {
        // VS Code keeps the state as JSON.
        record.state = JSON.parse(JSON.stringify(next));
      },
    }),
  });
  document.addEventListener('securitypolicyviolation', (event) => {
    record.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
  });
}
