/**
 * Requests between the extension and the language server process, on top of the Language Server
 * Protocol. The server owns the function index of the workspace's C sources.
 */
import type { Frame } from '../core/stack/frame.ts';
import type { StackGroup } from '../core/stack/groups.ts';
import type { DebugLine, FunctionDefinition, Place } from '../core/symbols/location.ts';
import type { InlinedSites, TypedFunction } from '../core/symbols/value-type.ts';

/** A request's method with the types that travel under it; the type fields exist for the compiler only. */
export interface RequestKind<P, R> {
  readonly method: string;
  readonly params?: P;
  readonly result?: R;
}

/** A notification's method with the type that travels under it; the type field exists for the compiler only. */
export interface NotificationKind<P> {
  readonly method: string;
  readonly params?: P;
}

/** What the extension hands over when it starts the server. */
export interface ServerOptions {
  /** Folder of this extension for what outlives a window, absolute; made when first needed. */
  readonly storagePath: string;
}

/** Where the frames of stacks are in the source of the workspace, by what is here at the moment. */
export const locateRequest: RequestKind<LocateParams, LocateResult> = { method: 'zscope/locate' };

export interface LocateParams {
  /** Each innermost frame first and whole: what a frame calls is told by the one before it. */
  readonly stacks: readonly (readonly Frame[])[];
  /** The builds that ran when the stacks were taken; frames of other modules have no exact lines. */
  readonly modules: readonly ToldModule[];
}

/** A build with what was said when its debug info was prepared: a server that was started since does not know. */
export interface ToldModule extends RunningModule {
  /** Why there are no exact lines; absent where there are, or nothing is to be said. */
  readonly remark?: string;
}

/** The build of a loaded module. */
export interface RunningModule {
  /** As /sys/module spells it; null for the kernel itself. */
  readonly module: string | null;
  /** Hex of its GNU build-id. */
  readonly buildId: string;
}

/** A frame of a stack with what is known of its address. */
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
 * Sees to it that the debug info of builds is here, so that {@link locateRequest} gives exact lines:
 * from the workspace, the cache, the target, debuginfod. May take minutes; can be cancelled.
 */
export const prepareModulesRequest: RequestKind<PrepareModulesParams, PrepareModulesResult> = {
  method: 'zscope/prepareModules',
};

export interface PrepareModulesParams {
  /** Names the target in {@link fetchModuleRequest} and {@link moduleProgress}; any word. */
  readonly target: string;
  readonly modules: readonly WantedModule[];
  /** Fetch that of the kernel itself too: it is several hundred megabytes, which only a person asks for. */
  readonly kernel?: boolean;
}

/** A build whose debug info is wanted. */
export interface WantedModule extends RunningModule {
  /** Path on the target, absolute, of a program or library of ZFS, whose base name is `module`; absent for what the kernel has loaded. */
  readonly program?: string;
}

export interface PrepareModulesResult {
  /** One a module, in order. */
  readonly modules: readonly PreparedModule[];
}

export interface PreparedModule extends RunningModule {
  /** Its debug info is here. */
  readonly ready: boolean;
  /** Why it is not, as a sentence for the person; empty where there is nothing to do about it. */
  readonly remark: string;
  /** It may be here when asked again: what failed may pass. */
  readonly again: boolean;
}

/** From the server to the extension: read the file of a module or program from a target. Can be cancelled. */
export const fetchModuleRequest: RequestKind<FetchModuleParams, FetchModuleResult> = {
  method: 'zscope/fetchModule',
};

export interface FetchModuleParams {
  readonly target: string;
  /** Empty for the kernel itself. */
  readonly module: string;
  /** As {@link WantedModule.program}; null for what the kernel has loaded. */
  readonly program: string | null;
  readonly buildId: string;
  /** Name of the separate debug file, as a file of the module says it; null for none. */
  readonly debugLink: string | null;
  /** Paths on the target that are not wanted. */
  readonly skip: readonly string[];
  /** File that takes the bytes as they come; what is there of an earlier attempt is continued. */
  readonly part: string;
}

