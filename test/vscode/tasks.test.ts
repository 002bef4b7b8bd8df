import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { ToTraceView } from '../../src/protocol/trace-view.ts';
import type { Server } from '../ssh/server.ts';
import { configure, onRow, startMachine, stateOf, WITHOUT_ROOT } from './support/machine.ts';
import { activate, errorsOf, eventually, rows, shown, tree } from './support/window.ts';

describe('a target without root', () => {
  let server: Server;

  before(async () => {
    await activate();
    server = await startMachine(WITHOUT_ROOT);
    await configure(server.configFile);
    await onRow('connectTarget', server);
    assert.equal((await stateOf(server)).state, 'target.active');
  });
  after(async () => {
    await onRow('disconnect', server);
    await configure();
    await server.dispose();
  });

  it('says in its row that there is no root', async () => {
    assert.match((await stateOf(server)).text, /^without root, ZFS/);
  });

  it('says in the Hung Tasks view what is missing and what to do', async () => {
    await vscode.commands.executeCommand('zscope.hungTasks.focus');
    const message = await eventually(
      'a message in the view',
      () => tree('zscope.hungTasks').view.message ?? '',
      (text) => /root/.test(text),
    );
    assert.match(message, /sudo/);
    assert.deepEqual(await rows('zscope.hungTasks'), []);
    assert.equal(tree('zscope.hungTasks').view.badge, undefined);
  });

  it('is asked for a frame by the key for tracing while none is chosen in the tree', async () => {
    const errors = await errorsOf(() => vscode.commands.executeCommand('zscope.traceFunction', 'selected'));
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? '', /No frame is chosen/);
  });

  it('cannot trace, and says why in the tab of the trace', async () => {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    const file = vscode.Uri.joinPath(folder.uri, 'module/zfs/ballast.c');
    const editor = await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(file));
    const at = new vscode.Position(24, 4); // in the body of ballast_wait
    editor.selection = new vscode.Selection(at, at);
    const errors = await errorsOf(() => vscode.commands.executeCommand('zscope.traceFunction'));
    assert.deepEqual(errors, []);
    const state = await eventually(
      'the failure in the tab',
      () => shown.posted.map(({ message }) => message as Partial<ToTraceView>).at(-1),
      (message) => message?.type === 'state' && message.running === false,
    );
    assert.ok(state?.type === 'state');
    assert.equal(state.isError, true);
    assert.match(state.text ?? '', /root/);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });
});

describe('without a target', () => {
  before(activate);

  it('tracing asks for a connection', async () => {
    assert.deepEqual(await errorsOf(() => vscode.commands.executeCommand('zscope.traceFunction')), [
      'No target is connected. Connect to the machine that runs ZFS first: ZScope: Connect to Target...',
    ]);
  });

  it('commands on rows that are not there do nothing', async () => {
    const errors = await errorsOf(async () => {
      for (const command of [
        'connectTarget',
        'disconnect',
        'showTarget',
        'reconnect',
        'openFrame',
        'copyStack',
        'stopTraces',
        'refreshTasks',
      ]) {
        await vscode.commands.executeCommand(`zscope.${command}`);
      }
    });
    assert.deepEqual(errors, []);
  });
});
