/**
 * Every id that package.json and the code share. A unit test holds package.json to this table, both
 * ways.
 */
import type { Uri } from 'vscode';
import type { TraceTool } from '../core/tracers/tools.ts';
import type { ErrorNode } from './errors/error-items.ts';
import type { TaskNode } from './hung-tasks/task-nodes.ts';
import type { TargetNode } from './targets/target-nodes.ts';
import type { SessionNode } from './trace-sessions/sessions-view.ts';

/** Commands by id, with the argument VS Code passes when one is run from a tree row. */
export interface CommandArguments {
  'zscope.connect': [];
  /** From a row of Targets. */
  'zscope.connectTarget': [target?: TargetNode];
  'zscope.reconnect': [];
  'zscope.disconnect': [target?: TargetNode];
  /** From a row of Targets, or for the one that was tried last. */
  'zscope.replaceHostKey': [target?: TargetNode];
  /** From a row of Targets, or for the one that is shown. */
  'zscope.becomeRoot': [target?: TargetNode];
  'zscope.forgetPasswords': [];
  'zscope.showTarget': [target?: TargetNode];
  /** From a row of Targets, or for the one that is shown. */
  'zscope.showConsole': [target?: TargetNode];
  'zscope.refreshTargets': [];
  'zscope.openSshConfig': [];
  'zscope.refreshTasks': [];
  'zscope.showAllTasks': [];
  'zscope.showHungTasks': [];
  'zscope.showIdleThreads': [];
  'zscope.hideIdleThreads': [];
  'zscope.filterTasks': [];
  'zscope.clearTaskFilter': [];
  'zscope.openFrame': [node?: TaskNode];
  'zscope.useRunningSource': [];
  'zscope.useOpenSource': [];
  'zscope.copyStack': [node?: TaskNode];
  /** The row whose function is meant; `selected` for the one that is chosen in Hung Tasks. */
  'zscope.traceFunction': [node?: unknown];
  /** As `zscope.traceFunction`, asking what to find out. */
  'zscope.traceFunctionWith': [node?: unknown];
  /** As `zscope.traceFunction`, of a function that is asked for. */
  'zscope.traceByName': [];
  /** As `zscope.traceFunctionWith`, in places where the function was inlined. */
  'zscope.traceInlined': [];
  /** Symbol of a traced function: from the line above its definition. */
  'zscope.showTrace': [symbol: string];
  'zscope.stopTraces': [];
  'zscope.chooseTracer': [];
  /** From the line above a program; the one in the active editor when not given. */
  'zscope.runProgram': [uri?: Uri];
  'zscope.stopProgram': [uri?: Uri];
  'zscope.watchErrors': [];
  'zscope.stopWatchingErrors': [];
  'zscope.filterErrors': [];
  'zscope.clearErrors': [];
  /** From a row of Errors. */
  'zscope.openError': [node?: ErrorNode];
  /** From a row of Trace Sessions, where several rows may be chosen; asked for when not given. */
  'zscope.openTraceSession': [node?: SessionNode];
  'zscope.openTraceSessionText': [node?: SessionNode];
  'zscope.compareTraceSessions': [node?: SessionNode, selected?: readonly SessionNode[]];
  'zscope.exportTraceSession': [node?: SessionNode];
  'zscope.saveTraceSession': [node?: SessionNode];
  'zscope.deleteTraceSession': [node?: SessionNode, selected?: readonly SessionNode[]];
  'zscope.showDbgmsg': [];
  'zscope.filterDbgmsg': [];
  'zscope.pasteStack': [];
  'zscope.groupStacks': [];
  /** URIs of open documents, or `live` for the connected target; asked for when not given. */
  'zscope.compareStacks': [before?: string, after?: string];
  'zscope.nextFrame': [];
  'zscope.previousFrame': [];
  'zscope.readKernelLines': [];
  'zscope.restartServer': [];
  'zscope.showActivity': [];
  'zscope.showLog': [];
}

export type CommandId = keyof CommandArguments;

/** Settings by id, with the type VS Code validates against package.json. */
export interface SettingTypes {
  'zscope.ssh.configFiles': readonly string[];
  'zscope.serialConsoles': Readonly<Record<string, string>>;
  'zscope.trace.askFirst': boolean;
  'zscope.source.roots': readonly string[];
  'zscope.source.pathMappings': Readonly<Record<string, string>>;
  'zscope.tasks.refreshSeconds': number;
  'zscope.symbols.cacheSize': number;
  'zscope.symbols.targetFolders': readonly string[];
  'zscope.trace.tool': TraceTool;
  'zscope.trace.maxEvents': number;
  'zscope.trace.maxSeconds': number;
  'zscope.trace.maxRate': number;
  'zscope.trace.stacks': boolean;
}

export type SettingId = keyof SettingTypes;

/** What a setting is when nobody set it; the same as `default` in package.json. */
export const settingDefaults: SettingTypes = {
  'zscope.ssh.configFiles': [],
  'zscope.serialConsoles': {},
  'zscope.trace.askFirst': true,
  'zscope.source.roots': [],
  'zscope.source.pathMappings': {},
  'zscope.tasks.refreshSeconds': 5,
  'zscope.symbols.cacheSize': 2048,
  'zscope.symbols.targetFolders': ['/root/zfs', '/usr/src/zfs'],
  'zscope.trace.tool': 'ftrace',
  'zscope.trace.maxEvents': 100_000,
  'zscope.trace.maxSeconds': 600,
  'zscope.trace.maxRate': 20_000,
  'zscope.trace.stacks': true,
};