export type FetchModuleResult =
  /** `path` is the file's on the target; untrusted. */
  | { readonly outcome: 'fetched'; readonly path: string }
  /** The target has no (further) file that may be it; `otherBuild`: it has one of another build. */
  | { readonly outcome: 'none'; readonly otherBuild: boolean }
  /** It broke off; `why` is a sentence. */
  | { readonly outcome: 'failed'; readonly why: string };

/** From the server to the extension, while modules are prepared. */
export const moduleProgress: NotificationKind<ModuleProgress> = { method: 'zscope/moduleProgress' };

export interface ModuleProgress {
  readonly target: string;
  readonly module: string | null;
  readonly doing: 'unpacking' | 'debuginfod';
  /** Bytes. */
  readonly done: number;
  /** Null when it is not known. */
  readonly total: number | null;
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

/**
 * What a function's values are by the debug info of a running build, as far as that is here already: the first of
 * the builds that has the symbol. Null when none does, or when one has several of that name that differ.
 */
export const typedFunctionRequest: RequestKind<TypedFunctionParams, TypedFunction | null> = {
  method: 'zscope/typedFunction',
};

export interface TypedFunctionParams {
  /** Symbol of the running kernel, clone suffix included. */
  readonly symbol: string;
  readonly modules: readonly RunningModule[];
}

/**
 * Where a function was inlined by the debug info of running builds, as far as that is here already: of each build that
 * has it anywhere.
 */
export const inlinedSitesRequest: RequestKind<InlinedSitesParams, readonly BuiltSites[]> = {
  method: 'zscope/inlinedSites',
};

export interface InlinedSitesParams {
  /** Of the source. */
  readonly name: string;
  readonly modules: readonly RunningModule[];
}

/** Places in the code of one build: in another they are elsewhere. */
export interface BuiltSites extends InlinedSites {
  readonly build: RunningModule;
}

/** All definitions of a function by its source name, best first. */
export const definitionsRequest: RequestKind<{ readonly name: string }, readonly FunctionDefinition[]> = {
  method: 'zscope/definitions',
};

/** The functions whose bodies call one of the named functions, without doubles. */
export const callersRequest: RequestKind<{ readonly name: string }, readonly FunctionDefinition[]> = {
  method: 'zscope/callers',
};

/** What the named functions call, nearest first, down to a depth (1: by themselves); some thousands at most. */
export const calleesRequest: RequestKind<
  { readonly name: string; readonly depth: number },
  readonly string[]
> = { method: 'zscope/callees' };

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
  /** `file:` URI of the top of that source. */
  readonly zfsTree: string | null;
}

/**
 * What leads into the workspace in an open document: what is different from an answer before. Where to is
 * told by `documentLink/resolve`, with {@link StackLinksChange.document} as a link's data. Null for a
 * document that holds no stacks.
 */
export const stackLinksRequest: RequestKind<StackLinksParams, StackLinksChange | null> = {
  method: 'zscope/stackLinks',
};

export interface StackLinksParams {
  /** Of a document that is open. */
  readonly uri: string;
  /** {@link StackLinksChange.id} of the answer that the client has of this server process; null when it has none. */
  readonly known: number | null;
}

/** The links of a text of 100,000 lines would be some megabytes; those of the lines that changed are not. */
export interface StackLinksChange {
  /** Names what the client has with this answer. */
  readonly id: number;
  /** Stands for the document where a link is resolved. */
  readonly document: number;
  /** Parts at the beginning of what the client has that stay. */
  readonly head: number;
  /** Parts at its end that stay, wherever their lines are now. */
  readonly tail: number;
  /** What takes the place of all parts between. */
  readonly parts: readonly LinkPart[];
}

/** Lines of a document that follow each other, with their links. */
export interface LinkPart {
  /** How many lines. */
  readonly lines: number;
  /** Three numbers a link: its line in this part, its first column, and the one behind it; 0-based, UTF-16 units. */
  readonly spans: readonly number[];
}

