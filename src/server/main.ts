/**
 * The language server process. It owns the function index of the workspace's C sources and answers
 * the requests of `protocol/server.ts`; for Kernel Stack documents it gives links, definitions and
 * hovers. Runs over node IPC (`--node-ipc`) or stdio (`--stdio`).
 */
import { statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  createConnection,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  FileChangeType,
  type InitializeParams,
  type InitializeResult,
  TextDocumentSyncKind,
  TextDocuments,
} from 'vscode-languageserver/node';
import * as requests from '../protocol/server.ts';
import { CReader } from './c-reader.ts';
import { calleesBelow } from './callees.ts';
import { IndexProgress } from './index-progress.ts';
import { Locator } from './locator.ts';
import { ModuleService } from './modules/module-service.ts';
import { NewFolders } from './new-folders.ts';
import { isBelow, pathOfUri, uriOfPath } from './paths.ts';
import { RootWatch, sourceWatchers } from './root-watch.ts';
import { readSourceSettings } from './source-settings.ts';
import { StackDocuments } from './stack-documents.ts';
import { StackService } from './stack-service.ts';
import { WorkspaceIndex } from './workspace-index.ts';

/** Longest wait for a client's settings, ms. */
const SETTINGS_LIMIT_MS = 3000;

const connection = createConnection();
const stackDocuments = new StackDocuments((uri) => {
  void connection.sendNotification(requests.holdsStacks.method, { uri });
});
const documents = new TextDocuments(stackDocuments);
const progress = new IndexProgress(connection.window);
const index = new WorkspaceIndex(
  (done, total) => progress.report(done, total),
  (text) => connection.console.warn(text),
);
const reader = new CReader(
  {
    runtime: path.join(__dirname, 'web-tree-sitter.wasm'),
    grammar: path.join(__dirname, 'tree-sitter-c.wasm'),
  },
  (text) => connection.console.warn(text),
);
const locator = new Locator(index, reader);
const moduleService = new ModuleService(connection, () => stacks.sourcesChanged());
const rootWatch = new RootWatch(connection);
const newFolders = new NewFolders((folders) => {
  const counts = index.lookInto(folders);
  if (counts) {
    stacks.sourcesChanged();
  }
  return counts;
});
const stacks = new StackService({
  connection,
  documents,
  stacks: stackDocuments,
  locator,
  debug: moduleService,
  read: async (uri) => {
    const file = pathOfUri(uri);
    return file === null ? null : index.text(file);
  },
  settled,
});

/** Folders of the workspace. */
let roots: string[] = [];
let settings = readSourceSettings(null, null);
/** Settled when the settings were first read: only then the index knows its folders. */
let begun: Promise<void> = Promise.resolve();
let canConfigure = false;
let canWatch = false;
/** The same for folders that are not in the workspace. */
let canWatchOutside = false;
let canChangeFolders = false;

connection.onInitialize((params: InitializeParams): InitializeResult => {
  const { workspace, window } = params.capabilities;
  canWatch = workspace?.didChangeWatchedFiles?.dynamicRegistration === true;
  canWatchOutside = canWatch && workspace?.didChangeWatchedFiles?.relativePatternSupport === true;
  canChangeFolders = workspace?.workspaceFolders === true;
  progress.supported = window?.workDoneProgress === true;
  roots = (params.workspaceFolders ?? []).flatMap((folder) => pathOfUri(folder.uri) ?? []);
  canConfigure = workspace?.configuration === true;
  const storage = storageOf(params.initializationOptions);
  moduleService.start(storage);
  if (storage !== null) {
    const { size, mtimeMs } = statSync(__filename);
    index.store = { folder: path.join(storage, 'index'), build: `${size} ${mtimeMs}` };
  }
  return {
    serverInfo: { name: 'zscope' },
    capabilities: {
      textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
      workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
      ...stacks.capabilities(params.capabilities),
    },
  };
});

connection.onInitialized(() => {
  begun = readSettings();
  moduleService.setFolders(roots);
  if (canChangeFolders) {
    connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
      const gone = new Set(removed.map((folder) => pathOfUri(folder.uri)));
      const come = added.flatMap((folder) => pathOfUri(folder.uri) ?? []);
      roots = [...roots.filter((root) => !gone.has(root)), ...come];
      setSources();
      moduleService.setFolders(roots);
    });
  }
  register().catch((error: unknown) =>
    connection.console.error(`The client takes no registrations: ${String(error)}`),
  );
});

