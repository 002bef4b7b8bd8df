import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import { inert } from '../../core/text/inert.ts';
import {
  type FetchModuleParams,
  type FetchModuleResult,
  fetchModuleRequest,
  type ModuleProgress,
  moduleProgress,
} from '../../protocol/server.ts';
import type { Connection } from '../../target/connection.ts';
import { isCancelled, sentenceOf } from '../failures.ts';
import { targetModule } from '../targets/lazy-target.ts';
import { setting } from '../vscode-table.ts';
import type { LazyServer } from './lazy-server.ts';

/** Less is there before anybody could read of it. */
const SHOWN_AFTER_MS = 700;
/** Between two reports: pieces come much faster than anybody reads. */
const REPORT_MS = 150;

/** One preparation of modules, as the person sees it: a notification with Cancel once it takes long. */
export interface Transfer extends Disposable {
  /** Names the target to the server. */
  readonly target: string;
  /** Aborted when the person cancels. */
  readonly signal: AbortSignal;
}

/** @param size bytes that are packed on the way, where that makes `total` unknown; null for none */
type Report = (text: string, done: number, total: number | null, size: number | null) => void;

interface Running {
  readonly connection: Connection;
  readonly zfsHangs: boolean;
  readonly report: Report;
}

/** Reads files of modules and programs from targets for the server, which asks for them, and shows how far it is. */
export class ModuleTransfers {
  readonly #running = new Map<string, Running>();
  #count = 0;

  constructor(server: LazyServer) {
    server.answer(fetchModuleRequest, (params, signal) => this.#fetch(params, signal));
    server.listen(moduleProgress, (progress) => this.#progress(progress));
  }

  /** @param zfsHangs whether tasks of the target hang in ZFS */
  begin(connection: Connection, zfsHangs: boolean): Transfer {
    this.#count += 1;
    const target = String(this.#count);
    const abort = new AbortController();
    const bar = new TransferBar(connection.facts.hostname, abort);
    this.#running.set(target, {
      connection,
      zfsHangs,
      report: (...progress) => bar.report(...progress),
    });
    return {
      target,
      signal: abort.signal,
      dispose: () => {
        this.#running.delete(target);
        bar.dispose();
      },
    };
  }

  async #fetch({ target, ...params }: FetchModuleParams, signal: AbortSignal): Promise<FetchModuleResult> {
    const running = this.#running.get(target);
    if (running === undefined) {
      return { outcome: 'failed', why: 'The target is not connected any more.' };
    }
    try {
      const file = await targetModule().downloadModule(
        running.connection,
        { ...params, zfsHangs: running.zfsHangs, folders: setting('zscope.symbols.targetFolders') },
        {
          signal,
          progress: (done, total, size) =>
            running.report(
              `Reading the file of ${params.module === '' ? 'the kernel' : params.module}`,
              done,
              total,
              total === null ? size : null,
            ),
        },
      );
      return typeof file === 'string'
        ? { outcome: 'none', otherBuild: file === 'other-build' }
        : { outcome: 'fetched', path: file.path };
    } catch (error) {
      return { outcome: 'failed', why: isCancelled(error) ? 'cancelled' : sentenceOf(error) };
    }
  }

  #progress({ target, module, doing, done, total }: ModuleProgress): void {
    const what = doing === 'unpacking' ? 'Unpacking' : 'Asking debuginfod for';
    this.#running.get(target)?.report(`${what} ${module ?? 'the kernel'}`, done, total, null);
  }
}

/** A notification that comes when there is something to tell for longer than a moment. */
class TransferBar implements Disposable {
  readonly #started = performance.now();
  #progress: vscode.Progress<{ message: string; increment?: number }> | null = null;
  #isShown = false;
  #end: () => void = () => {};
  /** Made at once: the window shows a notification later than it is asked to. */
  readonly #over = new Promise<void>((resolve) => {
    this.#end = resolve;
  });
  #percent = 0;
  #reported = 0;
  #isOver = false;

  constructor(
    private readonly hostname: string,
    private readonly abort: AbortController,
  ) {}

  report(...[text, done, total, size]: Parameters<Report>): void {
    if (!this.#isShown && !this.#isOver && performance.now() - this.#started > SHOWN_AFTER_MS) {
      this.#isShown = true;
      this.#show();
    }
    const now = performance.now();
    if (done !== 0 && done !== total && now - this.#reported < REPORT_MS) {
      return;
    }
    this.#reported = now;
    const percent = total === null || total === 0 ? this.#percent : Math.floor((100 * done) / total);
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
    const packed = size === null ? '' : `, packed, of a file of ${megabytes(size)} MB`;
    const amount =
      done === 0 ? '' : `: ${megabytes(done)}${total === null ? '' : ` of ${megabytes(total)}`} MB${packed}`;
    this.#progress?.report({
      message: inert(`${text}${amount}`),
      ...(percent > this.#percent ? { increment: percent - this.#percent } : {}),
    });
    this.#percent = Math.max(this.#percent, percent);
  }

  #show(): void {
    const title = `ZScope: exact lines of ${inert(this.hostname)}`;
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    void vscode.window.withProgress(options, (progress, token) => {
      this.#progress = progress;
      token.onCancellationRequested(() => this.abort.abort());
      return this.#over;
    });
  }

  dispose(): void {
    this.#isOver = true;
    this.#end();
  }
}
