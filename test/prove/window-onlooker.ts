/** A real window with every view of the lab VM open, and what it shows of it. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { FrameLocator, JSHandle } from 'playwright-core';
import type { ConnectionState } from '../../src/target/connection.ts';
import { openWorkbench, type Workbench, waitFor } from '../e2e/driver.ts';
import { packageVsix } from '../host/package-vsix.ts';
import * as lab from '../lab/lab.ts';
import type { Onlooker } from './befall.ts';

const ALIAS = lab.hostAliases.root;
/** Of the row of Targets and of the item in the status bar. */
const ROW = new RegExp(`^${ALIAS}(?!-)`);
const STATUS = `ZScope target ${ALIAS}, `;
/** What the workload of the guest calls some ten times a second. */
const TRACED = { symbol: 'zfs_write', file: 'module/zfs/zfs_vnops.c' };
/** A sign-in, a probe, a first look: of an emulated machine beside other work. */
const STEP_MS = 180_000;
/** An emulated boot beside other work, and attempts to connect that come later and later. */
const BACK_MS = 900_000;
/** A filter that no row passes but those that always do: gaps. */
const GAPS_ONLY = 'no-such-text';

/** How long the window took to answer, in milliseconds, one after the other. */
interface Answer {
  /** By the extension. */
  readonly ours: number;
  /** By the workbench alone: how busy the machine is. */
  readonly own: number;
}

interface SaidState {
  readonly at: number;
  readonly state: string;
}

