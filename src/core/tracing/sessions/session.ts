import { isPartial, type TraceEvent, type TraceTally } from '../events.ts';

/** What a session was: enough to read its events without the target. All text is untrusted. */
export interface SessionHeader {
  /** What a person calls it. */
  readonly name: string;
  /** When it began by the clock of the machine that kept it, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly target: SessionTarget;
  /** Builds that ran, as far as they are known. */
  readonly modules: readonly { readonly module: string; readonly buildId: string }[];
  /** What was traced. Functions that joined later are among them, and in the program, only if the file is whole. */
  readonly functions: readonly SessionFunction[];
  /** The tool that traced: `ftrace`, `bpftrace`, ... or one of a later version. */
  readonly tracer: string;
  /** What ran on the target, for a person to read; empty when it is not known. */
  readonly program: string;
}

export interface SessionTarget {
  /** As the ssh configuration calls it. */
  readonly alias: string;
  readonly hostname: string;
  /** `uname -r`. */
  readonly kernel: string;
  /** `uname -m`. */
  readonly machine: string;
  readonly bootId: string;
  /** Version of the loaded module; null when ZFS was not loaded. */
  readonly zfsVersion: string | null;
}

export interface SessionFunction {
  /** Symbol, clone suffix included. */
  readonly symbol: string;
  /** Null for the kernel, or when it is not known. */
  readonly module: string | null;
  /** `calls`, `returns`, `count` ...: a word of this or a later version. */
  readonly kind: string;
  /** As a person wrote it; empty for none. */
  readonly condition: string;
}

export interface SessionEnd {
  /** By the same clock as the start. */
  readonly endedAt: number;
  /** `stopped`, `limit of events`, `limit of time`, `limit of rate`, `finished` by itself, or `lost` with the connection. */
  readonly reason: string;
  /** Calls that the kernel saw; null when it did not say. */
  readonly calls: number | null;
  /** Entries that the kernel's buffer lost. */
  readonly overrun: number;
  /** Returns that a probe missed. */
  readonly missed: number;
  /** Events that came and are not in the file, because it was full. */
  readonly dropped: number;
  /** What was recorded last may be missing: nobody said that it is all. */
  readonly isCut: boolean;
}

/** A session as it was kept. */
export interface KeptSession {
  readonly header: SessionHeader;
  /** In order. */
  readonly events: readonly TraceEvent[];
  /** The last sums of each function that was counted. */
  readonly tallies: readonly TraceTally[];
  /** Null for a file that was cut: the session, or who kept it, ended unforeseen. */
  readonly end: SessionEnd | null;
  /** Lines that could not be read, the cut one at the end among them. */
  readonly unread: number;
}

/** True when calls may be missing in it. */
export function isIncomplete({ events, end, unread, tallies }: KeptSession): boolean {
  return (
    end === null ||
    end.isCut ||
    end.overrun + end.missed + end.dropped + unread > 0 ||
    events.some(({ kind }) => kind === 'loss') ||
    tallies.some(isPartial)
  );
}