/**
 * The outline of an open document: what is different from an answer before. Null for a document that holds no
 * stacks. The protocol's own request gives all of it after each edit, of a long log some megabytes.
 */
export const stackOutlineRequest: RequestKind<StackOutlineParams, StackOutlineChange | null> = {
  method: 'zscope/stackOutline',
};

export interface StackOutlineParams {
  /** Of a document that is open. */
  readonly uri: string;
  /** {@link StackOutlineChange.id} of the answer that the client has of this server process; null when it has none. */
  readonly known: number | null;
}

export interface StackOutlineChange {
  /** Names what the client has with this answer. */
  readonly id: number;
  /** Entries at the beginning of what the client has that stay. */
  readonly head: number;
  /** Entries at its end that stay, so many lines further down. */
  readonly tail: number;
  readonly moved: number;
  /** What takes the place of all entries between. */
  readonly entries: readonly OutlineEntry[];
  /** Stands for the stacks that there are too many of to be listed, behind all others; null where all are. */
  readonly rest: OutlineEntry | null;
}

/** A task, report or stack in the outline. */
export interface OutlineEntry {
  readonly name: string;
  readonly detail: string;
  readonly isReport: boolean;
  /** Where it begins, 0-based in UTF-16 units: line, and the columns of its heading. */
  readonly heading: readonly [line: number, start: number, end: number];
  /** Where it ends: how many lines further down, and the column there. */
  readonly end: readonly [lines: number, column: number];
}

/** Beside what the Language Server Protocol has of a link that was resolved and of a definition. */
export interface IsExact {
  /** The line is that of the running build, or of the text: it may be another one in the source that is open. */
  readonly isExact?: boolean;
}

/** From the server to the extension: whether a file is another than the running module was built from; null when it is the same, or nothing is known. */
export const runningSourceRequest: RequestKind<{ readonly uri: string }, OtherSource | null> = {
  method: 'zscope/runningSource',
};

/** A file that differs from what the running module was built from. */
export interface OtherSource {
  /** The running version, as /sys/module/zfs/version has it; untrusted. */
  readonly version: string;
  /** The file as it stands there; null where the person has not chosen to see that, or it was not there. */
  readonly text: string | null;
}

/** The different stacks of an open document, the most frequent first; null when it holds none. */
export const stackGroupsRequest: RequestKind<StackGroupsParams, readonly StackGroup[] | null> = {
  method: 'zscope/stackGroups',
};

export interface StackGroupsParams {
  /** Of a document that is open. */
  readonly uri: string;
}

/**
 * ZFS's programs and libraries that have entries in an open document, without the version of a library: `zdb`,
 * `libzpool`. Empty for a document that holds none.
 */
export const stackProgramsRequest: RequestKind<{ readonly uri: string }, readonly string[]> = {
  method: 'zscope/stackPrograms',
};

/** The frame with a source that comes next in an open document; null when there is none. */
export const nextFrameRequest: RequestKind<NextFrameParams, NextFrame | null> = {
  method: 'zscope/nextFrame',
};

export interface NextFrameParams {
  readonly uri: string;
  /** Where one is: 0-based, as in LSP. */
  readonly line: number;
  readonly character: number;
  /** -1 for the one before. */
  readonly by: 1 | -1;
}

export interface NextFrame {
  /** 0-based, as in LSP. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
  /** Innermost first; at least one is in the workspace. */
  readonly places: readonly Place[];
}

/** From the server to the extension: this open log or other text turned out to hold stacks. */
export const holdsStacks: NotificationKind<{ readonly uri: string }> = { method: 'zscope/holdsStacks' };

/** What leads into the workspace in a line of a terminal. */
export const lineLinksRequest: RequestKind<{ readonly text: string }, readonly LineLink[]> = {
  method: 'zscope/lineLinks',
};

export interface LineLink {
  /** 0-based columns in UTF-16 units, end exclusive. */
  readonly start: number;
  readonly end: number;
  /** Innermost first; at least one is in the workspace. */
  readonly places: readonly Place[];
}
