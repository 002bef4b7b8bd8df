import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { TraceEvent } from '../../../src/core/tracing/events.ts';
import { isIncomplete, type SessionFunction } from '../../../src/core/tracing/sessions/session.ts';
import { RunningBuilds } from '../../../src/extension/source/running-builds.ts';
import { type RecordedSession, Recording } from '../../../src/extension/trace-sessions/recording.ts';
import { type RunningSession, SessionKeeper } from '../../../src/extension/trace-sessions/session-keeper.ts';
import {
  comparisonTitle,
  headerLines,
  sessionText,
  sessionTitle,
} from '../../../src/extension/trace-sessions/session-labels.ts';
import { readSessionFile, SessionStore } from '../../../src/extension/trace-sessions/session-store.ts';
import { call, HEADER } from '../core/tracing/sessions/sample.ts';

let folder: string;
let store: SessionStore;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'zscope-sessions-'));
  store = new SessionStore(path.join(folder, 'trace-sessions'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A session that tells what the test has it tell. */
class Told implements RecordedSession {
  started: object | null = null;
  readonly tallies = [];
  joined: SessionFunction[] = [];
  readonly isCut: boolean = false;
  readonly counters = { kind: 'counters' as const, calls: 9, overrun: 1, missed: 0 };
  readonly #listeners = new Set<(batch: readonly TraceEvent[]) => void>();

  listen(listener: (batch: readonly TraceEvent[]) => void) {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }

  tell(...batch: readonly TraceEvent[]): void {
    for (const listener of this.#listeners) {
      listener(batch);
    }
  }
}

function record(session: Told, startedAt = HEADER.startedAt): Recording {
  return new Recording(
    store,
    session,
    () => {
      const { functions, program } = HEADER;
      const { joined } = session;
      return {
        ...HEADER,
        startedAt,
        functions: [...functions, ...joined],
        program: [program, ...joined.map(({ symbol }) => `# ${symbol}`)].join('\n'),
      };
    },
    async (header) => header,
    () => {},
  );
}

it('a comparison is called by what was traced, where and when, once where that is the same', () => {
  const time = String.raw`\d{4}-\d\d-\d\d \d\d\.04\.05\.000`;
  const later = { ...HEADER, startedAt: HEADER.startedAt + 3_600_000 };
  expect(comparisonTitle(HEADER, later)).toMatch(
    new RegExp(`^zil_commit on lab on lab at ${time} and ${time}$`),
  );
  // Each has a document of its own.
  expect(sessionTitle({ ...HEADER, startedAt: HEADER.startedAt + 1 })).not.toBe(sessionTitle(HEADER));
  const elsewhere = { ...later, target: { ...HEADER.target, alias: 'vm2' } };
  expect(comparisonTitle(HEADER, elsewhere)).toMatch(
    new RegExp(`^zil_commit on lab on lab at ${time} and zil_commit on lab on vm2 at ${time}$`),
  );
});

it('a session as text has what ran on the target, with nothing in it that an editor hides', () => {
  const header = { ...HEADER, program: 'echo one\necho \u202etwo' };
  const text = sessionText({ header, events: [call()], tallies: [], end: null, unread: 0 });
  const [calls = '', program = ''] = text.split('Program that ran on the target:\n\n');
  expect(calls).toContain('zil_commit');
  expect(program).toBe('echo one\necho <U+202E>two');
});

it('keeps a session as it goes on, and how it ended', async () => {
  const session = new Told();
  const recording = record(session);
  session.started = {};
  session.tell(call());
  session.tell(call({ time: 13 }), { kind: 'loss', cpu: 0, count: 1 });
  session.joined = [{ symbol: 'spa_sync', module: 'zfs', kind: 'returns', condition: '' }];
  await recording.end('stopped');
  session.tell(call({ time: 99 }));
  const [file] = await store.list();
  expect(file?.header).toEqual(HEADER);
  const kept = await readSessionFile(file?.path ?? '');
  expect(kept.events).toEqual([call(), call({ time: 13 }), { kind: 'loss', cpu: 0, count: 1 }]);
  expect(kept.header.functions.map(({ symbol, kind }) => `${kind} ${symbol}`)).toEqual([
    'returns zil_commit',
    'returns spa_sync',
  ]);
  expect(kept.header.program).toBe(`${HEADER.program}\n# spa_sync`);
  expect(kept.end).toMatchObject({ reason: 'stopped', calls: 9, overrun: 1, dropped: 0 });
  expect(isIncomplete(kept)).toBe(true);
});

it('keeps each function with its own condition', async () => {
  const zil: SessionFunction = {
    symbol: 'zil_commit',
    module: 'zfs',
    kind: 'calls',
    condition: 'foid == 34',
  };
  const sync: SessionFunction = { symbol: 'txg_sync', module: null, kind: 'calls', condition: 'txg > 9' };
  const functions = [zil];
  const session = Object.assign(new Told(), {
    functions,
    connection: {
      facts: { hostname: 'vm', kernelRelease: '6.12', bootId: 'b', zfsBuildId: null },
      run: async () => new Map([['zfs', { sign: 'x', buildId: 'ab'.repeat(20) }]]),
    },
    tracer: { id: 'bcc' },
    params: {
      ...zil,
      sessionId: 'ab12',
      machine: 'x86_64',
      parameters: [{ name: 'foid', type: 'uint64_t' }],
    },
  });
  const keeper = new SessionKeeper(store, { builds: () => new RunningBuilds() });
  const ended = new Promise<void>((resolve) => {
    let changes = 0;
    keeper.onChange(() => ++changes === 2 && resolve());
  });
  // What is asked of a connection: the facts, and which builds run.
  const kept = keeper.keep(session as unknown as RunningSession, 'vm');
  session.started = {};
  session.tell(call());
  functions.push(sync);
  kept.end('finished');
  await ended;
  const [file] = await store.list();
  const { header, end } = await readSessionFile(file?.path ?? '');
  expect(header.name).toBe('zil_commit (calls by bcc)');
  expect(header.tracer).toBe('bcc');
  expect(header.modules).toEqual([{ module: 'zfs', buildId: 'ab'.repeat(20) }]);
  expect(headerLines(header)).toContain('Traced by bcc');
  expect(header.functions).toEqual([zil, sync]);
  expect(end?.reason).toBe('finished');
});

it('leaves no file of one that never started', async () => {
  const session = new Told();
  const recording = record(session);
  session.tell();
  await recording.end('stopped');
  expect(await store.list()).toEqual([]);
  expect(await store.hasAny()).toBe(false);
});

it('keeps the newest within its limit, and lists no other files', async () => {
  for (let i = 0; i < 103; i++) {
    const session = new Told();
    session.started = {};
    const recording = record(session, HEADER.startedAt + i * 1000);
    session.tell(call());
    await recording.end('stopped');
  }
  writeFileSync(path.join(store.folder, 'other.trace.jsonl'), 'no session\n');
  const kept = await store.list();
  expect(kept).toHaveLength(100);
  expect(kept[0]?.header.startedAt).toBe(HEADER.startedAt + 102_000);
  expect(kept.at(-1)?.header.startedAt).toBe(HEADER.startedAt + 3000);
  expect(readdirSync(store.folder)).toHaveLength(101);
});

it('says once how it ended, also when the window closes before its file is there', async () => {
  const session = new Told();
  const recording = record(session);
  session.started = {};
  session.tell(call());
  await Promise.all([recording.end('finished'), recording.end('stopped')]);
  const [file] = await store.list();
  const lines = readFileSync(file?.path ?? '', 'utf8')
    .trimEnd()
    .split('\n');
  expect(lines.filter((line) => line.includes('endedAt'))).toHaveLength(1);
  const kept = await readSessionFile(file?.path ?? '');
  expect([kept.events.length, kept.end?.reason]).toEqual([1, 'finished']);
});

it('lists one whose first line is long', async () => {
  const session = new Told();
  const program = 'x'.repeat(30_000);
  const recording = new Recording(
    store,
    session,
    () => ({ ...HEADER, program }),
    async (header) => header,
    () => {},
  );
  session.started = {};
  session.tell(call());
  await recording.end('stopped');
  expect((await store.list())[0]?.header.program).toBe(program);
  expect(await store.hasAny()).toBe(true);
});

it('deletes sessions of its own alone', async () => {
  const foreign = path.join(folder, 'mine.trace.jsonl');
  writeFileSync(foreign, '{}');
  await expect(store.remove(foreign)).rejects.toThrow('Only sessions');
  await expect(store.remove(path.join(store.folder, '../mine.trace.jsonl'))).rejects.toThrow('Only sessions');
  await expect(readSessionFile(foreign)).rejects.toThrow('no trace session');
  await expect(readSessionFile(path.join(folder, 'none'))).rejects.toThrow('cannot be read');
});
