/**
 * What it does to the target. `observe` reads only; `trace` adds probes that are undone at the
 * end; `change` writes a parameter or leaves something behind.
 */
export type Grade = 'observe' | 'trace' | 'change';

export interface Question {
  /** Stable word for logs: `task-snapshot`. */
  readonly name: string;
  /** What is asked, in a person's words. */
  readonly title: string;
  readonly grade: Grade;
  /** True when the question can only be answered for root; `if-had` when that only makes an answer likelier. */
  readonly needsRoot: boolean | 'if-had';
}

/**
 * A script that a target's `/bin/sh` runs, and what makes data of its output.
 *
 * The script runs with `LC_ALL=C`, stdin from /dev/null and nothing else set up. It needs no more
 * than coreutils and awk (busybox will do), and does no read that can join a hang. Values go in
 * through {@link shellWord} only.
 */
export interface Collector<P, T> extends Question {
  /** The whole run is ended after this time, in milliseconds. */
  readonly timeoutMs: number;
  script(params: P): string;
  /**
   * Turns stdout into data.
   * @throws Failure when the output says why there is no answer.
   */
  decode(output: string, params: P): T;
}

/** A question whose answer keeps coming until it is stopped. `S` is the part of its parameters that its clean-up needs. */
export interface StreamCollector<P extends S, E, S = P> extends Question {
  /**
   * What goes before {@link script} and is the same for all parameters. It may run long before: it
   * defines functions and looks, and changes nothing.
   */
  readonly preamble?: string;
  /**
   * What a shell that stands by can do ahead of a {@link script} that is likely to come soon, by the functions of the
   * preamble; absent where there is nothing. The script goes on from there, and prints what is to be known of it.
   */
  ahead?(known: S): string;
  script(params: P): string;
  /**
   * Undoes what {@link script} and {@link ahead} did; runs on the target after the script has ended or was ended,
   * whatever the reason: stop, end of connection, a silent client. Empty when there is nothing to
   * undo.
   */
  cleanup(params: S): string;
  /** A decoder for one run; called with whole lines without their newline, in order. */
  decoder(params: P): LineDecoder<E>;
}

/** A question whose answer is one line of text and after it the bytes of a file. */
export interface DownloadCollector<P, H> extends Question {
  /** It is ended when no byte came for so long, in milliseconds. */
  readonly idleMs: number;
  script(params: P): string;
  /**
   * What the first line says.
   * @throws Failure when it says why there are no bytes.
   */
  header(line: string, params: P): H;
}

export interface LineDecoder<E> {
  /** Longest line that it reads whole, in UTF-16 units; LINE_LIMIT (core/text/lines.ts) unless given. */
  readonly longestLine?: number;
  line(text: string): readonly E[];
  /** Takes bytes that are no text, after a line that said so; absent where there are none. */
  readonly bytes?: ByteTaker;
  /**
   * Asks the target what it needs to go on; called after each piece. Null when it needs nothing, or asks already.
   * @returns what it has to tell with the answer; never rejects
   */
  followUp?(ask: Asking): Promise<readonly E[]> | null;
  /** Called once when the stream ended by itself or was stopped. */
  end(): readonly E[];
}

/** Runs a question. */
export type Asking = <P, T>(collector: Collector<P, T>, params: P) => Promise<T>;

/** What takes bytes out of a stream of lines. */
export interface ByteTaker {
  /** Whether the bytes behind the last line are for it. */
  readonly isOpen: boolean;
  /** @returns what is left for lines, once it is not open any more; else empty */
  push(bytes: Uint8Array): Uint8Array;
}

/** Quotes a value as one word of a POSIX shell. @throws RangeError on NUL, which no word can hold. */
export function shellWord(value: string): string {
  if (value.includes('\0')) {
    throw new RangeError('a shell word cannot hold NUL');
  }
  return /^[\w./:@%+=,-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
