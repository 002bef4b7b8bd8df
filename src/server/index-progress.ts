import type { RemoteWindow, WorkDoneProgressServerReporter } from 'vscode-languageserver/node';

/** Workspaces with fewer files are indexed before anybody could read a progress bar. */
const MIN_FILES = 3000;

/** Shows in the client how far the index is, for large workspaces. */
export class IndexProgress {
  supported = false;
  /** Null inside when the client refused to show progress. */
  #reporter: Promise<WorkDoneProgressServerReporter | null> | null = null;
  #percent = -1;

  constructor(private readonly window: RemoteWindow) {}

  /** @param done files read of `total`; equal at the end. */
  report(done: number, total: number): void {
    const percent = Math.floor((done / total) * 100);
    if (!this.supported || total < MIN_FILES || percent === this.#percent) {
      return;
    }
    this.#percent = percent;
    this.#reporter ??= this.#begin();
    const reporter = this.#reporter;
    if (done >= total) {
      this.#reporter = null;
      this.#percent = -1;
      void reporter.then((shown) => shown?.done());
    } else {
      void reporter.then((shown) => shown?.report(percent));
    }
  }

  /** Never rejects: an index that nobody sees coming is as good. */
  async #begin(): Promise<WorkDoneProgressServerReporter | null> {
    try {
      const reporter = await this.window.createWorkDoneProgress();
      reporter.begin('ZScope: reading C sources', 0);
      return reporter;
    } catch {
      this.supported = false;
      return null;
    }
  }
}
