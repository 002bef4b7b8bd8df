import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { Place } from '../../src/core/symbols/location.ts';
import { SessionStats } from '../../src/core/tracing/function-stats.ts';
import type { LazyServer } from '../../src/extension/source/lazy-server.ts';
import { SourceOpener } from '../../src/extension/source/open-place.ts';
import { RunningSource } from '../../src/extension/source/running-source.ts';
import { TraceLenses } from '../../src/extension/tracing/trace-lens.ts';
import type { TraceSession } from '../../src/extension/tracing/trace-session.ts';
import { Context } from '../../src/extension/vscode-table.ts';
import { configure, onRow, startMachine } from './support/machine.ts';
import { activate, definitionsAt, eventually, shown as notes } from './support/window.ts';

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

  before(async () => {
    // The documents are the extension's.
    await activate();
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
    // Links lead there too, hovers have their lines there, and marks of lines; a call that was found in the open source is there.
    const own = vscode.Uri.joinPath(folder(), file);
    assert.equal((await running.shown(own)).scheme, 'zscope-revision');
    assert.equal(running.fileOf(document?.uri ?? folder())?.toString(), own.toString());
    const other = await running.otherSource(own);
    assert.deepEqual([other?.version, other?.text?.split('\n')[26]], ['2.3.9-1', wait]);
    await opener.open(place(27, { how: 'call-site' }), { preserveFocus: false });
    assert.equal(shown()?.scheme, 'file');
  });

  it('has above a traced function what its calls come to, where it stood in that version', async () => {
    const own = vscode.Uri.joinPath(folder(), file);
    const definition = { name: 'ballast_wait', uri: own.toString(), line: 1, endLine: 1, parameters: [] };
    // What lenses ask of a server and of a session.
    const server = { request: async () => [definition] } as unknown as LazyServer;
    const session = {
      ...{ stats: new SessionStats(), started: 1, isRunning: true, isIncomplete: false },
      listen: () => new vscode.Disposable(() => {}),
    } as unknown as TraceSession;
    const lenses = new TraceLenses(server);
    try {
      await lenses.add(session, 'ballast_wait');
      const uri = (await running.documentOf(own)) ?? folder();
      const document = await vscode.workspace.openTextDocument(uri);
      const found = await eventually(
        'the lens',
        () => vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri),
        (all) => all.length > 0,
      );
      assert.deepEqual(
        found.map(({ range, command }) => [document.lineAt(range.start).text, command?.title]),
        [['ballast_wait(ballast_t *ba, uint64_t weight)', '0 calls']],
      );
    } finally {
      lenses.dispose();
    }
  });

  it('is given to nobody from a folder that is not open', async () => {
    const query = JSON.stringify({
      folder: path.dirname(folder().fsPath),
      commit,
      path: 'x/../../etc/passwd',
    });
    const uri = vscode.Uri.from({ scheme: 'zscope-revision', path: '/x/passwd.c', query });
    await assert.rejects(async () => vscode.workspace.fs.readFile(uri), { code: 'FileNotFound' });
    await assert.rejects(async () => vscode.workspace.openTextDocument(uri));
    // Nor by a way around: git would be run in another folder than that of the file, with its configuration.
    const given = { folder: path.join(folder().fsPath, 'module'), commit, path: `../${file}` };
    const around = uri.with({ query: JSON.stringify(given) });
    await assert.rejects(async () => vscode.workspace.fs.readFile(around), { code: 'FileNotFound' });
  });
});

describe('the running version of a target', () => {
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    git('checkout', '--quiet', '--force', 'HEAD');
    rmSync(path.join(folder().fsPath, '.git'), { recursive: true, force: true });
  });

  it('is what hovers and links of its texts show, once that is chosen', async function () {
    this.timeout(120_000);
    if (process.getuid?.() !== 0) {
      this.skip(); // Only root has a /sys of its own.
    }
    await activate();
    git('init', '--quiet');
    git('add', '.');
    git('commit', '--quiet', '-m', 'as it runs');
    const version = `2.3.99-1_g${git('rev-parse', '--short=10', 'HEAD').trim()}`;
    // On disk: an editor may still have what the tests before left.
    const changed = path.join(folder().fsPath, file);
    writeFileSync(changed, `/* new */\n\n${readFileSync(changed, 'utf8')}`);
    const server = await startMachine();
    await server.stop();
    const loaded = `mount -t tmpfs tmpfs /sys/module && mkdir /sys/module/zfs && echo ${version} >/sys/module/zfs/version`;
    writeFileSync(server.path('inside'), `#!/bin/sh\n${loaded} && exec /usr/sbin/sshd "$@"\n`, {
      mode: 0o755,
    });
    await server.run(['unshare', '-m', server.path('inside')]);
    await configure(server.configFile);
    try {
      await onRow('connectTarget', server);
      await eventually(
        'the offer',
        () => notes.notes.filter((note) => note.includes(version) && note.includes('ballast.c differs')),
        (offers) => offers.length === 1,
        60_000,
      );
      const content = 'zfs: ballast.c:27:ballast_wait(): waits\n';
      const document = await vscode.workspace.openTextDocument({ language: 'kernel-stack', content });
      const at = new vscode.Position(0, 8);
      const hover = async () => {
        const found = await vscode.commands.executeCommand<vscode.Hover[]>(
          'vscode.executeHoverProvider',
          document.uri,
          at,
        );
        return found
          .flatMap(({ contents }) => contents.map((one) => (typeof one === 'string' ? one : one.value)))
          .join();
      };
      const definition = async () => {
        const found = await definitionsAt(document, at);
        return found.map(({ uri }) => uri.scheme).join();
      };
      await eventually(
        'a doubt',
        hover,
        (text) => /27 {2}.*mutex_enter[\s\S]*the line may be off/.test(text),
        60_000,
      );
      assert.equal(await definition(), 'file');
      await vscode.commands.executeCommand('zscope.useRunningSource');
      assert.match(await hover(), /As it stands in the running version[\s\S]*> {4}27 {2}.*cv_wait/);
      assert.equal(await definition(), 'zscope-revision');
      await vscode.commands.executeCommand('zscope.useOpenSource');
      assert.match(await hover(), /the line may be off/);
    } finally {
      await onRow('disconnect', server);
      await configure();
      await server.dispose();
    }
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
