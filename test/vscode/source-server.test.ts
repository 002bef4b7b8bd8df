import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { activate, eventually, shown } from './support/window.ts';

/** Process ids of the language server of this window. */
function servers(): number[] {
  const list = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' });
  return list
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, parent, ...args]) => Number(parent) === process.pid && /dist\/server\.cjs/.test(args.join(' ')),
    )
    .map(([pid]) => Number(pid));
}

describe('a language server that ends again and again', () => {
  let document: vscode.TextDocument;

  const links = () =>
    vscode.commands.executeCommand<vscode.DocumentLink[]>('vscode.executeLinkProvider', document.uri, 10);

  before(async () => {
    await activate();
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, 'dumps/hang.kstack'));
    await vscode.window.showTextDocument(document);
    await eventually('links', links, (found) => found.length > 0);
  });
  after(async () => {
    // Whatever became of it, the other tests need one.
    if (servers().length === 0) await vscode.commands.executeCommand('zscope.restartServer');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('is started again, also when it ends while it starts', async function () {
    this.timeout(120_000);
    this.retries(0);
    // With a count of its own.
    await vscode.commands.executeCommand('zscope.restartServer');
    const errors = shown.errors.length;
    const killed = new Set<number>();
    while (killed.size < 4) {
      for (const pid of servers().filter((one) => !killed.has(one))) {
        // The first has started; those that follow are killed in whatever moment of their start they are seen.
        killed.add(pid);
        process.kill(pid, 'SIGKILL');
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const [pid] = await eventually(
      'a server that stays',
      servers,
      (list) => list.length === 1 && list.every((one) => !killed.has(one)),
    );
    await eventually('links of it', links, (found) => found.length > 0);
    assert.deepEqual(servers(), [pid]);
    assert.equal(shown.errors.length, errors, shown.errors.slice(errors).join('\n'));
  });

  it('is another one at once when it hangs and a person wants a new one', async function () {
    this.timeout(120_000);
    this.retries(0);
    await vscode.commands.executeCommand('zscope.restartServer');
    const errors = shown.errors.length;
    const [first = 0] = await eventually('a server', servers, (list) => list.length === 1);
    process.kill(first, 'SIGKILL');
    // In whatever moment of its start it is seen.
    let hung: number | undefined;
    while (hung === undefined) {
      hung = servers().find((pid) => pid !== first);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    process.kill(hung, 'SIGSTOP');
    await vscode.commands.executeCommand('zscope.restartServer');
    await eventually('links of the new one', links, (found) => found.length > 0);
    await eventually(
      'the end of the one that hung',
      servers,
      (list) => list.length === 1 && list[0] !== hung,
      60_000,
    );
    assert.equal(shown.errors.length, errors, shown.errors.slice(errors).join('\n'));
  });

  it('is started again some times, then no more until a person wants it', async function () {
    this.timeout(120_000);
    // Another try would begin with what the first one has used up.
    this.retries(0);
    await vscode.commands.executeCommand('zscope.restartServer');
    const errors = shown.errors.length;
    let last = 0;
    for (let times = 0; times < 5; times++) {
      const [pid] = await eventually(
        'a new server',
        servers,
        (list) => list.length === 1 && list[0] !== last,
      );
      assert.ok(pid);
      await eventually('links of it', links, (found) => found.length > 0);
      assert.equal(shown.errors.length, errors, shown.errors.slice(errors).join('\n'));
      last = pid;
      process.kill(pid, 'SIGKILL');
    }
    await eventually(
      'the message',
      () => shown.errors.length,
      (count) => count === errors + 1,
    );
    assert.match(shown.errors.at(-1) ?? '', /language server.*again and again/);
    assert.deepEqual(servers(), []);

    await vscode.commands.executeCommand('zscope.restartServer');
    await eventually('links again', links, (found) => found.length > 0);
    assert.equal(shown.errors.length, errors + 1);
  });
});
