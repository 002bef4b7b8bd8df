/**
 * Requests between the extension and the language server process, on top of the Language Server
 * Protocol. The server owns the function index of the workspace's C sources.
 */
import type { Frame } from '../core/stack/frame.ts';
import type { DebugLine, FunctionDefinition, Place } from '../core/symbols/location.ts';

/** A request's method with the types that travel under it; the type fields exist for the compiler only. */
export interface RequestKind<P, R> {
  readonly method: string;
  readonly params?: P;
  readonly result?: R;
}

/** Where the frames of stacks are in the source of the workspace. */
export const locateRequest: RequestKind<LocateParams, LocateResult> = { method: 'zscope/locate' };

export interface LocateParams {
  /** Each innermost frame first and whole: what a frame calls is told by the one before it. */
  readonly stacks: readonly (readonly LocateFrame[])[];
}

export interface LocateFrame {
  readonly frame: Frame;
  /** What debug info says of the frame, innermost first; null or empty when there is none. */
  readonly debug: readonly DebugLine[] | null;
}

export interface LocateResult {
  /** By stack and frame, in order: the frame's places, innermost first, never empty. */
  readonly places: readonly (readonly (readonly Place[])[])[];
}

/**
 * The function a person means at a position of a C file: the indexed function whose name is under
 * the cursor, else the function whose body holds the position, else null.
 */
export const functionAtRequest: RequestKind<FunctionAtParams, FunctionDefinition | null> = {
  method: 'zscope/functionAt',
};

export interface FunctionAtParams {
  readonly uri: string;
  /** 0-based, as in LSP. */
  readonly line: number;
  /** 0-based UTF-16 unit, as in LSP. */
  readonly character: number;
}

/** All definitions of a function by its source name, best first. */
export const definitionsRequest: RequestKind<{ readonly name: string }, readonly FunctionDefinition[]> = {
  method: 'zscope/definitions',
};

/** The functions whose bodies call one of the named functions, without doubles. */
export const callersRequest: RequestKind<{ readonly name: string }, readonly FunctionDefinition[]> = {
  method: 'zscope/callers',
};

/** Where `file.c:123:func()` is: the file of that base name, the one that defines `func` first. */
export const sourceReferenceRequest: RequestKind<SourceReferenceParams, Place | null> = {
  method: 'zscope/sourceReference',
};

export interface SourceReferenceParams {
  /** Base name or any longer path. Untrusted. */
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  readonly function: string | null;
}

/** What the index holds; answered when the first full index is there. */
export const indexStatusRequest: RequestKind<null, IndexStatus> = { method: 'zscope/indexStatus' };

export interface IndexStatus {
  readonly files: number;
  readonly functions: number;
  /** ZFS version of the workspace from its META file (`Version:` and `Release:`): `2.3.9-1`; null when there is none. */
  readonly zfsVersion: string | null;
}
