import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { activate, definitionsAt, eventually } from './support/window.ts';

describe('a folder that comes into the workspace with all that is in it', () => {
  let made: string;

  before(async () => {
    await activate();
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    made = path.join(folder.uri.fsPath, 'module/znew');
  });
  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    rmSync(made, { recursive: true, force: true });
  });

  it('has its functions found, as those of a checkout are', async function () {
    this.timeout(120_000);
    const document = await vscode.workspace.openTextDocument({
      language: 'kernel-stack',
      content: '[<0>] came_by_checkout+0x17/0x40 [zfs]\n',
    });
    await vscode.window.showTextDocument(document);
    const files = async () => {
      const found = await definitionsAt(document, new vscode.Position(0, 10));
      return found.map(({ uri }) => path.relative(made, uri.fsPath));
    };
    assert.deepEqual(await files(), []);
    // Not by the API, which tells of each: by a program beside, all within a millisecond.
    mkdirSync(path.join(made, 'deep/deeper'), { recursive: true });
    writeFileSync(path.join(made, 'deep/deeper/came.c'), 'void\ncame_by_checkout(void)\n{\n}\n');
    const there = ['deep/deeper/came.c'];
    await eventually('the function', files, (found) => found.join() === there.join(), 60_000);
  });
});
