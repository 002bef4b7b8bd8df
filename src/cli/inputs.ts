import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { Failure } from '../core/failure.ts';
import { plainBytes } from './plain-bytes.ts';
import { reason } from './reason.ts';

/** The bytes of a text as they come, UTF-8 with newlines. */
export type Input = AsyncIterable<Uint8Array>;

/**
 * The texts of the files, or of `stdin` where none is named (`-` is stdin too), each opened when its
 * turn comes. One that cannot be read ends there, and `unreadable` is told.
 */
export function* inputsOf(
  paths: readonly string[],
  stdin: Readable,
  unreadable: (failure: Failure) => void,
): Generator<Input> {
  for (const path of paths.length === 0 ? ['-'] : paths) {
    yield read(path, stdin, unreadable);
  }
}

async function* read(
  path: string,
  stdin: Readable,
  unreadable: (failure: Failure) => void,
): AsyncGenerator<Uint8Array> {
  const name = path === '-' ? 'Standard input' : path;
  try {
    // Iterating closes the file, also when nobody reads on.
    yield* plainBytes(path === '-' ? stdin : createReadStream(path), name);
  } catch (error) {
    unreadable(
      error instanceof Failure ? error : new Failure('bad-file', `${name} cannot be read: ${reason(error)}.`),
    );
  }
}
