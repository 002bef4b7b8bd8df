import type { Failure } from '../core/failure.ts';
import type { Disposable } from '../core/lifetime.ts';

/** One signal out of several reasons to stop waiting; its `reason` is always a Failure. */
export class Limit implements Disposable {
  readonly #controller = new AbortController();
  #undo: Array<() => void> = [];

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(reason: Failure): void {
    this.#controller.abort(reason);
  }

  after(ms: number, reason: () => Failure): this {
    let turn: NodeJS.Immediate | undefined;
    const timer = setTimeout(() => {
      // Where this process stood still, what came meanwhile has not been looked at.
      turn = setImmediate(() => this.end(reason()));
    }, ms);
    this.#undo.push(() => {
      clearTimeout(timer);
      clearImmediate(turn);
    });
    return this;
  }

  when(signal: AbortSignal | undefined, reason: () => Failure): this {
    if (signal === undefined) return this;
    const abort = (): void => this.end(reason());
    if (signal.aborted) {
      abort();
    } else {
      signal.addEventListener('abort', abort, { once: true });
      this.#undo.push(() => signal.removeEventListener('abort', abort));
    }
    return this;
  }

  /** The promise's value, unless a reason to stop comes first. The promise itself goes on. */
  race<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this;
    return new Promise<T>((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Failure);
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  dispose(): void {
    for (const undo of this.#undo) undo();
    this.#undo = [];
  }
}
