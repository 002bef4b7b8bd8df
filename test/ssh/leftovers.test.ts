/** What a supervisor that was killed leaves on a target is found at the next connection. */
import { existsSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { clearLeftovers } from '../../src/target/collectors/leftovers.ts';
import type { Connection } from '../../src/target/connection.ts';
import { lines, question, reach } from './client.ts';
import { forever, serverStarter, word } from './fixtures.ts';
import { isRunning, kill, type Server, until } from './server.ts';

const start = serverStarter();

/** A server that sees a /run of its own, in memory as it is on machines that boot. */
async function withOwnRun(): Promise<Server> {
  const server = await start();
  await server.stop();
  const text =
    '#!/bin/sh\nmount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/sshd && exec /usr/sbin/sshd "$@"\n';
  writeFileSync(server.path('inside'), text, { mode: 0o755 });
  await server.run(['unshare', '-m', server.path('inside')]);
  return server;
}

/** Names of the notes on the target, once there are so many. */
async function notes(connection: Connection, count: number): Promise<string[]> {
  const deadline = performance.now() + 40_000;
  for (;;) {
    const listed = await connection.run(question('ls /run/zscope 2>/dev/null; sleep 0.2; :'), null);
    const names = listed.split('\n').filter((name) => name !== '');
    if (names.length === count) return names;
    if (performance.now() > deadline) throw new Error(`not ${count} notes, but: ${names.join(', ')}`);
  }
}

test('a note stands while something has to be undone; what is left is told, and removed when wanted', async () => {
  const server = await withOwnRun();
  const connection = await reach(server);
  expect(connection.facts.leftovers).toBe(0);
  const [first, second] = [word(), word()];
  const stream = async (name: string) => {
    const cleanup = `: >'${server.path(name)}'`;
    return await connection.stream(lines(forever(name), cleanup), null, { events: () => {} });
  };
  // What only stands by has nothing to undo.
  connection.standBy(lines(':', `: >'${server.path(word())}'`), null);
  const one = await stream(first);
  const other = await stream(second);
  const both = await notes(connection, 2);

  // One that ends as it should takes its note with it.
  other.dispose();
  expect(await other.ended).toMatchObject({ cleanUp: 'confirmed' });
  const [note = ''] = await notes(connection, 1);
  expect(both).toContain(note);
  expect(existsSync(server.path(second))).toBe(true);

  // While it runs it is nobody's leftover.
  const meanwhile = await reach(server);
  expect(meanwhile.facts.leftovers).toBe(0);
  meanwhile.dispose();

  kill(Number(note.split('.')[0]), 'SIGKILL');
  connection.dispose();
  await one.ended;
  const next = await reach(server);
  expect(next.facts.leftovers).toBe(1);
  expect(isRunning(first)).toBe(true);
  expect(existsSync(server.path(first))).toBe(false);
  expect(await next.run(clearLeftovers, null)).toEqual({ removed: 1, left: [] });
  await until('its end', 20_000, () => !isRunning(first));
  expect(existsSync(server.path(first))).toBe(true);
  expect(await next.run(question('ls -d /run/zscope 2>&1; :'), null)).toContain('No such file');
  next.dispose();
  const last = await reach(server);
  expect(last.facts.leftovers).toBe(0);

  // What another than root could have written is not run: of a folder that is not root's, and of a link.
  const foreign = server.path('foreign');
  const theirs = `printf '# 1 1\\n: >${foreign}\\n' >/run/zscope/4194305.1`;
  for (const [make, undo] of [
    [`mkdir /run/zscope; ${theirs}; chown 65534 /run/zscope`, 'rm -r /run/zscope'],
    [`mkdir /run/theirs; ln -s theirs /run/zscope; ${theirs}`, 'rm -r /run/zscope /run/theirs'],
  ]) {
    await last.run(question(make ?? ''), null);
    expect(await last.run(clearLeftovers, null)).toEqual({ removed: 0, left: [] });
    await last.run(question(undo ?? ''), null);
  }
  expect(existsSync(foreign)).toBe(false);
  last.dispose();
}, 180_000);
