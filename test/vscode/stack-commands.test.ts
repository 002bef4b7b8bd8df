import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { Server } from '../ssh/server.ts';
import { configure, onRow, startMachine, stateOf } from './support/machine.ts';
import { activate, errorsOf, eventually, shown } from './support/window.ts';

const inFolder = (relative: string) => {
  const [first] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(first, 'the window has no folder');
  return vscode.Uri.joinPath(first.uri, relative);
};

async function open(relative: string): Promise<vscode.TextEditor> {
  const document = await vscode.workspace.openTextDocument(inFolder(relative));
  return vscode.window.showTextDocument(document, vscode.ViewColumn.One);
}

const log = () => open('dumps/lockup.log');

/** Asks an API command of VS Code until it answers with something: the server may be starting. */
function ask<T>(command: string, ...args: unknown[]): Promise<readonly T[]> {
  return eventually(
    command,
    async () => (await vscode.commands.executeCommand<T[] | undefined>(command, ...args)) ?? [],
    (found) => found.length > 0,
  );
}

describe('a log with stacks', () => {
  before(activate);
  afterEach(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  it('has links', async () => {
    const { document } = await log();
    assert.equal(document.languageId, 'log');
    const links = await ask<vscode.DocumentLink>('vscode.executeLinkProvider', document.uri, 10);
    const [text = []] = links.map(({ range, target }) => [document.getText(range), target?.path]);
    assert.deepEqual(text, ['ballast_fits+0x5/0x20 [zfs]', inFolder('module/zfs/ballast.c').path]);
  });

  it('has an entry and a fold for each task', async () => {
    const { document } = await log();
    const symbols = await ask<vscode.DocumentSymbol>('vscode.executeDocumentSymbolProvider', document.uri);
    assert.deepEqual(
      symbols.map(({ name, detail, range }) => [name, detail, range.start.line, range.end.line]),
      [
        ['sync (3198) D', 'blocked for more than 120 seconds', 0, 8],
        ['cat (3200) D', 'ballast_wait', 10, 16],
      ],
    );
    const folds = await ask<vscode.FoldingRange>('vscode.executeFoldingRangeProvider', document.uri);
    assert.deepEqual(
      folds.map(({ start, end }) => [start, end]),
      [
        [0, 9],
        [10, 17],
      ],
    );
  });

  it('tells frames of ZFS, of the kernel and guesses apart', async () => {
    const { document } = await log();
    await ask('vscode.executeLinkProvider', document.uri);
    const get = async () => {
      const tokens = await vscode.commands.executeCommand<vscode.SemanticTokens | undefined>(
        'vscode.provideDocumentSemanticTokens',
        document.uri,
      );
      return Array.from(tokens?.data ?? []);
    };
    const data = await eventually('tokens', get, (found) => found.length > 0);
    const modifiers = data.filter((_, i) => i % 5 === 4);
    assert.deepEqual(modifiers.slice(0, 4), [0, 3, 1, 1]);
  });

  it('is walked from frame to frame, the source beside', async () => {
    const editor = await log();
    await ask('vscode.executeLinkProvider', editor.document.uri);
    const beside = () =>
      vscode.window.visibleTextEditors.find(({ document }) => document.uri.path.endsWith('/ballast.c'));
    const step = async (command: string, line: number, source: string) => {
      await vscode.commands.executeCommand(command);
      const found = await eventually(
        `the source of line ${line}`,
        beside,
        (one) => one?.document.lineAt(one.selection.active).text.includes(source) ?? false,
      );
      const active = vscode.window.activeTextEditor;
      assert.equal(active?.document.uri.path, editor.document.uri.path);
      assert.equal(active?.selection.active.line, line);
      assert.notEqual(found?.viewColumn, active?.viewColumn);
    };
    // The frame above it is a guess.
    await step('zscope.nextFrame', 6, 'ballast_wait(');
    await step('zscope.nextFrame', 7, 'ballast_drop(');
    await step('zscope.nextFrame', 14, 'ballast_wait(');
    await step('zscope.previousFrame', 7, 'ballast_drop(');
  });

  it('shows each stack once', async () => {
    await log();
    await vscode.commands.executeCommand('zscope.groupStacks');
    const document = vscode.window.activeTextEditor?.document;
    assert.equal(document?.uri.scheme, 'zscope');
    assert.equal(document?.languageId, 'kernel-stack');
    assert.deepEqual(document?.getText().split('\n').slice(0, 6), [
      '1 different stack of 2 in lockup.log',
      '',
      'sync, cat  ×2  D  ballast_wait',
      'sync:3198 state D',
      'cat:3200 state D',
      '[<0>] __schedule+0x4f1/0x970',
    ]);
    const links = await ask<vscode.DocumentLink>('vscode.executeLinkProvider', document?.uri);
    assert.equal(links.length, 2);
    // It is grouped already.
    await vscode.commands.executeCommand('zscope.groupStacks');
    assert.equal(vscode.window.activeTextEditor?.document, document);
    // Its text stays when the person has it in another language, of which VS Code tells that it was closed; no other file is there.
    assert.ok(document);
    const whole = document.getText();
    await vscode.languages.setTextDocumentLanguage(document, 'plaintext');
    assert.equal(new TextDecoder().decode(await vscode.workspace.fs.readFile(document.uri)), whole);
    await assert.rejects(async () => vscode.workspace.fs.stat(document.uri.with({ path: '/other' })), {
      code: 'FileNotFound',
    });
  });

  it('is compared with another text', async () => {
    const { document } = await log();
    const other = await vscode.workspace.openTextDocument({
      language: 'kernel-stack',
      content: [
        'sync:3198 state D',
        '[<0>] ballast_wait+0x7a/0xb0 [zfs]',
        '[<0>] ballast_drop+0x10/0x40 [zfs]',
        '[<0>] __x64_sys_sync+0xe/0x20',
        '',
        'cat:3200 state D',
        '[<0>] ballast_drop+0x10/0x40 [zfs]',
        '',
        'zpool:4000 state D',
        '[<0>] ballast_drop+0x10/0x40 [zfs]',
        '',
      ].join('\n'),
    });
    await vscode.commands.executeCommand(
      'zscope.compareStacks',
      document.uri.toString(),
      other.uri.toString(),
    );
    const text = vscode.window.activeTextEditor?.document.getText().split('\n') ?? [];
    assert.equal(text[0], `From lockup.log to ${other.uri.path}: 1 new, 0 gone, 1 moved, 1 as before`);
    assert.deepEqual(text.slice(2, 7), [
      '---- New ----',
      '',
      'zpool (4000)  D  ballast_drop',
      'zpool:4000 state D',
      '[<0>] ballast_drop+0x10/0x40 [zfs]',
    ]);
    assert.ok(text.includes('cat (3200)  D  ballast_drop, was in'));
    await vscode.window.showTextDocument(other);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  it('says what to do where there are no stacks', async () => {
    await open('module/zfs/ballast.c');
    const [error = ''] = await errorsOf(() => vscode.commands.executeCommand('zscope.groupStacks'));
    assert.match(error, /No text with stacks is in sight\. .*Paste Stack Text/);
    const [live = ''] = await errorsOf(() =>
      vscode.commands.executeCommand('zscope.compareStacks', 'live', 'live'),
    );
    assert.match(live, /No target is connected/);
  });
});

describe('the list of what ran', () => {
  before(activate);
  afterEach(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  it('is a read-only file, whose tab VS Code restores', async () => {
    await vscode.commands.executeCommand('zscope.showActivity');
    const document = vscode.window.activeTextEditor?.document;
    assert.ok(document);
    assert.equal(document.uri.scheme, 'zscope-activity');
    assert.match(document.getText(), /^when +target +as +what/m);
    assert.equal(vscode.workspace.fs.isWritableFileSystem('zscope-activity'), false);
    const read = new TextDecoder().decode(await vscode.workspace.fs.readFile(document.uri));
    assert.equal(read, document.getText());
  });
});

describe('a text with stacks and a target', () => {
  let server: Server;

  before(async () => {
    await activate();
    server = await startMachine();
    await configure(server.configFile);
    await onRow('connectTarget', server);
    assert.equal((await stateOf(server)).state, 'target.active');
  });
  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await onRow('disconnect', server);
    await configure();
    await server.dispose();
  });

  it('are compared as far as the target shows its stacks', async () => {
    const { document } = await log();
    const errors = await errorsOf(() =>
      vscode.commands.executeCommand('zscope.compareStacks', document.uri.toString(), 'live'),
    );
    if (process.getuid?.() === 0) {
      assert.deepEqual(errors, []);
      const text = vscode.window.activeTextEditor?.document.getText() ?? '';
      assert.match(text, /^From lockup\.log to .+: \d+ new, 2 gone, 0 moved, 0 as before\n/);
      assert.match(text, /---- Gone ----\n\nsync, cat {2}×2 {2}D {2}ballast_wait\n/);
    } else {
      assert.match(errors.join(), /root/);
    }
  });
});

describe('a line of a terminal', () => {
  before(activate);

  const linksOf = async (line: string) => {
    const [provider] = shown.terminalLinks;
    assert.ok(provider, 'no provider of terminal links');
    const cancel = new vscode.CancellationTokenSource();
    // The provider takes only the line of its context.
    const context = { line } as vscode.TerminalLinkContext;
    const links = (await provider.provideTerminalLinks(context, cancel.token)) ?? [];
    return { provider, links };
  };

  it('links frames and places that lead into the workspace', async () => {
    const line =
      '[  1.0]  ballast_wait+0x7a/0xb0 [zfs] PANIC at ballast.c:38:ballast_drop() schedule+0x1/0x2';
    const { provider, links } = await linksOf(line);
    assert.deepEqual(
      links.map(({ startIndex, length }) => line.slice(startIndex, startIndex + length)),
      ['ballast_wait+0x7a/0xb0 [zfs]', 'ballast.c:38:ballast_drop()'],
    );
    await provider.handleTerminalLink(links[1] as vscode.TerminalLink);
    const editor = await eventually(
      'the source',
      () => vscode.window.activeTextEditor,
      (active) => active?.document.uri.path.endsWith('/ballast.c') ?? false,
    );
    assert.equal(editor?.selection.active.line, 37);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('is left alone when it is very long or holds none', async () => {
    assert.deepEqual((await linksOf(`${'x'.repeat(5000)} ballast_wait+0x7a/0xb0 [zfs]`)).links, []);
    assert.deepEqual((await linksOf('$ make -j4')).links, []);
  });
});
