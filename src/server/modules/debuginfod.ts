import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Failure } from '../../core/failure.ts';
import { MAX_UNPACKED } from './unpack.ts';

/** How long a server may take to answer: it may have to unpack a package first. debuginfod(8) says 90 s. */
const ANSWER_MS = 90_000;
/** How long nothing may come once it sends. */
const IDLE_MS = 30_000;

/**
 * The servers of `DEBUGINFOD_URLS` (debuginfod-find(1)): separated by blanks; all but http and https
 * are left out.
 */
export function debuginfodServers(environment: Readonly<Record<string, string | undefined>>): string[] {
  return (environment['DEBUGINFOD_URLS'] ?? '').split(/\s+/).filter((url) => /^https?:\/\/[^/]/.test(url));
}

/**
 * Asks one server for the debug info of a build.
 * @returns false when it has none
 * @throws Failure when it does not answer as it should; signal.reason when aborted
 */
export async function fetchDebugInfo(
  server: string,
  buildId: string,
  to: string,
  signal: AbortSignal,
  progress: (done: number, total: number | null) => void = () => {},
): Promise<boolean> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ANSWER_MS);
  try {
    const url = `${server.replace(/\/+$/, '')}/buildid/${buildId}/debuginfo`;
    const response = await fetch(url, { signal: AbortSignal.any([signal, late.signal]) });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      if (response.status === 404) {
        return false;
      }
      throw new Failure('bad-output', `${server} answered with status ${response.status}.`);
    }
    const length = response.headers.has('content-encoding') ? null : response.headers.get('content-length');
    const total = length === null || !/^\d{1,15}$/.test(length) ? null : Number(length);
    let done = 0;
    clearTimeout(timer);
    const idle = setTimeout(() => late.abort(), IDLE_MS);
    try {
      // node's type of a web stream and the DOM's differ in name only.
      const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
      await pipeline(
        body,
        async function* (pieces: AsyncIterable<Uint8Array>) {
          for await (const piece of pieces) {
            idle.refresh();
            done += piece.length;
            if (done > MAX_UNPACKED) {
              throw new Failure('bad-output', `${server} sends more than any debug info has.`);
            }
            progress(done, total);
            yield piece;
          }
        },
        createWriteStream(to, { mode: 0o600 }),
      );
    } finally {
      clearTimeout(idle);
    }
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Failure) {
      throw error;
    }
    const why = late.signal.aborted ? 'no answer in time' : reasonOf(error);
    throw new Failure('unreachable', `${server} could not be asked: ${why}.`);
  } finally {
    clearTimeout(timer);
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
