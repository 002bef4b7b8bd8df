import assert from 'node:assert/strict';
import { afterEach, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { activate, eventually } from './support/window.ts';

const folder = () => {
  const [first] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(first, 'the window has no folder');
  return first.uri;
};
const source = () => vscode.Uri.joinPath(folder(), 'module/zfs/ballast.c');

async function links(document: vscode.TextDocument): Promise<vscode.DocumentLink[]> {
  return eventually(
    'links',
    () =>
      vscode.commands.executeCommand<vscode.DocumentLink[]>('vscode.executeLinkProvider', document.uri, 10),
    (found) => found.length > 0,
  );
}

/** Text under each link, with where it leads relative to the folder. */
function leads(document: vscode.TextDocument, found: readonly vscode.DocumentLink[]): readonly string[][] {
  const root = `${folder().toString()}/`;
  return found.map(({ range, target }) => [
    document.getText(range),
    target?.with({ fragment: '' }).toString().replace(root, '') ?? 'nowhere',
    target?.fragment ?? '',
  ]);
}

/** Ends an untitled document without the question whether to save it. */
async function discard(document: vscode.TextDocument): Promise<void> {
  await vscode.window.showTextDocument(document);
  await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
}

/** The text of a hover as it is read: plain text comes back as Markdown that shows it. */
function plain(content: vscode.MarkdownString | vscode.MarkedString): string {
  const markdown = typeof content === 'string' ? content : content.value;
  return markdown.replaceAll('&nbsp;', ' ').replace(/\\(.)/g, '$1');
}

describe('a stack document', () => {
  before(activate);
  afterEach(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  it('links what leads into the workspace, and nothing else', async () => {
    const file = vscode.Uri.joinPath(folder(), 'dumps/hang.kstack');
    const document = await vscode.workspace.openTextDocument(file);
    await vscode.window.showTextDocument(document);
    assert.equal(document.languageId, 'kernel-stack');
    assert.deepEqual(leads(document, await links(document)), [
      ['ballast_wait+0x7a/0xb0 [zfs]', 'module/zfs/ballast.c', 'L20'],
      ['ballast.c:38:ballast_drop()', 'module/zfs/ballast.c', 'L38'],
    ]);
  });

  it('may be untitled', async () => {
    const document = await vscode.workspace.openTextDocument({
      language: 'kernel-stack',
      content: '[<0>] ballast_drop+0x10/0x40 [zfs]\n',
    });
    const [[, file, line] = []] = leads(document, await links(document));
    assert.deepEqual([file, line], ['module/zfs/ballast.c', 'L34']);
    await discard(document);
  });

  it('may be in the Output panel', async function () {
    // A busy window takes its time until it has read the channel's file.
    this.timeout(90_000);
    const channel = vscode.window.createOutputChannel('Serial console');
    try {
      channel.appendLine('[<0>] ballast_drop+0x10/0x40 [zfs]');
      channel.show(true);
      const document = await eventually(
        'the document of the channel',
        // VS Code keeps the documents of other tests for a while, and they have frames of this name too.
        () =>
          vscode.workspace.textDocuments.find(
            (one) => one.uri.scheme === 'output' && one.getText().includes('ballast_drop+0x10'),
          ),
        (found) => found !== undefined,
        60_000,
      );
      assert.ok(document);
      const [[, file, line] = []] = leads(document, await links(document));
      assert.deepEqual([file, line], ['module/zfs/ballast.c', 'L34']);
    } finally {
      channel.dispose();
      await vscode.commands.executeCommand('workbench.action.closePanel');
    }
  });

  it('has its links at their lines after edits', async () => {
    const frame = '[<0>] ballast_drop+0x10/0x40 [zfs]\n';
    const content = `${'\n'.repeat(2000)}${frame}`;
    const document = await vscode.workspace.openTextDocument({ language: 'kernel-stack', content });
    const at = async (lines: readonly number[]) => {
      const found = await eventually(
        `links in lines ${lines}`,
        () =>
          vscode.commands.executeCommand<vscode.DocumentLink[]>(
            'vscode.executeLinkProvider',
            document.uri,
            10,
          ),
        (all) => JSON.stringify(all.map(({ range }) => range.start.line)) === JSON.stringify(lines),
      );
      assert.deepEqual(
        leads(document, found).map(([, file]) => file),
        lines.map(() => 'module/zfs/ballast.c'),
      );
    };
    await at([2000]);
    const edit = async (line: number, text: string) => {
      const change = new vscode.WorkspaceEdit();
      change.insert(document.uri, new vscode.Position(line, 0), text);
      assert.ok(await vscode.workspace.applyEdit(change));
    };
    await edit(0, '\n');
    await at([2001]);
    await edit(0, frame);
    await at([0, 2002]);
    await edit(2002, 'x\n');
    await at([0, 2003]);
    await discard(document);
  });

  it('goes to the definition of a frame', async () => {
    const file = vscode.Uri.joinPath(folder(), 'dumps/hang.kstack');
    const document = await vscode.workspace.openTextDocument(file);
    const editor = await vscode.window.showTextDocument(document);
    await links(document);
    const at = document.positionAt(document.getText().indexOf('ballast_wait') + 3);
    editor.selection = new vscode.Selection(at, at);
    await vscode.commands.executeCommand('editor.action.revealDefinition');
    const opened = await eventually(
      'the definition in an editor',
      () => vscode.window.activeTextEditor,
      (active) => active?.document.uri.path.endsWith('.c') ?? false,
    );
    assert.equal(opened?.document.uri.toString(), source().toString());
    assert.equal(
      opened?.document.lineAt(opened.selection.active).text,
      'ballast_wait(ballast_t *ba, uint64_t weight)',
    );
  });

  it('says in a hover where a frame is, and that the line is the definition only', async () => {
    const document = await vscode.workspace.openTextDocument(
      vscode.Uri.joinPath(folder(), 'dumps/hang.kstack'),
    );
    await links(document);
    const hover = async (word: string) => {
      const at = document.positionAt(document.getText().indexOf(word) + 1);
      const found = await vscode.commands.executeCommand<vscode.Hover[]>(
        'vscode.executeHoverProvider',
        document.uri,
        at,
      );
      return found.flatMap(({ contents }) => contents.map(plain));
    };
    const [text = ''] = await hover('ballast_wait');
    assert.match(text, /ballast_wait\+0x7a\/0xb0/);
    assert.match(text, /ballast\.c:20/);
    assert.match(text, /exact line is not known/);
    assert.match((await hover('cv_wait_common')).join(''), /not in the workspace/);
    assert.deepEqual(await hover('state D'), []);
  });

  it('leaves C documents to their own servers', async () => {
    const document = await vscode.workspace.openTextDocument(source());
    const at = document.positionAt(document.getText().indexOf('ballast_fits(ba') + 2);
    const found = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      document.uri,
      at,
    );
    assert.deepEqual(found, []);
  });

  it('is made of the clipboard by Paste Stack Text', async () => {
    const text = '[<0>] ballast_wait+0x7a/0xb0 [zfs]\n';
    await vscode.env.clipboard.writeText(text);
    await vscode.commands.executeCommand('zscope.pasteStack');
    const document = vscode.window.activeTextEditor?.document;
    assert.ok(document, 'no editor was opened');
    assert.equal(document.languageId, 'kernel-stack');
    assert.equal(document.isUntitled, true);
    assert.equal(document.getText(), text);
    await discard(document);
  });
});