/** Asks the client for the settings on sources, and sets the index to them. */
async function readSettings(): Promise<void> {
  let given: unknown = null;
  if (canConfigure) {
    // A client that does not answer has the index of its workspace all the same.
    const limit = setTimeout(SETTINGS_LIMIT_MS, null, { ref: false });
    given = await Promise.race([connection.workspace.getConfiguration('zscope.source'), limit]).catch(
      () => null,
    );
  }
  settings = readSourceSettings(given, roots[0] ?? null);
  setSources();
}

function setSources(): void {
  locator.pathMappings = settings.pathMappings;
  index.setFolders([...new Set([...roots, ...settings.roots])]);
  if (canWatchOutside) {
    const isOpen = (folder: string) => roots.some((root) => folder === root || isBelow(folder, root));
    rootWatch.set(settings.roots.filter((folder) => !isOpen(folder)));
  }
  stacks.sourcesChanged();
}

/** Resolves when the index holds all that was asked of it. */
async function settled(): Promise<void> {
  await begun;
  await index.settled();
}

/** The folder that the client gives to the server; null when it gives none. */
function storageOf(options: unknown): string | null {
  if (typeof options === 'object' && options !== null && 'storagePath' in options) {
    const { storagePath } = options;
    return typeof storagePath === 'string' && path.isAbsolute(storagePath) ? storagePath : null;
  }
  return null;
}

async function register(): Promise<void> {
  await stacks.register();
  if (canConfigure) {
    await connection.client.register(DidChangeConfigurationNotification.type, { section: 'zscope.source' });
  }
  if (canWatch) {
    await connection.client.register(DidChangeWatchedFilesNotification.type, {
      watchers: sourceWatchers((glob) => glob),
    });
  }
}

connection.onDidChangeConfiguration(() => {
  begun = readSettings();
});

connection.onDidChangeWatchedFiles(({ changes }) => {
  const paths = (types: readonly FileChangeType[]) =>
    changes.flatMap(({ uri, type }) => (types.includes(type) ? (pathOfUri(uri) ?? []) : []));
  newFolders.made(paths([FileChangeType.Created]));
  const changed = index.filesChanged(paths([FileChangeType.Created, FileChangeType.Changed]));
  const removed = index.removed(paths([FileChangeType.Deleted]));
  // A build makes and removes thousands of files that are none.
  if (changed || removed) {
    stacks.sourcesChanged();
  }
});

documents.onDidChangeContent(({ document }) => {
  const file = pathOfUri(document.uri);
  if (file !== null && isSource(file)) {
    index.documentChanged(file, () => document.getText());
    stacks.sourcesChanged();
  }
});

documents.onDidClose(({ document }) => {
  const file = pathOfUri(document.uri);
  if (file !== null && isSource(file)) {
    index.documentClosed(file);
    stacks.sourcesChanged();
  }
});

/** As against a text with stacks, which clients sync too. */
function isSource(file: string): boolean {
  return /\.[ch]$/i.test(file);
}

/** Answers one kind of request, when the index holds all that was asked of it before. */
function answer<P, R>(kind: requests.RequestKind<P, R>, handler: (params: P) => R | Promise<R>): void {
  connection.onRequest<unknown, void>(kind.method, async (params: P) => {
    await settled();
    return handler(params);
  });
}

answer(requests.locateRequest, async ({ stacks: asked, modules }) => {
  stacks.sawBuilds(modules);
  const known = await moduleService.withLines(asked, modules);
  return { places: await Promise.all(known.map((stack) => locator.locateStack(stack))) };
});
answer(requests.functionAtRequest, ({ uri, line, character }) => {
  const file = pathOfUri(uri);
  return file === null ? null : locator.functionAt(file, line, character);
});
answer(requests.definitionsRequest, ({ name }) => locator.definitions(name));
answer(requests.callersRequest, ({ name }) => locator.callers(name));
answer(requests.calleesRequest, ({ name, depth }) => calleesBelow(index.functions, name, depth));
answer(requests.sourceReferenceRequest, (reference) => locator.sourceReference(reference));
answer(requests.indexStatusRequest, () => ({
  files: index.functions.fileCount,
  functions: index.functions.functionCount,
  zfsVersion: index.zfsTree?.version ?? null,
  zfsTree: index.zfsTree === null ? null : uriOfPath(index.zfsTree.root),
}));

connection.onShutdown(async () => {
  moduleService.dispose();
  newFolders.dispose();
  index.dispose();
  await index.save();
});

documents.listen(connection);
connection.listen();
