import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { CallEvent } from '../../src/core/tracing/events.ts';
import type { SessionHeader } from '../../src/core/tracing/sessions/session.ts';
import { SessionLines } from '../../src/core/tracing/sessions/write.ts';
import type { SessionNode } from '../../src/extension/trace-sessions/sessions-view.ts';
import { activate, eventually, shown } from './support/window.ts';

describe('a trace session that was kept', () => {
  let folder: string;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'zscope-kept-'));
    await activate();
  });
  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    rmSync(folder, { recursive: true, force: true });
  });

  /** Writes a file of so many calls, and gives the row that stands for it. */
  function kept(startedAt: number, calls: number): SessionNode {
    const lines = new SessionLines();
    const header: SessionHeader = {
      name: 'ballast_wait (calls) on box',
      startedAt,
      target: {
        alias: 'box',
        hostname: 'box',
        kernel: '6.1',
        machine: 'x86_64',
        bootId: '',
        zfsVersion: null,
      },
      modules: [],
      functions: [{ symbol: 'ballast_wait', module: 'zfs', kind: 'calls', condition: '' }],
      tracer: 'ftrace',
      program: '',
    };
    const call: CallEvent = {
      kind: 'call',
      time: 1,
      comm: 'dd',
      pid: 7,
      cpu: 0,
      symbol: 'ballast_wait',
      arguments: [],
      stack: [{ symbol: 'ballast_wait', offset: 4, size: 64, module: 'zfs', reliable: true }],
    };
    const text = [lines.header(header), ...Array.from({ length: calls }, () => lines.event(call))].join('');
    const file = path.join(folder, `${startedAt}.trace.jsonl`);
    writeFileSync(file, text);
    return { kind: 'session', file: { path: file, header, size: text.length } };
  }

  it('opens in a trace view without a target', async () => {
    await vscode.commands.executeCommand('zscope.openTraceSession', kept(1_700_000_000_000, 3));
    const messages = () => JSON.stringify(shown.posted.map(({ message }) => message));
    await eventually(
      'its rows are in the page, and it says that it may not be whole',
      messages,
      (text) => text.includes('"comm":"dd"') && /Kept session of .*calls may be missing/.test(text),
    );
  });

  it('is compared with another, the earlier one first', async () => {
    const [earlier, later] = [kept(1_700_000_000_000, 3), kept(1_700_000_900_000, 0)];
    await vscode.commands.executeCommand('zscope.compareTraceSessions', later, [later, earlier]);
    await eventually(
      'the document says what differs',
      () => vscode.window.activeTextEditor?.document.lineAt(0).text ?? '',
      (line) => line === 'ballast_wait is called 3 times in before and never in after.',
    );
  });

  it('is said to be none where a file is something else', async () => {
    const file = path.join(folder, 'other.trace.jsonl');
    writeFileSync(file, 'no session\n');
    const node = kept(1, 0);
    await vscode.commands.executeCommand('zscope.openTraceSession', {
      ...node,
      file: { ...node.file, path: file },
    });
    await eventually(
      'an error that says so',
      () => shown.errors,
      (errors) => errors.some((error) => error.includes('no trace session of ZScope')),
    );
    assert.equal(shown.errors.filter((error) => error.includes('did not foresee')).length, 0);
  });
});
