import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { Server } from '../ssh/server.ts';
import { configure, onRow, rowOf, startMachine, stateOf, WITHOUT_ROOT } from './support/machine.ts';
import { activate, errorsOf, eventually, shown } from './support/window.ts';

const PASSWORD = 'sesame 4711';

describe('a target that asks for more', () => {
  let server: Server;
  const start = async (...config: string[]) => {
    server = await startMachine(...config);
    await configure(server.configFile);
  };

  before(activate);
  beforeEach(() => {
    shown.typed.length = 0;
    shown.notes.length = 0;
    shown.questions.length = 0;
  });
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await onRow('disconnect', server);
    await configure();
    await server.dispose();
    shown.answer = undefined;
    // The last message to a page is what other tests look at.
    shown.posted.length = 0;
  });

  it('was rebuilt: its new key is taken once its name was typed, and not before', async function () {
    this.timeout(120_000);
    await start();
    await onRow('connectTarget', server);
    await onRow('disconnect', server);
    const before = readFileSync(server.knownHosts, 'utf8');
    server.makeHostKey('ed25519');
    await server.restart();
    const [error = ''] = await errorsOf(() => onRow('connectTarget', server));
    assert.match(error, /host key of box/i);
    assert.equal((await stateOf(server)).state, 'target.keyChanged');

    shown.typed.push({ title: 'Replace the host key of box', text: 'another' });
    await onRow('replaceHostKey', server);
    assert.equal(readFileSync(server.knownHosts, 'utf8'), before);
    assert.equal((await stateOf(server)).state, 'target.keyChanged');

    shown.typed.push({ title: 'Replace the host key of box', text: 'box' });
    await onRow('replaceHostKey', server);
    assert.equal((await stateOf(server)).state, 'target.active');
    assert.ok(readFileSync(server.knownHosts, 'utf8').includes(server.publicKey('ed25519')));
    assert.deepEqual(shown.questions, []);
  });

  it('gives root for a password, asked for once until it is to be forgotten', async function () {
    this.timeout(120_000);
    await start();
    // What a machine's sudo does as far as a client sees it; the tests over ssh have the real one.
    writeFileSync(
      server.path('sudo'),
      `#!/bin/sh
while :; do case $1 in
-n) exit 1;;
-p) prompt=$2; shift 2;;
-*) shift;;
*) break;;
esac; done
printf '%s' "$prompt" >&2
read -r given
[ "$given" = '${PASSWORD}' ] || { printf '%s' "$prompt" >&2; read -r given; exit 1; }
exec "$@"
`,
      { mode: 0o755 },
    );
    const forced = WITHOUT_ROOT.replace(/\/bin\/sh$/, '/bin/sh -c "$SSH_ORIGINAL_COMMAND"').replace(
      'exec ',
      `exec env PATH=${server.dir}:/usr/bin:/bin `,
    );
    writeFileSync(
      server.path('sshd_config'),
      `${forced}\n${readFileSync(server.path('sshd_config'), 'utf8')}`,
    );
    await server.restart();
    await onRow('connectTarget', server);
    assert.match((await stateOf(server)).text, /^without root/);

    shown.typed.push({ title: 'Password of', text: PASSWORD });
    await onRow('becomeRoot', server);
    assert.doesNotMatch((await stateOf(server)).text, /without root/);
    await eventually(
      'the offer to keep it',
      () => shown.notes.filter((note) => /secret storage.* \| Keep$/.test(note)).length,
      (offers) => offers === 1,
    );

    // Not asked again in this window, and not shown anywhere.
    await onRow('disconnect', server);
    await onRow('connectTarget', server);
    await eventually(
      'root again',
      () => stateOf(server),
      ({ text }) => text !== '' && !text.startsWith('without root'),
    );
    assert.deepEqual([...shown.inputs], []);
    assert.ok(![...shown.notes, ...shown.questions, ...shown.errors].join('\n').includes(PASSWORD));

    await onRow('disconnect', server);
    await vscode.commands.executeCommand('zscope.forgetPasswords');
    await onRow('connectTarget', server);
    assert.match((await stateOf(server)).text, /^without root/);
  });

  it('is not traced before that was allowed', async function () {
    this.timeout(120_000);
    await start();
    const settings = vscode.workspace.getConfiguration();
    const asksFirst = settings.inspect('zscope.trace.askFirst')?.globalValue;
    await settings.update('zscope.trace.askFirst', true, vscode.ConfigurationTarget.Global);
    await onRow('connectTarget', server);
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    const at = new vscode.Position(24, 4); // in the body of ballast_wait
    const file = vscode.Uri.joinPath(folder.uri, 'module/zfs/ballast.c');
    await vscode.window.showTextDocument(file, { selection: new vscode.Range(at, at) });
    const posted = shown.posted.length;
    try {
      await vscode.commands.executeCommand('zscope.traceFunction');
      // The account is that of the tests; where it is not root, that is said instead.
      const isRoot = process.getuid?.() === 0;
      await eventually(
        'the reason in the tab',
        () => shown.posted.slice(posted).map(({ message }) => JSON.stringify(message)),
        (all) => all.some((text) => (isRoot ? /did not allow it on box/ : /takes root/).test(text)),
      );
      const asked = shown.questions.filter((text) => /^Trace on "box"\?/.test(text));
      assert.equal(asked.length, isRoot ? 1 : 0);
    } finally {
      await settings.update('zscope.trace.askFirst', asksFirst, vscode.ConfigurationTarget.Global);
    }
  });

  it('has what a killed trace left removed when that is wanted', async function () {
    this.timeout(120_000);
    await start();
    if (process.getuid?.() !== 0) {
      this.skip(); // Only root has a /run of its own.
    }
    await server.stop();
    // As it is when the supervisor of a trace, which named it after itself, was killed.
    const note = '/run/zscope/999999999.1';
    const setUp = `mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/sshd /run/zscope && echo '# 999999999 1' >${note}`;
    writeFileSync(server.path('inside'), `#!/bin/sh\n${setUp} && exec /usr/sbin/sshd "$@"\n`, {
      mode: 0o755,
    });
    await server.run(['unshare', '-m', server.path('inside')]);
    const there = () => existsSync(`/proc/${server.pid}/root${note}`);
    assert.ok(there());
    shown.answer = 'Remove';
    await onRow('connectTarget', server);
    await eventually('the note is gone', there, (isThere) => !isThere, 60_000);
    const offers = shown.questions.filter((text) => /^A trace of an earlier connection .* on box/.test(text));
    assert.equal(offers.length, 1);
  });

  it('has its panic told from its serial console, whose last lines can be opened', async function () {
    this.timeout(120_000);
    await start();
    const log = server.path('console.log');
    writeFileSync(log, '[    0.1] Kernel panic - not syncing: of the boot before\n');
    const settings = vscode.workspace.getConfiguration();
    const set = (value: unknown) =>
      settings.update('zscope.serialConsoles', value, vscode.ConfigurationTarget.Global);
    await set({ box: log });
    try {
      await onRow('connectTarget', server);
      // Its answer is there once the console is read: what comes from now on is new.
      await onRow('showConsole', server);
      appendFileSync(
        log,
        '[   12.3] \u001b[31mKernel panic - not syncing: sysrq triggered crash\u001b[m\r\n',
      );
      await server.stop();
      await eventually(
        'word of the panic',
        () => shown.questions.filter((text) => text.includes('Its serial console says')),
        (told) => told.length === 1,
        60_000,
      );
      assert.match(shown.questions.join('\n'), /box .*: Kernel panic - not syncing: sysrq triggered crash/);
      await vscode.commands.executeCommand('zscope.showConsole', (await rowOf(server)).node);
      // The document is open since the console was shown before: its new text takes a moment.
      const text =
        '[    0.1] Kernel panic - not syncing: of the boot before\n[   12.3] Kernel panic - not syncing: sysrq triggered crash\n';
      await eventually(
        'the console with its last line',
        () => vscode.window.activeTextEditor?.document.getText(),
        (shownText) => shownText === text,
      );
    } finally {
      await set(undefined);
    }
  });
});
