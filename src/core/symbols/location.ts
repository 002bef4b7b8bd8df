/**
 * How a source line is known: `dwarf` from the module's own line table, `call-site` because the
 * function holds exactly one call to the next inner frame, `function` when only the function's
 * definition is known.
 */
export type HowKnown = 'dwarf' | 'call-site' | 'function';

/** One function on the way from an address outwards, as debug info names it. */
export interface DebugLine {
  /** Source name of the function; empty where debug info has none. */
  readonly function: string;
  /** Absolute path at build time: `/var/lib/dkms/zfs/2.3.9/build/module/zfs/zil.c`; empty when only a symbol tells. Untrusted. */
  readonly path: string;
  /** 1-based; 0 without a path. */
  readonly line: number;
}

/** What addresses have in common that lie in one function, inlined in one place, and come from one file. */
export interface CodeOrigin {
  /** Counts from 0 in the order in which the answers to one question first have them. */
  readonly number: number;
  /** As {@link DebugLine} has them. */
  readonly function: string;
  readonly path: string;
  /** The lines that the function was inlined into, outwards. */
  readonly callers: readonly DebugLine[];
}

/** A place in the source that a frame stands for. */
export interface Place {
  /** Source name of the function. */
  readonly function: string;
  /** True when the function was inlined into the next place outwards. */
  readonly inlined: boolean;
  /** `file:` URI of a file of the workspace; null when no file of the workspace fits. */
  readonly uri: string | null;
  /** Path to show: relative to the workspace folder, else the build path; null when unknown. */
  readonly path: string | null;
  /** 1-based line; null when unknown. */
  readonly line: number | null;
  /** How the line is known; null when there is none. */
  readonly how: HowKnown | null;
  /**
   * When it may be one of several lines: all of them, likeliest first, and `line` is that of the
   * function's definition. Absent when there is one answer.
   */
  readonly candidates?: readonly CandidateLine[];
}

/** A line that a frame may stand for. */
export interface CandidateLine {
  /** `file:` URI of a file of the workspace. */
  readonly uri: string;
  /** Path relative to the workspace folder. */
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  /** The line without its indentation; untrusted as any source. */
  readonly text: string;
}

/** A parameter of a C function as its definition declares it. */
export interface Parameter {
  /** Empty for an unnamed parameter. */
  readonly name: string;
  /** The declared type with blanks made single: `const char *`, `zilog_t *`, `uint64_t`. */
  readonly type: string;
}

/** A function definition in the workspace. */
export interface FunctionDefinition {
  readonly name: string;
  readonly uri: string;
  /** Path relative to its workspace folder. */
  readonly path: string;
  /** 1-based line of the function's name. */
  readonly line: number;
  /** 1-based line of the closing brace. */
  readonly endLine: number;
  readonly parameters: readonly Parameter[];
}
