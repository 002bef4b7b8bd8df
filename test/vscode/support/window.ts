/**
 * What the extension shows, seen through the VS Code API: the functions that it calls are wrapped
 * before it is activated. The test bundles lie below the extension's folder, so VS Code gives them
 * the extension's own API object.
 */
import * as vscode from 'vscode';

interface Tree {
  readonly view: vscode.TreeView<unknown>;
  readonly provider: vscode.TreeDataProvider<unknown>;
}

interface Shown {
  /** By view id. */
  readonly trees: Map<string, Tree>;
  /** Error notifications, oldest first. */
  readonly errors: string[];
  /** Warnings with their detail: the questions about host keys. */
  readonly questions: string[];
  /** What a question is answered with: the label of one of its buttons. */
  answer: string | undefined;
  /** Titles of the input boxes that are open: nobody types anything there, they end when they are cancelled. */
  readonly inputs: Set<string>;
  /** What is typed into input boxes, by the beginning of their titles; each is used once, oldest first. */
  readonly typed: { readonly title: string; readonly text: string }[];
  /** Notifications, oldest first, with what their buttons say. */
  readonly notes: string[];
  /** Those that give the links of terminals. */
  readonly terminalLinks: vscode.TerminalLinkProvider[];
  /** What was posted to the pages in editor tabs, oldest first. */
  readonly posted: { readonly viewType: string; readonly message: unknown }[];
  /** What the Log got at level Info, oldest first. */
  readonly logged: string[];
}

/** Each test file is a bundle of its own with its own copy of this module; all share what was seen. */
const key = Symbol.for('zscope.test.window');
const shared = globalThis as { [key]?: Shown };

/** What the window showed since the first test file was loaded. */
export const shown: Shown = shared[key] ?? wrap();
shared[key] = shown;

function wrap(): Shown {
  const seen: Shown = {
    trees: new Map(),
    errors: [],
    questions: [],
    answer: undefined,
    inputs: new Set(),
    typed: [],
    notes: [],
    terminalLinks: [],
    posted: [],
    logged: [],
  };
  const createTreeView = vscode.window.createTreeView.bind(vscode.window);
  const createOutputChannel = vscode.window.createOutputChannel.bind(vscode.window);
  const createWebviewPanel = vscode.window.createWebviewPanel.bind(vscode.window);
  const registerTerminalLinkProvider = vscode.window.registerTerminalLinkProvider.bind(vscode.window);
  Object.assign(vscode.window, {
    registerTerminalLinkProvider: (provider: vscode.TerminalLinkProvider) => {
      seen.terminalLinks.push(provider);
      return registerTerminalLinkProvider(provider);
    },
    createOutputChannel: (name: string, options: { readonly log: true }) => {
      const channel = createOutputChannel(name, options);
      const info = (text: string, ...more: unknown[]) => {
        seen.logged.push(text);
        channel.info(text, ...more);
      };
      return Object.create(channel, { info: { value: info } });
    },
    createTreeView: (id: string, options: vscode.TreeViewOptions<unknown>) => {
      const view = createTreeView(id, options);
      seen.trees.set(id, { view, provider: options.treeDataProvider });
      return view;
    },
    createWebviewPanel: (...made: Parameters<typeof createWebviewPanel>) => {
      const panel = createWebviewPanel(...made);
      const post = panel.webview.postMessage.bind(panel.webview);
      panel.webview.postMessage = (message: unknown) => {
        seen.posted.push({ viewType: panel.viewType, message });
        return post(message);
      };
      return panel;
    },
    showErrorMessage: async (message: string) => {
      seen.errors.push(message);
    },
    showInputBox: (options: vscode.InputBoxOptions, token: vscode.CancellationToken) =>
      new Promise<string | undefined>((resolve) => {
        const title = options.title ?? '';
        const at = seen.typed.findIndex((typed) => title.startsWith(typed.title));
        const [typed] = at < 0 ? [] : seen.typed.splice(at, 1);
        if (typed !== undefined) {
          resolve(typed.text);
          return;
        }
        seen.inputs.add(title);
        token.onCancellationRequested(() => {
          seen.inputs.delete(title);
          resolve(undefined);
        });
      }),
    showInformationMessage: async (message: string, ...buttons: string[]) => {
      seen.notes.push([message, ...buttons].join(' | '));
    },
    showWarningMessage: async (message: string, ...rest: Array<vscode.MessageOptions | string>) => {
      const [options] = rest;
      seen.questions.push(`${message}\n${typeof options === 'object' ? (options.detail ?? '') : ''}`);
      return rest.find((button) => button === seen.answer);
    },
  });
  return seen;
}

/** Activates the extension, once. */
export async function activate(): Promise<void> {
  const extension = vscode.extensions.getExtension('zscope.zscope');
  if (extension === undefined) {
    throw new Error('The extension is not in this window.');
  }
  await extension.activate();
}

export function tree(id: string): Tree {
  const found = shown.trees.get(id);
  if (found === undefined) {
    throw new Error(`The view ${id} was not made.`);
  }
  return found;
}

/** A row of a view as it is shown, with the node that its commands are given. */
export interface Row {
  readonly node: unknown;
  readonly item: vscode.TreeItem;
}

/** The rows of a view's first level. */
export async function rows(id: string): Promise<readonly Row[]> {
  const { provider } = tree(id);
  const nodes = (await provider.getChildren()) ?? [];
  return await Promise.all(nodes.map(async (node) => ({ node, item: await provider.getTreeItem(node) })));
}

/** The error notifications that `action` led to. */
export async function errorsOf(action: () => Thenable<unknown>): Promise<readonly string[]> {
  const before = shown.errors.length;
  await action();
  return shown.errors.slice(before);
}

/**
 * Asks again until `ok` says yes.
 * @throws Error with the last answer after `limit` ms.
 */
export async function eventually<T>(
  what: string,
  get: () => T | Thenable<T>,
  ok: (value: T) => boolean,
  limit = 15_000,
): Promise<T> {
  const end = Date.now() + limit;
  for (;;) {
    const value = await get();
    if (ok(value)) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`Not within ${limit / 1000} s: ${what}. Last: ${JSON.stringify(value)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Where F12 goes to from a position. */
export async function definitionsAt(
  { uri }: vscode.TextDocument,
  at: vscode.Position,
): Promise<readonly vscode.Location[]> {
  return await vscode.commands.executeCommand<vscode.Location[]>('vscode.executeDefinitionProvider', uri, at);
}
