import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { freePort, type Server } from '../ssh/server.ts';
import { clickRow, configure, onRow, rowOf, startMachine, stateOf } from './support/machine.ts';
import { activate, errorsOf, eventually, rows, shown, tree } from './support/window.ts';

/** sshd has a process for each connection; what runs over it comes and goes. */
function connectionsOf(server: Server): number {
  return server.processes.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('sshd');
    } catch {
      return false; // It ended meanwhile.
    }
  }).length;
}

/** A number once it has stayed the same for two seconds: what a connection has ready comes by and by. */
async function settled(get: () => number): Promise<number> {
  let last = Number.NaN;
  let since = 0;
  return eventually('a number that stays', get, (now) => {
    if (now !== last) {
      last = now;
      since = Date.now();
    }
    return Date.now() - since > 2000;
  });
}

describe('a target', () => {
  let server: Server;

  before(activate);
  beforeEach(async () => {
    server = await startMachine();
    await configure(server.configFile);
  });
  afterEach(async () => {
    await onRow('disconnect', server);
    await server.dispose();
    shown.answer = undefined;
    shown.questions.length = 0;
  });
  after(() => configure());

  it('is listed when a file of the settings names it', async () => {
    const { item } = await rowOf(server);
    assert.equal(item.label, 'box');
    assert.equal(item.contextValue, 'target.disconnected');
    assert.match(String(item.tooltip), new RegExp(server.configFile));
  });

  it('is not listed because a workspace wants it', async () => {
    await rowOf(server); // The list is read.
    const labels = (await rows('zscope.targets')).map(({ item }) => item.label);
    assert.ok(labels.includes('box'));
    assert.ok(!labels.includes('of-the-workspace'));
  });

  it('is connected and disconnected by its row', async () => {
    await onRow('connectTarget', server);
    const { state, text } = await stateOf(server);
    assert.equal(state, 'target.active');
    assert.match(text, /^ZFS (not loaded|\d.*), \d+\.\d+/);
    assert.deepEqual(shown.questions, []);

    await onRow('disconnect', server);
    assert.deepEqual(await stateOf(server), { state: 'target.disconnected', text: '' });
    await eventually(
      'no process of the connection',
      () => server.processes,
      (list) => list.length === 0,
    );
  });

  it('is connected by a click on its row, and stays so by another', async () => {
    await clickRow(server);
    assert.equal((await stateOf(server)).state, 'target.active');
    const connections = await settled(() => connectionsOf(server));
    await clickRow(server);
    assert.equal((await stateOf(server)).state, 'target.active');
    assert.equal(await settled(() => connectionsOf(server)), connections);
  });

  it('has its host key confirmed once', async () => {
    rmSync(server.knownHosts);
    shown.answer = 'Trust and Connect';
    await onRow('connectTarget', server);
    assert.equal((await stateOf(server)).state, 'target.active');
    assert.equal(shown.questions.length, 1);
    assert.match(shown.questions[0] ?? '', /presents this ssh-ed25519 key:\s+SHA256:[\w+/]{43}\s/);

    await onRow('disconnect', server);
    await onRow('connectTarget', server);
    assert.equal((await stateOf(server)).state, 'target.active');
    assert.equal(shown.questions.length, 1);
  });

  it('is not connected when its host key is not trusted', async () => {
    rmSync(server.knownHosts);
    assert.deepEqual(await errorsOf(() => onRow('connectTarget', server)), []);
    assert.equal(shown.questions.length, 1);
    assert.deepEqual(await stateOf(server), {
      state: 'target.disconnected',
      text: 'The host key of box was not accepted.',
    });
    assert.doesNotMatch(server.log, /Accepted publickey/);
  });

  it('says what to do when nothing listens at its port', async () => {
    const port = await freePort();
    server.writeClientConfig('nobody', [`Port ${port}`]);
    const [error = '', ...more] = await errorsOf(() => onRow('connectTarget', server));
    assert.deepEqual(more, []);
    assert.equal(
      error,
      `box (127.0.0.1, port ${port}) refused the connection: nothing listens there. See whether the machine is up, its SSH server runs, and Port in the ssh configuration is right.`,
    );
    assert.deepEqual(await stateOf(server), { state: 'target.disconnected', text: error });
  });

  it('says so when it takes none of the keys', async () => {
    server.makeKey('other');
    server.writeClientConfig('nobody', [`IdentityFile ${server.path('other')}`]);
    const [error = ''] = await errorsOf(() => onRow('connectTarget', server));
    assert.match(error, /box/);
    assert.match(error, /other/);
    assert.deepEqual(await stateOf(server), { state: 'target.disconnected', text: error });
  });

  it('says that the connection was lost, and is reconnected', async () => {
    await onRow('connectTarget', server);
    await server.stop();
    const { text } = await eventually(
      'the loss to be seen',
      () => stateOf(server),
      ({ state }) => state === 'target.disconnected',
    );
    assert.match(text, /box.*(closed|broke)/);
    assert.ok((await rowOf(server)).item.iconPath instanceof vscode.ThemeIcon);

    await server.run();
    await vscode.commands.executeCommand('zscope.reconnect');
    assert.equal((await stateOf(server)).state, 'target.active');
  });

  it('is connected again by itself when it is there again, and not once it was disconnected', async function () {
    this.timeout(240_000);
    await onRow('connectTarget', server);
    await server.stop();
    await eventually(
      'the loss to be seen',
      () => stateOf(server),
      ({ state, text }) => state === 'target.disconnected' && text.startsWith('trying again: '),
      60_000,
    );
    await server.run();
    const before = shown.logged.length;
    await eventually(
      'the connection',
      () => stateOf(server),
      ({ state }) => state === 'target.active',
      90_000,
    );
    assert.deepEqual(shown.questions, []);
    // What runs over it now is in the Log as before.
    await vscode.commands.executeCommand('zscope.refreshTasks');
    await eventually(
      'a look at the tasks in the Log',
      () => shown.logged.slice(before).join('\n'),
      (text) => text.includes('box: task-snapshot: '),
      60_000,
    );

    await server.stop();
    await eventually(
      'the second loss to be seen',
      () => stateOf(server),
      ({ text }) => text.startsWith('trying again: '),
      60_000,
    );
    await onRow('disconnect', server);
    assert.deepEqual(await stateOf(server), { state: 'target.disconnected', text: '' });
  });

  it('leaves nothing when it is disconnected while connecting', async () => {
    const errors = await errorsOf(async () => {
      const connecting = onRow('connectTarget', server);
      await eventually(
        'the attempt',
        () => stateOf(server),
        ({ state }) => state === 'target.connecting',
      );
      await onRow('disconnect', server);
      await connecting;
    });
    assert.deepEqual(errors, []);
    assert.deepEqual(await stateOf(server), { state: 'target.disconnected', text: '' });
    await eventually(
      'no process of the connection',
      () => server.processes,
      (list) => list.length === 0,
    );
  });

  it('takes its question for a password back when it is disconnected', async () => {
    await server.dispose();
    server = await startMachine('PasswordAuthentication yes');
    await configure(server.configFile);
    server.writeClientConfig('nobody', ['PreferredAuthentications password']);
    const errors = await errorsOf(async () => {
      const connecting = onRow('connectTarget', server);
      await eventually(
        'the question',
        () => [...shown.inputs],
        (titles) => titles.length === 1 && /Password of nobody/.test(titles[0] ?? ''),
      );
      await onRow('disconnect', server);
      await connecting;
    });
    assert.deepEqual(errors, []);
    assert.deepEqual([...shown.inputs], []);
  });

  it('can be disconnected when no file names it any more', async () => {
    await onRow('connectTarget', server);
    await configure();
    assert.equal((await stateOf(server)).state, 'target.active');
    await onRow('disconnect', server);
    await eventually(
      'no row',
      () => rows('zscope.targets'),
      (list) => list.every(({ item }) => !item.id?.startsWith(server.configFile)),
    );
    await configure(server.configFile);
  });

  it('cannot put a link into what is said of it', async () => {
    await server.dispose();
    server = await startMachine("ForceCommand echo '[click](command:workbench.action.quit)' >&2; exit 1");
    await configure(server.configFile);
    const [error = ''] = await errorsOf(() => onRow('connectTarget', server));
    assert.match(error, /click/);
    assert.doesNotMatch(error, /]\(/);
  });

  it('is not looked for in a setting of the wrong type', async () => {
    const settings = vscode.workspace.getConfiguration();
    await settings.update('zscope.ssh.configFiles', true, vscode.ConfigurationTarget.Global);
    await rows('zscope.targets');
    assert.equal(tree('zscope.targets').view.message, '');
    await configure(server.configFile);
  });

  it('is connected once by two clicks', async () => {
    await onRow('connectTarget', server);
    const connectionsOfOne = await settled(() => connectionsOf(server));
    await onRow('disconnect', server);
    const errors = await errorsOf(() =>
      Promise.all([onRow('connectTarget', server), onRow('connectTarget', server)]),
    );
    assert.deepEqual(errors, []);
    assert.equal((await stateOf(server)).state, 'target.active');
    assert.equal(await settled(() => connectionsOf(server)), connectionsOfOne);
  });

  it('gives the views to another one, and back', async () => {
    const other = await startMachine();
    try {
      await configure(server.configFile, other.configFile);
      await onRow('connectTarget', server);
      await onRow('connectTarget', other);
      assert.equal((await stateOf(server)).state, 'target.connected');
      assert.equal((await stateOf(other)).state, 'target.active');

      await clickRow(server);
      assert.equal((await stateOf(server)).state, 'target.active');
      assert.equal((await stateOf(other)).state, 'target.connected');

      // The one that is shown goes: the views show the one that stands.
      await onRow('disconnect', server);
      assert.equal((await stateOf(other)).state, 'target.active');
      assert.equal(tree('zscope.hungTasks').view.description, 'box');
    } finally {
      await onRow('disconnect', other);
      await other.dispose();
    }
  });
});
