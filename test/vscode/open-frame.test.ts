import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { Frame } from '../../src/core/stack/frame.ts';
import type { Place } from '../../src/core/symbols/location.ts';
import { FrameOpener } from '../../src/extension/source/open-frame.ts';
import { SourceOpener } from '../../src/extension/source/open-place.ts';
import type { Connection } from '../../src/target/connection.ts';
import { eventually } from './support/window.ts';

/** Definition, and exact line of the wait, in the folder's ballast.c. */
const DEFINITION = 20;
const EXACT = 27;

const frame: Frame = { symbol: 'ballast_wait', offset: 0x7a, size: 0xb0, module: 'zfs', reliable: true };
// Nothing of it is used but whether it still stands.
const connection = { state: 'connected' } as Connection;

function place(line: number, how: Place['how']): Place {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(folder, 'the window has no folder');
  const path = 'module/zfs/ballast.c';
  const uri = vscode.Uri.joinPath(folder.uri, path).toString();
  return { function: 'ballast_wait', inlined: false, uri, path, line, how };
}

/** The 1-based line of the cursor. */
const cursor = () => (vscode.window.activeTextEditor?.selection.active.line ?? -1) + 1;
const at = (line: number) => eventually(`the cursor on line ${line}`, cursor, (now) => now === line, 5000);

describe('a frame whose exact line is still looked up', () => {
  let opener: SourceOpener;
  let frames: FrameOpener;
  /** Ends the look-up. */
  let found: (places: readonly Place[]) => void;
  /** Fulfilled when the look-up has ended and what follows from it was done. */
  let corrected: Promise<void>;

  beforeEach(() => {
    opener = new SourceOpener({ chosen: false, differs: async () => false, documentOf: async () => null });
    const answer = new Promise<readonly Place[]>((resolve) => {
      found = resolve;
    });
    const places = {
      incomplete: () => true,
      learn: async () => {
        await answer;
        return [];
      },
      known: async () => [await answer],
    };
    corrected = answer.then(() => new Promise((resolve) => setTimeout(resolve, 500)));
    frames = new FrameOpener(opener, places, {
      note: (error) => {
        throw error;
      },
    });
  });
  afterEach(async () => {
    opener.dispose();
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  const open = () =>
    frames.open({ connection, trace: [frame], index: 0, place: place(DEFINITION, 'function') });

  it('opens at the definition at once, and goes on to the line when it is known', async () => {
    await open();
    await at(DEFINITION);
    found([{ ...place(5, 'dwarf'), function: 'ballast_fits', inlined: true }, place(EXACT, 'dwarf')]);
    await at(EXACT);
  });

  it('stays where the person went meanwhile', async () => {
    await open();
    await at(DEFINITION);
    const editor = vscode.window.activeTextEditor;
    assert.ok(editor);
    const elsewhere = new vscode.Position(35, 0);
    editor.selection = new vscode.Selection(elsewhere, elsewhere);
    await at(36);
    found([place(EXACT, 'dwarf')]);
    await corrected;
    assert.equal(cursor(), 36);
  });

  it('stays when no exact line is known', async () => {
    await open();
    await at(DEFINITION);
    found([place(EXACT, 'function')]);
    await corrected;
    assert.equal(cursor(), DEFINITION);
  });
});