export class WindowOnlooker implements Onlooker {
  /** That of the product (src/target/index.ts). */
  readonly deadAfterMs = 60_000;
  readonly answers: Answer[] = [];
  /** What the status bar has said of the target since the window opened. */
  #said: JSHandle<SaidState[]> | null = null;
  /** Rows of dbgmsg about a missing part, of any kind, when the views were opened: they stay from one boot to the next. */
  #dbgmsgGaps: readonly Gap[] = [];
  /** The keyboard and the pointer are one: what uses them waits for what did before. */
  #before: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly workbench: Workbench,
    private readonly home: string,
  ) {}

  /** Opens a window on the source of the VM's ZFS, with the extension packed anew. */
  static async open(artifacts: string): Promise<WindowOnlooker> {
    const vm = await lab.requireUp();
    const home = mkdtempSync(path.join(os.tmpdir(), 'zscope-prove-'));
    const config = path.join(home, 'ssh_config');
    const knownHosts = path.join(home, 'known_hosts');
    writeFileSync(config, readFileSync(vm.sshConfig, 'utf8').replaceAll(vm.knownHosts, knownHosts));
    const workbench = await openWorkbench({
      vsix: await packageVsix({ folder: home }),
      folder: vm.sourceDir,
      settings: { 'zscope.ssh.configFiles': [config], 'zscope.trace.askFirst': false },
      env: { HOME: home },
      artifacts,
    });
    workbench.page.setDefaultTimeout(STEP_MS);
    const window = new WindowOnlooker(workbench, home);
    try {
      await workbench.openActivity('ZScope');
      await workbench.widenSidebar(430);
      await workbench.tree('Targets').rowAction(ROW, 'Connect');
      await workbench.dialog.press('Trust and Connect');
      await window.#isConnected();
      await window.#listen();
      await workbench.tree('Targets').rowAction(ROW, 'Disconnect');
      return window;
    } catch (error) {
      await window.close();
      throw error;
    }
  }

  /** Connects, and opens every view; each shows something by then. */
  async openViews(): Promise<void> {
    const { workbench } = this;
    await workbench.tree('Targets').rowAction(ROW, 'Connect');
    await this.#isConnected();
    await workbench.runCommand('ZScope: Show dbgmsg');
    await workbench.runCommand('ZScope: Watch Errors');
    await workbench.runCommand('ZScope: Show Activity on Targets');
    const line = readFileSync(path.join((await lab.requireUp()).sourceDir, TRACED.file), 'utf8')
      .split('\n')
      .findIndex((text) => text.startsWith(`${TRACED.symbol}(`));
    // A search of all files, on a machine that is busy.
    await waitFor(
      'the source is open',
      async () => {
        await workbench.quickInput.openFile(TRACED.file);
        return true;
      },
      STEP_MS,
    );
    await workbench.editor.goToLine(line + 1);
    await workbench.runCommand('ZScope: Trace This Function');
    await this.#callsCome(0);
    await this.#tasksShown();
    const dbgmsg = await this.#dbgmsg();
    await dbgmsg.locator('[role=row]').first().waitFor();
    this.#dbgmsgGaps = await gapsOf(dbgmsg);
    await this.#errorsSay(/errors/);
  }

  /** Ends what runs on the target, and the connection; no trace is shown any more. */
  async closeViews(): Promise<void> {
    const { workbench } = this;
    // Disconnecting ends them too: here it is said what came of it.
    const trace = await workbench.webview(`Trace ${TRACED.symbol}`).catch(() => null);
    const stop = trace?.getByRole('button', { name: 'Stop' });
    if (await stop?.isVisible()) {
      await stop?.click();
      // The second is said where the machine is away.
      await trace?.getByText(/nothing is left on the target|removes the probe by itself/).waitFor();
    }
    await workbench.tree('Targets').rowAction(ROW, 'Disconnect');
    await workbench.runCommand('View: Close All Editors');
  }

  async says(state: ConnectionState, since: number, limitMs: number): Promise<number> {
    return await waitFor(
      `the status bar says ${state}`,
      async () => (await this.#states(since)).find((said) => said.state === state)?.at,
      limitMs,
    );
  }

  async closes(since: number, limitMs: number): Promise<number> {
    const at = await this.says('closed', since, limitMs);
    await this.workbench
      .tree('Targets')
      .row(/trying again: \S+/)
      .waitFor();
    return at;
  }

  async goesOn(since: number): Promise<void> {
    const trace = await this.#trace();
    await this.#callsCome(await countOf(trace));
    await this.#answered('task-snapshot', since);
  }

  async hasReadLog(since: number): Promise<void> {
    await this.#answered('kernel-lines', since);
  }

  async tellsLastWords(words: string): Promise<void> {
    const { notifications, editor } = this.workbench;
    const told = await notifications.waitFor('does not answer');
    if (!told.includes(words)) throw new Error(`it tells something else: ${told}`);
    await this.#alone(async () => {
      await notifications.press('does not answer', 'Show Last Lines');
      await waitFor('the last lines of the kernel', async () =>
        (await editor.text()).includes(words) ? true : undefined,
      );
    });
  }

  async complaints(since: number): Promise<string[]> {
    const states = (await this.#states(since)).filter(({ state }) => state !== 'connected');
    return [...states.map(({ state }) => `the status bar said ${state}`), ...(await this.#errors())];
  }

  /**
   * The connection was lost: the window has it again by itself, each view goes on, and says where something is missing.
   * @param isNewBoot whether the machine was booted anew
   */
  async comesBack(since: number, isNewBoot: boolean): Promise<void> {
    await this.says('connected', since, BACK_MS);
    await this.#isConnected();
    const trace = await this.#trace();
    const place = isNewBoot ? /booted anew here/ : /Interrupted here/;
    await this.#hasGap(trace, place, []);
    await this.#callsCome(await countOf(trace));
    await this.#hasGap(
      await this.#dbgmsg(),
      isNewBoot ? /was rebooted here/ : /was interrupted/,
      this.#dbgmsgGaps,
    );
    await this.#errorsSay(/: [\d,]+ errors.*a gap/);
    await this.#tasksShown();
    await this.#answered('task-snapshot', since);
  }

  /** Asks the window for lists again and again until the signal aborts. */
  async keepAsking(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#alone(() => this.#ask());
      // Drawing takes a processor, which a machine that boots beside it would have.
      await new Promise((resolve) => setTimeout(resolve, 3000));
    }
  }

  /** A picture of the window, for a person who looks into it. */
  async picture(name: string): Promise<void> {
    await this.workbench.screenshot(name);
  }

  /** The same, and the Log of the extension beside it. */
  async keepEvidence(name: string): Promise<void> {
    const picture = await this.workbench.screenshot(name);
    const logs = path.join(this.workbench.userData, 'logs');
    for (const file of readdirSync(logs, { recursive: true, encoding: 'utf8' })) {
      if (/zscope.*\.log$/i.test(file))
        copyFileSync(path.join(logs, file), `${picture}-${path.basename(file)}`);
    }
  }

  async close(): Promise<void> {
    await this.workbench.stop();
    rmSync(this.home, { recursive: true, force: true });
  }

  /** From a click to a list: of the targets, which the extension makes, and the one in the window's title bar, which it does not. */
  async #ask(): Promise<void> {
    const own = await this.#list('.part.titlebar .command-center-center', '');
    const ours = await this.#list(`.part.statusbar [aria-label^="${STATUS}"]`, ALIAS);
    this.answers.push({ ours, own });
  }

  async #list(item: string, row: string): Promise<number> {
    const { page, quickInput } = this.workbench;
    const clicked = performance.now();
    await page.locator(item).first().click();
    await page.locator('.quick-input-list .monaco-list-row', { hasText: row }).first().waitFor();
    const took = Math.round(performance.now() - clicked);
    await quickInput.cancel();
    return took;
  }

  /** Waits for a row that says where something is missing and is newer than those. */
  async #hasGap(view: FrameLocator, text: RegExp, before: readonly Gap[]): Promise<void> {
    const last = Math.max(-1, ...before.map(({ id }) => id));
    const isNew = (gap: Gap) => gap.id > last && text.test(gap.text);
    await waitFor(
      `a gap: ${text}`,
      async () => ((await this.#alone(() => gapsOf(view))).some(isNew) ? true : undefined),
      STEP_MS,
    );
  }

  async #alone<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#before.then(task);
    this.#before = mine.catch(() => {});
    return await mine;
  }

  /** Notes each state that the status bar says, also one that is there for a moment. It runs in the page. */
  async #listen(): Promise<void> {
    this.#said = await this.workbench.page.evaluateHandle<SaidState[]>(`(() => {
      const said = [];
      new MutationObserver(() => {
        const item = document.querySelector('.part.statusbar [aria-label^="${STATUS}"]');
        const state = item?.getAttribute('aria-label').slice(${STATUS.length});
        if (state && state !== said.at(-1)?.state) said.push({ at: Date.now(), state });
      }).observe(document.body, { subtree: true, childList: true, attributeFilter: ['aria-label'] });
      return said;
    })()`);
  }

  async #states(since: number): Promise<SaidState[]> {
    const said = (await this.#said?.jsonValue()) ?? [];
    return said.filter(({ at }) => at >= since);
  }

  async #isConnected(): Promise<void> {
    await this.workbench
      .tree('Targets')
      .row(new RegExp(`^${ALIAS} ?ZFS `))
      .waitFor();
  }

  /** The messages above the lists that say why one is not what it should be, and error notifications. */
  async #errors(): Promise<string[]> {
    const tasks = await this.workbench.tree('Hung Tasks').message();
    const notes = await this.workbench.page
      .locator('.notification-toast:has(.codicon-error) .notification-list-item-message')
      .allInnerTexts();
    return [...(/not answer|may be old|time|failed/.test(tasks) ? [tasks] : []), ...notes];
  }

  /** Hung Tasks shows what the machine is like now: tasks, or that none hangs. */
  async #tasksShown(): Promise<void> {
    const tree = this.workbench.tree('Hung Tasks');
    await waitFor(
      'tasks are shown',
      async () =>
        (await tree.rows()).length > 0 || /^No task of /.test(await tree.message()) ? true : undefined,
      STEP_MS,
    );
  }

  #trace(): Promise<FrameLocator> {
    return this.#view(`Trace ${TRACED.symbol}`);
  }

  #dbgmsg(): Promise<FrameLocator> {
    return this.#view('dbgmsg');
  }

  /** The page of a view, which may only be on its way. */
  #view(title: string): Promise<FrameLocator> {
    return waitFor(title, () => this.workbench.webview(title), STEP_MS);
  }

  async #callsCome(before: number): Promise<void> {
    const trace = await this.#trace();
    await waitFor(
      'new calls in the table',
      async () => ((await countOf(trace)) > before ? true : undefined),
      STEP_MS,
    );
  }

  async #errorsSay(text: RegExp): Promise<void> {
    const tree = this.workbench.tree('Errors');
    await waitFor(
      `Errors says ${text}`,
      async () => (text.test(await tree.message()) ? true : undefined),
      STEP_MS,
    );
  }

  /** The activity has a question that began at or after a time and ended well. */
  async #answered(question: string, since: number): Promise<void> {
    const { workbench } = this;
    await waitFor(
      `${question} in the activity`,
      () =>
        this.#alone(async () => {
          await workbench.runCommand('ZScope: Show Activity on Targets');
          const lines = (await workbench.editor.text()).split('\n');
          return lines.some((line) => {
            const [, at = '', name, end] = /^(\S+ \S+) +\S+ +\S+ +(\S+) +observe +(\w+) /.exec(line) ?? [];
            return name === question && end === 'finished' && Date.parse(at.replace(' ', 'T')) >= since;
          })
            ? true
            : undefined;
        }),
      STEP_MS,
    );
  }
}

/** How many events a trace view has, by the number beside its filter. */
async function countOf(view: FrameLocator): Promise<number> {
  const title = (await view.locator('.count').first().getAttribute('title')) ?? '';
  return Number(/ of ([\d,]+) /.exec(title)?.[1]?.replaceAll(',', '') ?? 0);
}

/** A row that says where something is missing. */
interface Gap {
  /** Later rows have larger ones. */
  readonly id: number;
  readonly text: string;
}

/** Those that are in sight where nothing else is shown: every filter lets them pass. */
async function gapsOf(view: FrameLocator): Promise<Gap[]> {
  const box = view.locator('zs-filter-box input');
  await box.fill(GAPS_ONLY);
  await view.locator('.row[id]:not(.gap, .loss)').first().waitFor({ state: 'detached' });
  const rows = await view
    .locator('.row[id]')
    .evaluateAll((all) =>
      all.map((row) => ({ id: Number(row.getAttribute('data-id')), text: row.textContent ?? '' })),
    );
  await box.fill('');
  return rows;
}
