/** Two builds of a module, of which one does not call back any more: what comparing their kept sessions says first. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compareSessions } from '../../src/core/tracing/sessions/compare.ts';
import type { KeptSession } from '../../src/core/tracing/sessions/session.ts';
import { RunningBuilds } from '../../src/extension/source/running-builds.ts';
import { SessionKeeper } from '../../src/extension/trace-sessions/session-keeper.ts';
import { readSessionFile, SessionStore } from '../../src/extension/trace-sessions/session-store.ts';
import { TraceSession } from '../../src/extension/tracing/trace-session.ts';
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import type { Connection } from '../../src/target/connection.ts';
import { ftrace } from '../../src/target/tracer.ts';
import { findImage } from '../lab/image.ts';
import * as lab from '../lab/lab.ts';
import { labModule } from '../symbols/lab-module.ts';
import { connectToLab } from './connect.ts';
import { ask, traceRests, until } from './target.ts';

const FOLDER = '/dev/shm/zs_seed';
const LIMIT_MS = 60_000;

let connection: Connection;
let folder: string;

/** Makes both builds in the VM, whose kernel they are for. */
beforeAll(async () => {
  const vm = await lab.requireUp();
  connection = await connectToLab(vm);
  folder = mkdtempSync(path.join(tmpdir(), 'zscope-two-builds-'));
  const files = ['zs_seed.s', 'build.sh'].map((name) => {
    const text = readFileSync(path.join(import.meta.dirname, 'modules', name)).toString('base64');
    return `echo ${text} | base64 -d >${name}`;
  });
  await lab.execChecked(
    [
      `rmmod zs_seed 2>/dev/null; mkdir -p ${FOLDER} && cd ${FOLDER} || exit`,
      ...files,
      `sh ./build.sh ${(await moduleLayout()).join(' ')}`,
    ].join('\n'),
    { timeoutMs: 100_000 },
  );
});

afterAll(async () => {
  if (connection !== undefined) {
    await ask(connection, `rmmod zs_seed 2>/dev/null; rm -rf ${FOLDER}`);
    connection.dispose();
  }
  if (folder !== undefined) {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Where the members of struct module are in the VM's kernel, as symbols for the assembler. */
async function moduleLayout(): Promise<string[]> {
  const image = await findImage();
  if (!image) throw new Error('the lab has no image');
  const { file, source } = openFile(labModule(image));
  try {
    const module = file.struct('module');
    if (module === null) throw new Error('no struct module');
    const at = (name: string) => module.members.find((member) => member.name === name)?.offset;
    return [
      `MODULE_SIZE=${module.size}`,
      ...['name', 'init', 'exit'].map((name) => `${name.toUpperCase()}_AT=${at(name)}`),
    ];
  } finally {
    source.dispose();
  }
}

/** Three commits of the module of one build, traced and kept as the extension does it. */
async function traced(build: 'with' | 'without'): Promise<KeptSession> {
  const sessionId = randomBytes(4).toString('hex');
  const store = new SessionStore(path.join(folder, sessionId));
  const keeper = new SessionKeeper(store, { builds: () => new RunningBuilds() });
  await ask(connection, `insmod ${FOLDER}/${build}.ko`);
  const common = {
    module: 'zs_seed',
    machine: connection.facts.machine,
    maxEvents: 1000,
    maxSeconds: 300,
  };
  const session = new TraceSession(connection, ftrace, {
    ...common,
    sessionId,
    symbol: 'zs_seed_callback',
    parameters: [
      { name: 'object', type: 'uint64_t' },
      { name: 'error', type: 'int' },
    ],
  });
  const kept = keeper.keep(session, 'lab');
  const ended = session.run();
  try {
    await until('the start', LIMIT_MS, () => session.started ?? session.refused ?? undefined);
    expect(session.refused).toBeNull();
    const [joined] = await session.join({
      ...common,
      symbol: 'zs_seed_commit',
      parameters: [{ name: 'object', type: 'uint64_t' }],
    });
    expect(joined).toEqual({ kind: 'started', withArguments: true });
    await ask(connection, 'for i in 1 2 3; do echo $i >/sys/module/zs_seed/parameters/commit || exit; done');
    const calls = () => session.events.items.filter((event) => event.kind === 'call');
    await until('three commits', LIMIT_MS, () => {
      return calls().filter(({ symbol }) => symbol === 'zs_seed_commit').length >= 3 ? true : undefined;
    });
  } finally {
    session.dispose();
    await ended;
    kept.end('stopped');
    expect(await traceRests(connection, sessionId)).toBe('');
    await ask(connection, 'rmmod zs_seed');
  }
  return until('the file', LIMIT_MS, async () => {
    const [file] = await store.list();
    const read = file === undefined ? null : await readSessionFile(file.path);
    return read?.end == null ? undefined : read;
  });
}

it('the callback that is not reached any more is named first, then that the builds differ', async () => {
  const [before, after] = [await traced('with'), await traced('without')];
  const [first, second] = compareSessions(before, after, ['the old build', 'the new build']).split('\n');
  expect(first).toBe('zs_seed_callback is called 3 times in the old build and never in the new build.');
  const ids = [before, after].map(({ header }) => {
    const build = header.modules.find(({ module }) => module === 'zs_seed');
    return build?.buildId ?? '';
  });
  expect(ids[0]).toMatch(/^[0-9a-f]{40}$/);
  expect(second).toBe(
    `The builds of zs_seed differ: ${ids[0]?.slice(0, 12)} in the old build, ${ids[1]?.slice(0, 12)} in the new build.`,
  );
  const callbacks = before.events.flatMap((event) =>
    event.kind === 'call' && event.symbol === 'zs_seed_callback' ? [event.arguments] : [],
  );
  expect(callbacks).toEqual(
    ['1', '2', '3'].map((object) => [
      { name: 'object', value: object },
      { name: 'error', value: '-5' },
    ]),
  );
});
