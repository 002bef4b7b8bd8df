import { Worker } from 'node:worker_threads';
import { Failure } from '../../core/failure.ts';

/** What the worker is given. */
export interface UnpackTask {
  readonly from: string;
  readonly to: string;
}

/** What the worker says at its end: null when it went well. */
export type UnpackAnswer = { readonly isFailure: boolean; readonly message: string } | null;

/** Unpacks `from` to `to` as {@link unpackFile} does. What is in `to` after a failure is the caller's. */
export type Unpack = (from: string, to: string, signal: AbortSignal) => Promise<void>;

/**
 * Unpacks on threads of their own: 107 MB take more than a second.
 * @param bundle path of the bundle that `unpack-worker.ts` becomes
 */
export function unpackInWorker(bundle: string): Unpack {
  return async (from, to, signal) => {
    signal.throwIfAborted();
    const task: UnpackTask = { from, to };
    const worker = new Worker(bundle, { workerData: task, resourceLimits: { maxOldGenerationSizeMb: 256 } });
    const stop = () => void worker.terminate();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const answer = await new Promise<UnpackAnswer>((resolve, reject) => {
        worker.once('message', (value: UnpackAnswer) => resolve(value));
        worker.once('error', reject);
        worker.once('exit', () => reject(signal.aborted ? signal.reason : new Error('it ended early')));
      });
      if (answer !== null) {
        throw answer.isFailure ? new Failure('bad-output', answer.message) : new Error(answer.message);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      await worker.terminate();
    }
  };
}
