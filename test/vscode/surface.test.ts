import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { commandIds, languages, views } from '../../src/extension/ids.ts';
import { activate, shown } from './support/window.ts';

describe('the active extension', () => {
  before(activate);

  it('has registered every command', async () => {
    const registered = await vscode.commands.getCommands(true);
    const missing = Object.keys(commandIds).filter((id) => !registered.includes(id));
    assert.deepEqual(missing, []);
  });

  it('has made its trees', () => {
    assert.deepEqual(
      [...shown.trees.keys()].sort(),
      [views.errors, views.hungTasks, views.targets, views.traceSessions].sort(),
    );
  });

  it('has its language', async () => {
    assert.ok((await vscode.languages.getLanguages()).includes(languages.kernelStack));
  });
});
