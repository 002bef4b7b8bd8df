/** Errors as they arise in ZFS: `SET_ERROR(err)` calls `__set_error(file, func, line, err)` (include/sys/zfs_debug.h). */

/** What watching errors tells. All text is untrusted. */
export type ErrorEvent =
  | RaisedError
  /** The probe is set: errors are seen from now on. */
  | { readonly kind: 'started' }
  /** The kernel does not let them be watched; nothing follows. `why` is a sentence. */
  | { readonly kind: 'refused'; readonly why: string }
  /** The kernel's buffer was full; null when it does not say how many are missing. */
  | { readonly kind: 'loss'; readonly count: number | null }
  /** Errors that the kernel counted since the start, those that were not recorded among them. */
  | { readonly kind: 'total'; readonly hits: number; readonly recording: boolean }
  /** It ended by itself at its limit of time. */
  | { readonly kind: 'limit' }
  /** It has ended, and all that it recorded was told. */
  | { readonly kind: 'complete' };

export interface RaisedError {
  readonly kind: 'error';
  /** Seconds on the target's trace clock. */
  readonly time: number;
  readonly comm: string;
  /** Thread id. */
  readonly pid: number;
  /** As the compiler got it: often an absolute path of the machine that built the module. */
  readonly file: string;
  readonly function: string;
  /** 1-based. */
  readonly line: number;
  readonly errno: number;
}

/** The arguments of `__set_error` as the probe prints them; what may hold anything comes last. */
export const ERROR_FETCHES: Readonly<Record<string, string>> = {
  x86_64: fetches(['%di', '%si', '%dx', '%cx']),
  aarch64: fetches(['%x0', '%x1', '%x2', '%x3']),
};

function fetches([file, func, line, error]: readonly [string, string, string, string]): string {
  return `l=${line}:s32 e=${error}:s32 n=+0(${func}):string f=+0(${file}):string c=$comm`;
}

const CONTEXT =
  /^ *.{1,64}-(\d{1,10}) +\[\d{1,5}\] (?:[^\s\d]?\S{3,5} )? *(\d{1,12}\.\d{1,9}): (\w{1,64}): \(/;
const VALUES = /\) l=(-?\d{1,10}) e=(-?\d{1,10}) n="(\w{1,128})" f="(.{1,1024})" c="(.{0,64})"$/;
const LOST = /^CPU:\d{1,5} \[LOST (?:(\d{1,15}) )?EVENTS\]/;

/** One line of trace_pipe; null for one that says nothing of errors. @param event name of the probe's event */
export function readErrorLine(line: string, event: string): ErrorEvent | null {
  const lost = LOST.exec(line);
  if (lost !== null) {
    return { kind: 'loss', count: lost[1] === undefined ? null : Number(lost[1]) };
  }
  const context = CONTEXT.exec(line);
  const values = context?.[3] === event ? VALUES.exec(line) : null;
  if (context === null || values === null) {
    return null;
  }
  const [, at, errno, name = '', file = '', comm = ''] = values;
  return {
    kind: 'error',
    time: Number(context[2]),
    pid: Number(context[1]),
    comm,
    file,
    function: name,
    line: Number(at),
    errno: Number(errno),
  };
}