/** The most of those settings by which a target is spared; the same as `maximum` in package.json. */
export const settingMaxima: { readonly [Id in SettingId]?: number } = {
  'zscope.trace.maxEvents': 10_000_000,
  'zscope.trace.maxSeconds': 86_400,
  'zscope.trace.maxRate': 10_000_000,
};

/** Context keys that `when` clauses in package.json use. */
export interface ContextKeys {
  'zscope.connected': boolean;
  'zscope.connecting': boolean;
  'zscope.connectionLost': boolean;
  'zscope.hostKeyChanged': boolean;
  /** A lost target is tried again by itself. */
  'zscope.retrying': boolean;
  /** A connected target has no root. */
  'zscope.withoutRoot': boolean;
  'zscope.allTasks': boolean;
  'zscope.idleThreads': boolean;
  'zscope.taskFilter': boolean;
  /** Sources of the running version are known and differ from those that are open. */
  'zscope.sourceDiffers': boolean;
  /** Frames lead to the running version. */
  'zscope.runningSource': boolean;
  'zscope.tracing': boolean;
  'zscope.watchingErrors': boolean;
  /** Some are kept. */
  'zscope.hasTraceSessions': boolean;
  /** Errors were watched since the window opened. */
  'zscope.errorsKnown': boolean;
  'zscope.dbgmsgVisible': boolean;
  /** Paths of the open logs and other texts that hold stacks, as `resourcePath` has them. */
  'zscope.stackTexts': readonly string[];
}

export type ContextKey = keyof ContextKeys;

export const views = {
  targets: 'zscope.targets',
  hungTasks: 'zscope.hungTasks',
  dbgmsg: 'zscope.dbgmsg',
  errors: 'zscope.errors',
  traceSessions: 'zscope.traceSessions',
} as const;

export const schemes = {
  /** Of the documents that hold a source as it stood in a commit. */
  revision: 'zscope-revision',
  /** Of the documents with stacks that the extension makes. */
  stacks: 'zscope',
  /** Of the document that lists what ran on targets. */
  activity: 'zscope-activity',
} as const;

export const languages = {
  kernelStack: 'kernel-stack',
  dbgmsg: 'zfs-dbgmsg',
  bpftrace: 'bpftrace',
} as const;

/** Commands as a list, for the test that compares with package.json. */
export const commandIds: { readonly [Id in CommandId]: true } = {
  'zscope.connect': true,
  'zscope.connectTarget': true,
  'zscope.reconnect': true,
  'zscope.disconnect': true,
  'zscope.replaceHostKey': true,
  'zscope.becomeRoot': true,
  'zscope.forgetPasswords': true,
  'zscope.showTarget': true,
  'zscope.showConsole': true,
  'zscope.refreshTargets': true,
  'zscope.openSshConfig': true,
  'zscope.refreshTasks': true,
  'zscope.showAllTasks': true,
  'zscope.showHungTasks': true,
  'zscope.showIdleThreads': true,
  'zscope.hideIdleThreads': true,
  'zscope.filterTasks': true,
  'zscope.clearTaskFilter': true,
  'zscope.openFrame': true,
  'zscope.useRunningSource': true,
  'zscope.useOpenSource': true,
  'zscope.copyStack': true,
  'zscope.traceFunction': true,
  'zscope.traceFunctionWith': true,
  'zscope.traceByName': true,
  'zscope.traceInlined': true,
  'zscope.showTrace': true,
  'zscope.stopTraces': true,
  'zscope.chooseTracer': true,
  'zscope.runProgram': true,
  'zscope.stopProgram': true,
  'zscope.watchErrors': true,
  'zscope.stopWatchingErrors': true,
  'zscope.filterErrors': true,
  'zscope.clearErrors': true,
  'zscope.openError': true,
  'zscope.openTraceSession': true,
  'zscope.openTraceSessionText': true,
  'zscope.compareTraceSessions': true,
  'zscope.exportTraceSession': true,
  'zscope.saveTraceSession': true,
  'zscope.deleteTraceSession': true,
  'zscope.showDbgmsg': true,
  'zscope.filterDbgmsg': true,
  'zscope.pasteStack': true,
  'zscope.groupStacks': true,
  'zscope.compareStacks': true,
  'zscope.nextFrame': true,
  'zscope.previousFrame': true,
  'zscope.readKernelLines': true,
  'zscope.restartServer': true,
  'zscope.showActivity': true,
  'zscope.showLog': true,
};

/** Context keys as a list, with their value before anything happened. */
export const contextKeys: ContextKeys = {
  'zscope.connected': false,
  'zscope.connecting': false,
  'zscope.connectionLost': false,
  'zscope.hostKeyChanged': false,
  'zscope.retrying': false,
  'zscope.withoutRoot': false,
  'zscope.allTasks': false,
  'zscope.idleThreads': false,
  'zscope.taskFilter': false,
  'zscope.sourceDiffers': false,
  'zscope.runningSource': false,
  'zscope.tracing': false,
  'zscope.watchingErrors': false,
  'zscope.hasTraceSessions': false,
  'zscope.errorsKnown': false,
  'zscope.dbgmsgVisible': false,
  'zscope.stackTexts': [],
};
