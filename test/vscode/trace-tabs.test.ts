import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { Server } from '../ssh/server.ts';
import { configure, onRow, startMachine, WITHOUT_ROOT } from './support/machine.ts';
import { activate, eventually } from './support/window.ts';

/** The titles of the tabs that traces are in. */
const titles = () =>
  vscode.window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .filter(({ input }) => input instanceof vscode.TabInputWebview)
    .map(({ label }) => label);
const named = (label: string) =>
  eventually(`the tab "${label}"`, titles, (found) => found.length === 1 && found[0] === label);

describe('the tab of a trace', () => {
  let server: Server;
  let other: Server;

  before(async () => {
    await activate();
    server = await startMachine(WITHOUT_ROOT);
    other = await startMachine(WITHOUT_ROOT);
    writeFileSync(other.configFile, readFileSync(other.configFile, 'utf8').replace('Host box', 'Host crate'));
    await configure(server.configFile, other.configFile);
  });
  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await onRow('disconnect', server);
    await onRow('disconnect', other);
    await configure();
    await Promise.all([server.dispose(), other.dispose()]);
  });

  it('names its target as soon as there are several', async () => {
    await onRow('connectTarget', server);
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    const file = vscode.Uri.joinPath(folder.uri, 'module/zfs/ballast.c');
    const at = new vscode.Position(24, 4); // in the body of ballast_wait
    await vscode.window.showTextDocument(file, { selection: new vscode.Range(at, at) });
    await vscode.commands.executeCommand('zscope.traceFunction');
    await named('Trace ballast_wait');
    await onRow('connectTarget', other);
    await named('Trace ballast_wait (box)');
    await onRow('disconnect', other);
    await named('Trace ballast_wait');
  });

  it('keeps its column to itself: a file that is opened from there comes beside it', async () => {
    const { all } = vscode.window.tabGroups;
    assert.equal(all.length, 2);
    await vscode.commands.executeCommand('workbench.action.focusSecondEditorGroup');
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    const file = vscode.Uri.joinPath(folder.uri, 'include/sys/ballast.h');
    await vscode.commands.executeCommand('vscode.open', file);
    const columns = () =>
      vscode.window.tabGroups.all.map(({ tabs }) =>
        tabs.some(({ input }) => input instanceof vscode.TabInputWebview) ? tabs.length : 0,
      );
    await eventually(
      'the file in the first column',
      columns,
      (found) => found[1] === 1 && found.length === 2,
    );
    await eventually(
      'the file in front',
      () => vscode.window.activeTextEditor?.document.uri.path ?? '',
      (path) => path === file.path,
    );
  });
});
