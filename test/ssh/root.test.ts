/** Becoming root by a password: sudo, sudo that wants a terminal, doas and su, each a real one. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ActivityRecord } from '../../src/target/activity.ts';
import type { Connection, RootQuestion } from '../../src/target/connection.ts';
import { failureOf } from '../support/failure-of.ts';
import { lines, Person, question, reach } from './client.ts';
import { forever, placesOf, serverStarter, word } from './fixtures.ts';
import { isRunning, type Server, until } from './server.ts';
import { PASSWORD, USER } from './setup.ts';

const start = serverStarter();

/** A server in a mount namespace of its own, in which these files have other contents. */
async function inNamespace(user: string, files: Readonly<Record<string, string>>): Promise<Server> {
  const server = await start({ user });
  await server.stop();
  const mounts = Object.entries(files).map(([file, text], index) => {
    const own = server.path(`mounted${index}`);
    writeFileSync(own, text, { mode: 0o600 });
    // A mount wants something to cover; an empty one of doas allows nothing.
    if (!existsSync(file)) writeFileSync(file, '', { mode: 0o600 });
    return `mount --bind ${own} ${file}\n`;
  });
  writeFileSync(server.path('inside'), `#!/bin/sh\n${mounts.join('')}exec /usr/sbin/sshd "$@"\n`, {
    mode: 0o755,
  });
  await server.run(['unshare', '-m', server.path('inside')]);
  return server;
}

/** Answers one after the other, and what was asked. */
function answers(...list: Array<string | undefined>) {
  const asked: RootQuestion[] = [];
  return {
    asked,
    ask: async (one: RootQuestion): Promise<string | undefined> => {
      asked.push(one);
      return list.shift();
    },
  };
}

/** Scripts of all kinds run as root, and leave nothing. */
async function provesRoot(connection: Connection): Promise<void> {
  const root = { needsRoot: true };
  expect(await connection.run(question('id -un'), null)).not.toBe('root\n');
  expect(await connection.run(question('id -un', root), null)).toBe('root\n');
  // Longer than a line of a terminal, with bytes that one would change.
  const text = `${'x'.repeat(9000)}\\n\\003\\004\\r\\n\\021end`;
  const echoed = await connection.run(question(`printf '${text}' | od -An -c -v | tr -d ' \\n'`, root), null);
  expect(echoed).toBe(`${'x'.repeat(9000)}\\n003004\\r\\n021end`);
  expect(await connection.run(question(`printf '${text}'`, root), null)).toBe(
    `${'x'.repeat(9000)}\n\x03\x04\r\n\x11end`,
  );
  const name = word();
  const got: string[] = [];
  const stream = await connection.stream(lines(`echo up; ${forever(name)}`, '', true), null, {
    events: (batch) => got.push(...batch),
  });
  await until('it runs', 20_000, () => got.includes('up') && isRunning(name));
  stream.dispose();
  expect(await stream.ended).toMatchObject({ reason: 'stopped', cleanUp: 'confirmed' });
  await until('it has ended', 20_000, () => !isRunning(name));
}

test('sudo that asks: a wrong password, then the right one, once for the session', async () => {
  const server = await start({ user: USER.asks });
  const log: string[] = [];
  const records: ActivityRecord[] = [];
  const connection = await reach(server, new Person(), {
    log: (line) => log.push(line),
    activity: (record) => records.push(record),
  });
  expect(connection.facts.root).toBe('none');
  const person = answers('canary-4711-wrong', PASSWORD);
  expect(await connection.becomeRoot(person.ask)).toBe(true);
  expect(connection.facts.root).toBe('sudo');
  const attempts = records.filter(({ name }) => name === 'become-root');
  expect(attempts.map(({ user, end }) => [user, end])).toEqual([
    [USER.asks, 'failed'],
    [USER.asks, 'finished'],
  ]);
  await provesRoot(connection);
  expect(person.asked).toEqual([
    { by: 'sudo', user: USER.asks, alias: 'box', again: false },
    { by: 'sudo', user: USER.asks, alias: 'box', again: true },
  ]);
  // A shell that stands by begins as root too.
  connection.standBy(lines('', '', true), null);
  const got: string[] = [];
  const stream = await connection.stream(lines('id -un', '', true), null, {
    events: (batch) => got.push(...batch),
  });
  expect(await stream.ended).toMatchObject({ reason: 'finished' });
  expect(got).toEqual(['root']);
  connection.dispose();
  expect(log.join('\n')).not.toContain('canary-4711');
});

