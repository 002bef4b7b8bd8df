import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { CUT_MARK, LINE_LIMIT } from '../../src/core/text/lines.ts';
import type { Connection } from '../../src/target/connection.ts';
import { failureOf } from '../support/failure-of.ts';
import { lines, question, reach } from './client.ts';
import { forever, SharedConnection, word } from './fixtures.ts';
import { isRunning, Server, until } from './server.ts';
import { SUDO_RULE, USER } from './setup.ts';

describe('questions', () => {
  const shared = new SharedConnection();

  test('the answer is exactly what the script printed', async () => {
    expect(await shared.connection.run(question("printf 'a\\n\\tb'"), null)).toBe('a\n\tb');
    expect(await shared.connection.run(question(':'), null)).toBe('');
  });

  test('the script has LC_ALL=C, an empty stdin, and nothing of ours in its variables', async () => {
    const output = await shared.connection.run(question('echo "$LC_ALL $#"; cat; pwd; umask'), null);
    expect(output).toBe('C 0\n/\n0077\n');
  });

  test('scripts of every size, in every quoting', async () => {
    const filler = '# it\'s "quoted" $HOME `id` \\ \u00e9\u{1f600} !\n'.repeat(8000);
    expect(filler.length).toBeGreaterThan(256 * 1024);
    expect(await shared.connection.run(question(`${filler}echo end`), null)).toBe('end\n');
  });

  test('UTF-8 that is cut anywhere comes whole; what is no UTF-8 becomes U+FFFD', async () => {
    const output = await shared.connection.run(
      question(
        "printf '\\342\\202'; sleep 0.2; printf '\\254 \\377 \\360\\237'; sleep 0.2; printf '\\230\\200'",
      ),
      null,
    );
    expect(output).toBe('\u20ac \ufffd \u{1f600}');
  });

  test('12 MB on stderr neither stall the script nor are kept', async () => {
    const failure = await failureOf(
      shared.connection.run(
        question("echo 'first line' >&2; head -c 12000000 /dev/zero | tr '\\0' e >&2; exit 3"),
        null,
      ),
    );
    expect(failure.code).toBe('script-failed');
    expect(failure.message).toContain('status 3');
    expect(failure.message).toContain('first line');
    expect(failure.message.length).toBeLessThan(1000);
  });

  test('an answer of more than 64 MiB is cut off and its script ended', async () => {
    const name = word();
    const failure = await failureOf(
      shared.connection.run(question(`${forever(name)} & head -c 70000000 /dev/zero; wait`), null),
    );
    expect(failure.code).toBe('bad-output');
    await until('the script is ended', 20_000, () => !isRunning(name));
  });

  test('a script that takes too long is ended with its whole process group', async () => {
    const name = word();
    const failure = await failureOf(
      shared.connection.run(question(`(${forever(name)}) & ${forever(name)}`, { timeoutMs: 1000 }), null),
    );
    expect(failure.code).toBe('timeout');
    await until('its processes are gone', 20_000, () => !isRunning(name));
  });

  test('processes that ignore TERM are ended too', async () => {
    const name = word();
    const stubborn = `trap '' TERM; ${forever(name)} & ${forever(name)}`;
    await failureOf(shared.connection.run(question(stubborn, { timeoutMs: 700 }), null));
    await until('its processes are gone', 20_000, () => !isRunning(name));
  });

  test('a script undoes what it did by its own traps: at its end, and when it is ended', async () => {
    const mark = shared.server.path('trapped');
    const script = `trap 'rm -f ${mark}' EXIT; trap 'exit 9' TERM; touch ${mark};`;
    expect(await shared.connection.run(question(`${script} ls ${mark}`), null)).toBe(`${mark}\n`);
    expect(existsSync(mark)).toBe(false);
    const late = failureOf(shared.connection.run(question(`${script} sleep 30`, { timeoutMs: 6000 }), null));
    await until('it is there', 5900, () => existsSync(mark));
    expect((await late).code).toBe('timeout');
    await until('it is gone', 20_000, () => !existsSync(mark));
  });

  test('cancelling ends it', async () => {
    const name = word();
    const controller = new AbortController();
    const failed = failureOf(
      shared.connection.run(question(forever(name)), null, { signal: controller.signal }),
    );
    await until('it runs', 20_000, () => isRunning(name));
    controller.abort();
    expect((await failed).code).toBe('cancelled');
    await until('it is gone', 20_000, () => !isRunning(name));
  });

  test('a shell that is killed is a failure, never an answer', async () => {
    const failure = await failureOf(shared.connection.run(question('echo half; kill -KILL $$'), null));
    expect(failure.code).toBe('lost');
  });

  test('twenty at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        shared.connection.run(question(`sleep 0.1; echo ${index}`), null),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => `${index}\n`));
  });

  test('nothing is left of all that', async () => {
    await until(
      'no process of the connection but its own',
      40_000,
      () => shared.server.processes.length <= 1,
    );
  });
});

