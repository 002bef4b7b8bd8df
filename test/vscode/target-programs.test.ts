import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { views } from '../../src/extension/ids.ts';
import type { Server } from '../ssh/server.ts';
import { configure, onRow, startMachine } from './support/machine.ts';
import { activate, definitionsAt, eventually, tree } from './support/window.ts';

/** The sample of the unit tests: pool_sync+0x10 is at line 52 of its pool.c. */
const PROGRAM = 'test/unit/core/symbols/fixtures/program-clang-5.bin';

describe('a program on the target', () => {
  /** Where the target has it: not in the workspace. */
  const builds = mkdtempSync(path.join(os.tmpdir(), 'zscope-builds-'));
  const settings = vscode.workspace.getConfiguration();
  let server: Server;
  let source: vscode.Uri;

  before(async () => {
    await activate();
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    source = vscode.Uri.joinPath(folder.uri, 'cmd/zhack/pool.c');
    const text = `${'\n'.repeat(99)}int\npool_sync(int pass)\n{\n\treturn (pass);\n}\n`;
    await vscode.workspace.fs.writeFile(source, new TextEncoder().encode(text));
    mkdirSync(path.join(builds, 'cmd/zhack/.libs'), { recursive: true });
    const extension = vscode.extensions.getExtension('zscope.zscope');
    assert.ok(extension);
    cpSync(path.join(extension.extensionPath, PROGRAM), path.join(builds, 'cmd/zhack/.libs/zhack'));
    const bare = readFileSync(path.join(extension.extensionPath, PROGRAM));
    // Another build, whose sections have other names than those of debug info.
    const note = bare.indexOf(Buffer.from('\x03\0\0\0GNU\0', 'latin1')) + 8;
    bare[note] = (bare[note] ?? 0) ^ 0xff;
    for (let at = bare.indexOf('.debug_'); at >= 0; at = bare.indexOf('.debug_')) {
      bare.write('.unused', at);
    }
    mkdirSync(path.join(builds, 'cmd/zinject/.libs'), { recursive: true });
    writeFileSync(path.join(builds, 'cmd/zinject/.libs/zinject'), bare);
    await settings.update('zscope.symbols.targetFolders', [builds], vscode.ConfigurationTarget.Global);
    server = await startMachine();
    await configure(server.configFile);
  });
  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await onRow('disconnect', server);
    await configure();
    await server.dispose();
    await settings.update('zscope.symbols.targetFolders', undefined, vscode.ConfigurationTarget.Global);
    await vscode.workspace.fs.delete(vscode.Uri.joinPath(source, '../../..', 'cmd'), { recursive: true });
    rmSync(builds, { recursive: true, force: true });
  });

  it('gives its frames their lines, also to a language server that was started anew', async function () {
    this.timeout(120_000);
    const content = '/usr/sbin/zhack(pool_sync+0x10)[0x55aabbcc]\n';
    const document = await vscode.workspace.openTextDocument({ language: 'kernel-stack', content });
    await vscode.window.showTextDocument(document);
    const line = async () => {
      const found = await definitionsAt(document, new vscode.Position(0, 20));
      return found.map(({ uri, range }) => `${path.basename(uri.path)}:${range.start.line + 1}`).join();
    };
    await eventually('the function', line, (text) => text === 'pool.c:101', 60_000);
    await onRow('connectTarget', server);
    await eventually('the line', line, (text) => text === 'pool.c:52', 60_000);
    // Its cache has the file, but which one the text means is to be told again.
    await vscode.commands.executeCommand('zscope.restartServer');
    await eventually('the line once more', line, (text) => text === 'pool.c:52', 60_000);
  });

  it('without debug info is said above the tasks, with what to do', async function () {
    this.timeout(120_000);
    const content = '/usr/sbin/zinject(pool_sync+0x10)[0x55aabbcc]\n';
    const document = await vscode.workspace.openTextDocument({ language: 'kernel-stack', content });
    await vscode.window.showTextDocument(document);
    await eventually(
      'the message of the view',
      () => tree(views.hungTasks).view.message ?? '',
      (text) => /\/zinject are not known: it has no debug info on the target\. Install/.test(text),
      60_000,
    );
  });
});
