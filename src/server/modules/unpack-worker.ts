/** Unpacks one file on a thread of its own, so that the server answers meanwhile; see unpacker.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { isFailure } from '../../core/failure.ts';
import { unpackFile } from './unpack.ts';
import type { UnpackAnswer, UnpackTask } from './unpacker.ts';

// Given by unpackInWorker.
const { from, to } = workerData as UnpackTask;
const tell = (answer: UnpackAnswer) => parentPort?.postMessage(answer);

unpackFile(from, to).then(
  () => tell(null),
  (error: unknown) =>
    tell({ isFailure: isFailure(error), message: error instanceof Error ? error.message : String(error) }),
);