describe('login shells and what they print', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.dispose();
  });

  test.each([
    ['bash', 'root'],
    ['dash', USER.dash],
    ['fish', USER.fish],
    ['tcsh', USER.tcsh],
    ['zsh', USER.zsh],
  ])('%s', async (_shell, user) => {
    const server = await Server.start({ user });
    servers.push(server);
    server.trust('ed25519');
    const connection = await reach(server);
    expect(await connection.run(question('echo "it\'s $((6*7)) !"'), null)).toBe("it's 42 !\n");
    const stream = await collect(connection, lines("echo one; echo 'two!'; exit 5"));
    expect(stream).toEqual({
      lines: ['one', 'two!'],
      reason: 'finished',
      status: 5,
      cleanUp: 'confirmed',
      stderr: '',
    });
    connection.dispose();
  });

  test('a .bashrc that prints, without newline at the end and to stderr too', async () => {
    const server = await Server.start({ user: USER.sudo });
    servers.push(server);
    server.trust('ed25519');
    const rc = `/home/${USER.sudo}/.bashrc`;
    const quiet = readFileSync(rc);
    writeFileSync(rc, "echo Welcome; printf '\\036no newline'; echo grumble >&2\n");
    try {
      const connection = await reach(server);
      expect(await connection.run(question('echo clean'), null)).toBe('clean\n');
      const stream = await collect(connection, lines('echo clean'));
      expect(stream.lines).toEqual(['clean']);
      expect(stream.stderr).toBe('grumble\n');
      connection.dispose();
    } finally {
      writeFileSync(rc, quiet);
    }
  });

  test('busybox as /bin/sh', async () => {
    const server = await Server.start();
    servers.push(server);
    server.trust('ed25519');
    // A mount namespace of its own for this server, in which /bin/sh is busybox.
    const made = spawnSync('unshare', ['-m', 'true']);
    if (made.status !== 0) throw new Error(`no mount namespace can be made here: ${made.stderr}`);
    await server.stop();
    writeFileSync(
      server.path('in-busybox'),
      `#!/bin/bash\nmount --bind "$(command -v busybox)" "$(readlink -f /bin/sh)"\nexec /usr/sbin/sshd "$@"\n`,
      { mode: 0o755 },
    );
    await server.run(['unshare', '-m', server.path('in-busybox')]);
    const connection = await reach(server);
    expect(await connection.run(question('sh --help 2>&1'), null)).toContain('BusyBox');
    const name = word();
    const sink: string[] = [];
    const stream = await connection.stream(
      lines(`echo begin; ${forever(name)} & ${forever(name)}`, 'echo cleaned >&2'),
      null,
      { events: (batch) => sink.push(...batch) },
    );
    await until('it runs', 20_000, () => isRunning(name));
    stream.dispose();
    expect(await stream.ended).toEqual({
      reason: 'stopped',
      status: null,
      cleanUp: 'failed',
      stderr: 'cleaned\n',
    });
    expect(sink).toEqual(['begin']);
    expect(isRunning(name)).toBe(false);
    connection.dispose();
  });
});

describe('root', () => {
  const servers: Server[] = [];
  async function as(user: string): Promise<Connection> {
    const server = await Server.start({ user });
    servers.push(server);
    server.trust('ed25519');
    return await reach(server);
  }
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.dispose();
  });

  test('by sudo -n, for what needs it and for nothing else', async () => {
    const connection = await as(USER.sudo);
    expect(connection.facts.root).toBe('sudo');
    expect(await connection.run(question('id -un'), null)).toBe(`${USER.sudo}\n`);
    expect(await connection.run(question('id -un', { needsRoot: true }), null)).toBe('root\n');
    expect(await connection.run(question('id -un', { needsRoot: 'if-had' }), null)).toBe('root\n');
    connection.dispose();
  });

  test('under sudo too a stopped stream and a timeout leave nothing', async () => {
    const connection = await as(USER.sudo);
    const name = word();
    const stream = await connection.stream(
      lines(`${forever(name)} & ${forever(name)}`, 'id -un >&2', true),
      null,
      {
        events: () => {},
      },
    );
    await until('it runs', 20_000, () => isRunning(name));
    stream.dispose();
    expect(await stream.ended).toEqual({
      reason: 'stopped',
      status: null,
      cleanUp: 'failed',
      stderr: 'root\n',
    });
    expect(isRunning(name)).toBe(false);
    const late = word();
    const asked = connection.run(
      question(`(${forever(late)}) & ${forever(late)}`, { needsRoot: true, timeoutMs: 1500 }),
      null,
    );
    expect((await failureOf(asked)).code).toBe('timeout');
    await until('its processes are gone', 20_000, () => !isRunning(late));
    connection.dispose();
  });

  test('not at all: says so, and what to do', async () => {
    const connection = await as(USER.dash);
    expect(connection.facts.root).toBe('none');
    const failure = await failureOf(connection.run(question('id', { needsRoot: true }), null));
    expect(failure.code).toBe('not-root');
    expect(failure.message).toContain(USER.dash);
    expect(failure.remedy).toContain('NOPASSWD');
    // What may be for all to read is tried as the account.
    const asAccount = connection.run(question('id -un', { needsRoot: 'if-had' }), null);
    expect(await asAccount).toBe(`${USER.dash}\n`);
    expect((await failureOf(connection.stream(lines('id', '', true), null, { events: () => {} }))).code).toBe(
      'not-root',
    );
    connection.dispose();
  });

  test('sudo that was taken away meanwhile', async () => {
    const connection = await as(USER.sudo);
    const text = readFileSync(SUDO_RULE);
    try {
      rmSync(SUDO_RULE);
      expect((await failureOf(connection.run(question('id', { needsRoot: true }), null))).code).toBe(
        'not-root',
      );
    } finally {
      writeFileSync(SUDO_RULE, text, { mode: 0o440 });
    }
    connection.dispose();
  });
});

