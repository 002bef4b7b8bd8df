import { createWriteStream } from 'node:fs';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Failure } from '../../core/failure.ts';
import { isFullDisk } from './remarks.ts';
import { MAX_UNPACKED } from './unpack.ts';

/** How long a server may take, in milliseconds. */
export interface DebuginfodPatience {
  /** Until it answers: it may have to unpack a package first. debuginfod(8) says 90 s. */
  readonly answerMs: number;
  /** Between two pieces once it sends. */
  readonly idleMs: number;
}

const PATIENCE: DebuginfodPatience = { answerMs: 90_000, idleMs: 30_000 };

/**
 * The servers of `DEBUGINFOD_URLS` (debuginfod-find(1)): separated by blanks; all but http and https
 * are left out, and those with a password in them: fetch() refuses such, and says it whole.
 * @param log one line for the Log
 */
export function debuginfodServers(
  environment: Readonly<Record<string, string | undefined>>,
  log: (line: string) => void,
): string[] {
  const servers = (environment['DEBUGINFOD_URLS'] ?? '')
    .split(/\s+/)
    .filter((url) => /^https?:\/\/[^/]/.test(url));
  const asked = servers.filter((url) => !/^https?:\/\/[^/?#]*@/.test(url));
  if (asked.length < servers.length) {
    log('A server of DEBUGINFOD_URLS is not asked: its address has a user or a password in it.');
  }
  return asked;
}

export interface DebuginfodOptions {
  /** @param total in bytes; null when it is not known */
  readonly progress?: (done: number, total: number | null) => void;
  readonly patience?: DebuginfodPatience;
}

/**
 * Asks one server for the debug info of a build. What an earlier attempt left in `part` is gone on with where the
 * server says that it still has the same file (RFC 9110, "If-Range"); many send all of it again.
 * @param part file for the bytes; beside it a record says of which answer they are
 * @returns false when it has none
 * @throws Failure when it does not answer as it should; Error as node:fs does on a full disk; signal.reason when aborted
 */
export async function fetchDebugInfo(
  server: string,
  buildId: string,
  part: string,
  signal: AbortSignal,
  { progress = () => {}, patience = PATIENCE }: DebuginfodOptions = {},
): Promise<boolean> {
  const late = new AbortController();
  const limit = AbortSignal.any([signal, late.signal]);
  let timer = setTimeout(() => late.abort(), patience.answerMs);
  try {
    const url = `${server.replace(/\/+$/, '')}/buildid/${buildId}/debuginfo`;
    const left = await leftOf(part, url);
    let response = await ask(url, left, limit);
    let from = left === null ? 0 : continuedAt(response, left.size);
    if (from === null) {
      // Not what was asked for: from the beginning.
      await response.body?.cancel();
      response = await ask(url, null, limit);
      from = 0;
    }
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      if (response.status === 404) {
        return false;
      }
      throw new Failure('bad-output', `${server} answered with status ${response.status}.`);
    }
    if (from === 0) {
      await note(part, url, response);
    }
    const rest = lengthOf(response);
    const total = rest === null ? null : from + rest;
    let done = from;
    clearTimeout(timer);
    timer = setTimeout(() => late.abort(), patience.idleMs);
    progress(done, total);
    await pipeline(
      // node's type of a web stream and the DOM's differ in name only.
      Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0], { signal: limit }),
      async function* (pieces: AsyncIterable<Uint8Array>) {
        for await (const piece of pieces) {
          timer.refresh();
          done += piece.length;
          if (done > MAX_UNPACKED) {
            throw new Failure('bad-output', `${server} sends more than any debug info has.`);
          }
          progress(done, total);
          yield piece;
        }
      },
      createWriteStream(part, { mode: 0o600, flags: from === 0 ? 'w' : 'a' }),
    );
    return true;
  } catch (error) {
    signal.throwIfAborted();
    const why = late.signal.aborted ? 'no answer in time' : reasonOf(error);
    if (error instanceof Failure || isFullDisk(why)) {
      throw error;
    }
    throw new Failure('unreachable', `${server} could not be asked: ${why}.`);
  } finally {
    clearTimeout(timer);
  }
}

/** What an earlier attempt left. */
interface Left {
  /** Bytes, at least 1. */
  readonly size: number;
  /** What the server called that version of the file: an entity tag or a date. */
  readonly version: string;
}

function ask(url: string, left: Left | null, signal: AbortSignal): Promise<Response> {
  const headers: Record<string, string> =
    left === null ? {} : { Range: `bytes=${left.size}-`, 'If-Range': left.version };
  return fetch(url, { signal, headers });
}

/** Where the bytes of an answer belong, when those behind `size` were asked for; null when it makes no sense. */
function continuedAt({ status, headers }: Response, size: number): number | null {
  if (status === 206) {
    const [, first] = /^bytes (\d{1,15})-/.exec(headers.get('content-range') ?? '') ?? [];
    return Number(first) === size && !headers.has('content-encoding') ? size : null;
  }
  // 416: what is left is no part of what the server has.
  return status === 416 ? null : 0;
}

/** Bytes of an answer's body; null when that is not known. */
function lengthOf({ headers }: Response): number | null {
  // debuginfod(8) says in its own header how much it is when something between packs it.
  const isPacked = headers.has('content-encoding');
  const length = headers.get(isPacked ? 'x-debuginfod-size' : 'content-length') ?? '';
  return /^\d{1,15}$/.test(length) ? Number(length) : null;
}

/** The record beside a part. */
function recordOf(part: string): string {
  return `${part}.json`;
}

async function note(part: string, url: string, { headers }: Response): Promise<void> {
  // Emptied before the record changes, so that bytes never stand under another answer's record.
  await writeFile(part, '', { mode: 0o600 });
  const tag = headers.get('etag');
  const version = tag === null || tag.startsWith('W/') ? headers.get('last-modified') : tag;
  if (version === null || headers.has('content-encoding')) {
    await rm(recordOf(part), { force: true });
  } else {
    await writeFile(recordOf(part), JSON.stringify({ url, version }), { mode: 0o600 });
  }
}

async function leftOf(part: string, url: string): Promise<Left | null> {
  try {
    const [{ size }, text] = await Promise.all([stat(part), readFile(recordOf(part), 'utf8')]);
    const record: unknown = JSON.parse(text);
    if (typeof record === 'object' && record !== null && 'url' in record && 'version' in record) {
      const { url: noted, version } = record;
      return noted === url && typeof version === 'string' && size > 0 ? { size, version } : null;
    }
    return null;
  } catch {
    return null;
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
