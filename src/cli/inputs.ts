import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { Failure } from '../core/failure.ts';
import { reason } from './reason.ts';

/** The bytes of a text as they come. */
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
    for await (const bytes of path === '-' ? stdin : createReadStream(path)) {
      yield bytes;
    }
  } catch (error) {
    unreadable(new Failure('bad-file', `${name} cannot be read: ${reason(error)}.`));
  }
}
