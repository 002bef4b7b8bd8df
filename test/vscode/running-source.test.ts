import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { Place } from '../../src/core/symbols/location.ts';
import { SourceOpener } from '../../src/extension/source/open-place.ts';
import { RunningSource } from '../../src/extension/source/running-source.ts';
import { Context } from '../../src/extension/vscode-table.ts';
import { eventually } from './support/window.ts';

const file = 'module/zfs/ballast.c';

function folder(): vscode.Uri {
  const [first] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(first, 'the window has no folder');
  return first.uri;
}

function place(line: number, more: Partial<Place> = {}): Place {
  const uri = vscode.Uri.joinPath(folder(), file).toString();
  return { function: 'ballast_wait', inlined: false, uri, path: file, line, how: 'dwarf', ...more };
}

function git(...args: readonly string[]): string {
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', ['-C', folder().fsPath, ...who, ...args], { encoding: 'utf8' });
}

/** Writes text at the start of the file and saves it, as a person does. */
async function edit(text: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder(), file));
  const change = new vscode.WorkspaceEdit();
  change.insert(document.uri, new vscode.Position(0, 0), text);
  assert.ok(await vscode.workspace.applyEdit(change));
  assert.ok(await document.save());
}

const shown = () => {
  const editor = vscode.window.activeTextEditor;
  return editor === undefined
    ? null
    : { scheme: editor.document.uri.scheme, text: editor.document.lineAt(editor.selection.active).text };
};

describe('the source of the running version', () => {
  let running: RunningSource;
  let opener: SourceOpener;
  let commit: string;
  const context = new Context();

  before(() => {
    git('init', '--quiet');
    git('add', '.');
    git('commit', '--quiet', '-m', 'as it runs');
    commit = git('rev-parse', 'HEAD').trim();
    running = new RunningSource(context);
    opener = new SourceOpener(running);
    running.set({ folder: folder().fsPath, commit, name: '2.3.9-1' }, true);
  });
  afterEach(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));
  after(async () => {
    git('checkout', '--quiet', '--force', 'HEAD');
    rmSync(path.join(folder().fsPath, '.git'), { recursive: true, force: true });
    opener.dispose();
    running.dispose();
    context.set('zscope.runningSource', false);
    context.set('zscope.sourceDiffers', false);
  });

  const wait = '		cv_wait(&ba->ba_cv, &ba->ba_lock);';

  it('is not needed where the file is the same', async () => {
    running.chosen = true;
    await opener.open(place(27), { preserveFocus: false });
    assert.deepEqual(shown(), { scheme: 'file', text: wait });
  });

  it('opens read-only where the file differs and the person wants it, else the file does', async () => {
    await edit('/* new */\n\n');
    running.chosen = false;
    await opener.open(place(27), { preserveFocus: false });
    assert.equal(shown()?.scheme, 'file');
    assert.notEqual(shown()?.text, wait);
    running.chosen = true;
    await opener.open(place(27), { preserveFocus: false });
    assert.deepEqual(shown(), { scheme: 'zscope-revision', text: wait });
    const document = vscode.window.activeTextEditor?.document;
    assert.equal(document?.languageId, 'c');
    assert.match(document?.uri.path ?? '', /2\.3\.9-1.*ballast\.c$/);
    const change = new vscode.WorkspaceEdit();
    change.insert(document?.uri ?? folder(), new vscode.Position(0, 0), 'x');
    await vscode.workspace.applyEdit(change).then(undefined, () => false);
    assert.equal(document?.isDirty, false);
    // Links lead there too; a call that was found in the open source is there.
    assert.equal((await running.shown(vscode.Uri.joinPath(folder(), file))).scheme, 'zscope-revision');
    await opener.open(place(27, { how: 'call-site' }), { preserveFocus: false });
    assert.equal(shown()?.scheme, 'file');
  });

  it('is given to nobody from a folder that is not open', async () => {
    const query = JSON.stringify({
      folder: path.dirname(folder().fsPath),
      commit,
      path: 'x/../../etc/passwd',
    });
    const uri = vscode.Uri.from({ scheme: 'zscope-revision', path: '/x/passwd.c', query });
    assert.equal((await vscode.workspace.openTextDocument(uri)).getText(), '');
  });
});

describe('a frame that may be at several lines', () => {
  let opener: SourceOpener;
  before(() => {
    opener = new SourceOpener({ chosen: false, differs: async () => false, documentOf: async () => null });
  });
  afterEach(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));
  after(() => opener.dispose());

  const several = () => {
    const at = place(20, { how: 'function' });
    const candidates = [25, 29].map((line) => ({
      uri: at.uri ?? '',
      path: file,
      line,
      text: `line ${line}`,
    }));
    return { ...at, candidates };
  };
  /** Runs a command of the quick pick until it has an effect: it takes a moment to be there. */
  const answer = async (question: Promise<Place | undefined>, ...commands: readonly string[]) => {
    let answered = false;
    void question.finally(() => {
      answered = true;
    });
    await eventually(
      'an answer to the quick pick',
      async () => {
        for (const command of commands) {
          await vscode.commands.executeCommand(command);
        }
        return answered;
      },
      (done) => done,
    );
    return question;
  };

  it('is opened at the one that is chosen', async () => {
    const chosen = await answer(opener.choose(several()), 'workbench.action.acceptSelectedQuickOpenItem');
    assert.deepEqual([chosen?.line, chosen?.how], [25, 'call-site']);
    assert.equal(chosen?.candidates, undefined);
  });

  it('is not opened when none is', async () => {
    assert.equal(await answer(opener.choose(several()), 'workbench.action.closeQuickOpen'), undefined);
  });

  it('asks nothing where there is one', async () => {
    assert.deepEqual(await opener.choose(place(27)), place(27));
  });
});

it('opens no file outside of the source folders, links followed', async () => {
  const opener = new SourceOpener({
    chosen: false,
    differs: async () => false,
    documentOf: async () => null,
  });
  try {
    const uri = vscode.Uri.file('/etc/passwd').toString();
    await assert.rejects(opener.open(place(1, { uri }), { preserveFocus: false }), /not in this workspace/);
  } finally {
    opener.dispose();
  }
});