test('sudo that wants a terminal', async () => {
  const server = await start({ user: USER.tty });
  const connection = await reach(server);
  const person = answers(PASSWORD);
  expect(await connection.becomeRoot(person.ask)).toBe(true);
  await provesRoot(connection);
  expect(person.asked).toHaveLength(1);
  connection.dispose();
});

test('an account that is not in sudoers is told so; cancelling leaves it as it was', async () => {
  const server = await start({ user: USER.password });
  const connection = await reach(server);
  expect(await connection.becomeRoot(answers(undefined).ask)).toBe(false);
  // sudo is refused, and su is asked for next.
  const person = answers(PASSWORD, undefined);
  expect(await connection.becomeRoot(person.ask)).toBe(false);
  expect(person.asked.map(({ by }) => by)).toEqual(expect.arrayContaining(['sudo', 'su']));
  expect(connection.facts.root).toBe('none');
  expect((await failureOf(connection.run(question('id', { needsRoot: true }), null))).remedy).toContain(
    'Become Root',
  );
  connection.dispose();
});

/** A server of whose namespace root has the tests' password, and sudo is not for its account. */
async function withPasswordOfRoot(): Promise<Server> {
  const before = readFileSync('/etc/shadow', 'utf8');
  const hash = new RegExp(`^${USER.password}:([^:]+)`, 'm').exec(before)?.[1] ?? '';
  expect(hash).toMatch(/^\$/);
  const shadow = before.replace(/^root:[^:]*/m, () => `root:${hash}`);
  return await inNamespace(USER.dash, { '/etc/shadow': shadow });
}

const DOAS_ASKS = { '/etc/doas.conf': `permit ${USER.asks} as root cmd /bin/sh\n` };

test('su with the password of root', async () => {
  const server = await withPasswordOfRoot();
  const connection = await reach(server);
  const person = answers('canary-4711-no', PASSWORD);
  expect(await connection.becomeRoot(person.ask, { programs: ['su'] })).toBe(true);
  expect(person.asked.map(({ user, again }) => [user, again])).toEqual([
    ['root', false],
    ['root', true],
  ]);
  expect(connection.facts.root).toBe('su');
  await provesRoot(connection);
  connection.dispose();
});

test('doas, without a password and with one', async () => {
  const free = await inNamespace(USER.dash, {
    '/etc/doas.conf': `permit nopass ${USER.dash} as root cmd /bin/sh\n`,
  });
  const first = await reach(free);
  expect(first.facts.root).toBe('doas');
  await provesRoot(first);
  first.dispose();

  const asks = await inNamespace(USER.asks, DOAS_ASKS);
  const second = await reach(asks);
  const person = answers(PASSWORD);
  expect(await second.becomeRoot(person.ask, { programs: ['doas'] })).toBe(true);
  expect(person.asked.map(({ by }) => by)).toEqual(['doas']);
  expect(second.facts.root).toBe('doas');
  await provesRoot(second);
  second.dispose();
});

test.each([
  ['sudo', 'sudo', () => start({ user: USER.asks })],
  ['sudo from a terminal', 'sudo', () => start({ user: USER.tty })],
  ['doas', 'doas', () => inNamespace(USER.asks, DOAS_ASKS)],
  ['su', 'su', withPasswordOfRoot],
] as const)('the password for %s is nowhere to be read', async (_name, by, serverOf) => {
  const server = await serverOf();
  const log: string[] = [];
  const records: ActivityRecord[] = [];
  const connection = await reach(server, new Person(), {
    log: (line) => log.push(line),
    activity: (record) => records.push(record),
  });
  expect(await connection.becomeRoot(answers(PASSWORD).ask, { programs: [by] })).toBe(true);
  const name = word();
  const stream = await connection.stream(lines(forever(name), '', true), null, { events: () => {} });
  await until('it runs', 20_000, () => isRunning(name));
  // The tests' own processes have it in their environment.
  expect(placesOf(PASSWORD, server, server.processes)).toEqual([]);
  stream.dispose();
  await stream.ended;
  expect(placesOf(PASSWORD, server, server.processes)).toEqual([]);
  expect(records.length).toBeGreaterThan(2);
  expect(JSON.stringify([log, records, connection])).not.toContain(PASSWORD);
  connection.dispose();
});