describe('few sessions', () => {
  let server: Server;
  afterEach(async () => await server.dispose());

  test('MaxSessions 2: questions wait for each other', async () => {
    server = await Server.start({ config: ['MaxSessions 2'] });
    server.trust('ed25519');
    const connection = await reach(server);
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, index) => connection.run(question(`echo ${index}`), null)),
    );
    expect(all.join('')).toBe('0\n1\n2\n3\n4\n5\n6\n7\n');
    connection.dispose();
  });

  test('MaxSessions 2: once it is known, streams leave a session to the questions', async () => {
    server = await Server.start({ config: ['MaxSessions 2'] });
    server.trust('ed25519');
    // Nothing is refused before the second stream runs, so nothing is known of the limit.
    const connection = await reach(server);
    const stream = await connection.stream(lines('echo up; sleep 60'), null, { events: () => {} });
    expect(await connection.run(question('echo beside'), null)).toBe('beside\n');
    const second = await connection.stream(lines('echo up; sleep 60'), null, { events: () => {} });
    await sleep(600);
    const starved = await failureOf(connection.run(question('echo no', { timeoutMs: 6000 }), null));
    expect(starved.code).toBe('timeout');
    expect(starved.remedy).toContain('MaxSessions');
    second.dispose();
    await second.ended;
    expect(await connection.run(question('echo again'), null)).toBe('again\n');
    // Now it is known what the server allows, and the last session is kept for questions.
    const third = await failureOf(connection.stream(lines('sleep 60'), null, { events: () => {} }));
    expect(third.code).toBe('bad-request');
    expect(third.remedy).toContain('MaxSessions');
    stream.dispose();
    await stream.ended;
    connection.dispose();
  });
});

interface Collected {
  readonly lines: string[];
  readonly reason: string;
  readonly status: number | null;
  readonly stderr: string;
}

async function collect(connection: Connection, collector: ReturnType<typeof lines>): Promise<Collected> {
  const found: string[] = [];
  const stream = await connection.stream(collector, null, { events: (batch) => found.push(...batch) });
  const end = await stream.ended;
  return { lines: found, ...end };
}

describe('lines of streams', () => {
  const shared = new SharedConnection();

  test('a line that is too long is cut visibly, the next is whole', async () => {
    const got = await collect(
      shared.connection,
      lines("head -c 300000 /dev/zero | tr '\\0' x; echo; echo next; printf last"),
    );
    expect(got.lines).toEqual([`${'x'.repeat(LINE_LIMIT)}${CUT_MARK}`, 'next', 'last']);
  });

  test('UTF-8 cut in the middle', async () => {
    const got = await collect(
      shared.connection,
      lines("printf 'a\\342\\202'; sleep 0.3; printf '\\254b\\n'"),
    );
    expect(got.lines).toEqual(['a\u20acb']);
  });

  test('50,000 lines in order, none lost', async () => {
    const got = await collect(shared.connection, lines('seq 50000'));
    expect(got.lines.length).toBe(50000);
    expect(got.lines.every((line, index) => line === String(index + 1))).toBe(true);
    expect(got.reason).toBe('finished');
  });

  test('the first line comes at once, before the script ends', async () => {
    const found: string[] = [];
    const startedAt = performance.now();
    const stream = await shared.connection.stream(lines('echo now; sleep 30'), null, {
      events: (batch) => found.push(...batch),
    });
    while (found.length === 0) await sleep(10);
    expect(performance.now() - startedAt).toBeLessThan(3000);
    stream.dispose();
    await stream.ended;
  });

  test('the end is told from payload that looks like one', async () => {
    const got = await collect(
      shared.connection,
      lines("printf '\\036%032d end finished 0 none\\n' 0; printf '\\036\\036'; echo; echo real; exit 9"),
    );
    expect(got.lines).toEqual([`\x1e${'0'.repeat(32)} end finished 0 none`, '\x1e\x1e', 'real']);
    expect(got.status).toBe(9);
  });

  test('a decoder that throws stops its stream and breaks nothing else', async () => {
    const name = word();
    const stream = await shared.connection.stream(
      {
        ...lines(`echo x; ${forever(name)}`),
        decoder: () => ({
          line: () => {
            throw new Error('a fault of ours');
          },
          end: () => [],
        }),
      },
      null,
      { events: () => {} },
    );
    const end = await stream.ended;
    expect(end.stderr).toContain('a fault of ours');
    expect(isRunning(name)).toBe(false);
    expect(await shared.connection.run(question('echo fine'), null)).toBe('fine\n');
  });
});
