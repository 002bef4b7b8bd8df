/** Arguments by the debug info of the module that runs in the VM, and the errors that it raises. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { btfFunction } from '../../src/core/symbols/btf/typed-function.ts';
import type { TypedFunction } from '../../src/core/symbols/value-type.ts';
import type { CallEvent, TraceStreamEvent } from '../../src/core/tracing/events.ts';
import { compareSessions } from '../../src/core/tracing/sessions/compare.ts';
import { readSession } from '../../src/core/tracing/sessions/read.ts';
import type { KeptSession, SessionHeader } from '../../src/core/tracing/sessions/session.ts';
import { SessionLines } from '../../src/core/tracing/sessions/write.ts';
import type { ErrorEvent, RaisedError } from '../../src/core/zfs/errno-lines.ts';
import { ErrorSites } from '../../src/core/zfs/errno-sites.ts';
import { membersOf } from '../../src/core/zfs/struct-members.ts';
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import { type TraceParams, traceFunction } from '../../src/target/collectors/trace-function.ts';
import { type WatchErrorsParams, watchErrors } from '../../src/target/collectors/watch-errors.ts';
import type { Connection } from '../../src/target/connection.ts';
import { readKernelTypes } from '../../src/target/kernel-types.ts';
import { findImage } from '../lab/image.ts';
import * as lab from '../lab/lab.ts';
import { labModule } from '../symbols/lab-module.ts';
import { connectToLab } from './connect.ts';
import { POOL } from './setup.ts';
import { ask, background, traceRests, until, Watched } from './target.ts';

let connection: Connection;
/** Writes a file and waits for it, some times a second. */
let writes: { end(): Promise<void> };
let debug: ReturnType<typeof openFile>;

beforeAll(async () => {
  const vm = await lab.requireUp();
  const image = await findImage();
  if (!image) throw new Error('the lab has no image');
  debug = openFile(labModule(image));
  connection = await connectToLab(vm);
  writes = await background(
    `while :; do dd if=/dev/zero of=/${POOL}/values bs=4k count=1 conv=fsync; sleep 0.2; done 2>/dev/null`,
  );
});

afterAll(async () => {
  debug?.source.dispose();
  await writes?.end();
  connection?.dispose();
});

function typed(symbol: string): TypedFunction {
  const [only] = debug.file.symbols(symbol);
  const found = only && debug.file.typedFunction(only, membersOf);
  if (!found) throw new Error(`no ${symbol}`);
  return found;
}

/** The session as a file would hold it. */
function kept(symbol: string, events: readonly TraceStreamEvent[], startedAt: number): KeptSession {
  const lines = new SessionLines();
  const { facts } = connection;
  const header: SessionHeader = {
    name: symbol,
    startedAt,
    target: {
      alias: 'lab',
      hostname: facts.hostname,
      kernel: facts.kernelRelease,
      machine: facts.machine,
      bootId: facts.bootId,
      zfsVersion: facts.zfsVersion,
    },
    modules: [],
    functions: [{ symbol, module: 'zfs', kind: 'calls', condition: '' }],
    tracer: 'ftrace',
    program: '',
  };
  const told = events.flatMap((event) =>
    event.kind === 'call' || event.kind === 'loss' ? [lines.event(event)] : [],
  );
  return readSession([lines.header(header), ...told].join(''));
}

/** The arguments of the first call that fits, by name. */
async function firstCall(symbol: string, fits: (values: Map<string, string>) => boolean) {
  const valuesOf = ({ arguments: values }: CallEvent) =>
    new Map(values.map(({ name, value }) => [name, value]));
  const params: TraceParams = {
    symbol,
    module: 'zfs',
    machine: connection.facts.machine,
    parameters: null,
    typed: typed(symbol),
    maxEvents: 100_000,
    maxSeconds: 300,
    sessionId: randomBytes(4).toString('hex'),
  };
  const watched = await Watched.start(connection, traceFunction, params);
  try {
    const isWanted = (event: TraceStreamEvent): event is CallEvent =>
      event.kind === 'call' && fits(valuesOf(event));
    const call = await watched.first(`a call of ${symbol}`, 60_000, isWanted);
    expect(watched.events[0]).toEqual({ kind: 'started', withArguments: true });
    const calls = watched.events.filter((event) => event.kind === 'call');
    const session = kept(symbol, calls, Date.now() - 1000);
    expect(session.events).toEqual(calls);
    expect(compareSessions(session, kept(symbol, [], Date.now()))).toMatch(
      new RegExp(`^${symbol} is called (?:once|[\\d,]+ times) in before and never in after\\.\\n`),
    );
    return valuesOf(call);
  } finally {
    expect((await watched.stop()).cleanUp).toBe('confirmed');
  }
}

it('arguments are read through pointers, from the stack, have the names of their constants, and are kept', async () => {
  const [commit, create] = await Promise.all([
    firstCall('zil_commit', (values) => values.get('zilog->zl_spa->spa_name') === `"${POOL}"`),
    // Its arguments from the seventh on are on the stack.
    firstCall(
      'zio_create',
      (values) => values.get('spa->spa_name') === `"${POOL}"` && values.get('type') === 'ZIO_TYPE_WRITE',
    ),
  ]);
  const inode = await ask(connection, `stat -c %i /${POOL}/values`);
  expect(commit.get('foid')).toBe(inode.trim());
  expect(create.get('priority')).toMatch(/^ZIO_PRIORITY_[A-Z_]+$/);
  expect(create.get('flags')).toMatch(/^0x[0-9a-f]+$/);
  expect(create.get('stage')).toMatch(/^ZIO_STAGE_[A-Z_|]+$/);
});

it('types that the kernel has of itself are those of debug info, and there are some of its own functions', async () => {
  const kernel = await readKernelTypes(connection, 'vmlinux');
  const zfs = await readKernelTypes(connection, 'zfs', kernel);
  if (kernel === null || zfs === null) throw new Error('the kernel has no BTF');
  for (const symbol of ['zil_commit', 'zio_create', 'dmu_buf_hold', 'arc_read', 'zfs_read', 'spa_sync']) {
    expect(btfFunction(zfs, symbol, 'x86-64', membersOf), symbol).toEqual(typed(symbol));
  }
  const symbol = 'vfs_fsync_range';
  const params: TraceParams = {
    symbol,
    module: null,
    machine: connection.facts.machine,
    parameters: null,
    typed: btfFunction(kernel, symbol, 'x86-64', membersOf),
    condition: 'comm == "dd"',
    maxEvents: 100_000,
    maxSeconds: 300,
    sessionId: randomBytes(4).toString('hex'),
  };
  const watched = await Watched.start(connection, traceFunction, params);
  try {
    const call = await watched.first('a call', 60_000, (event): event is CallEvent => event.kind === 'call');
    const values = new Map(call.arguments.map(({ name, value }) => [name, value]));
    expect([...values.keys()]).toEqual(['file', 'start', 'end', 'datasync']);
    // fs/sync.c, vfs_fsync: all of the file.
    expect([values.get('start'), values.get('end')]).toEqual(['0', `${2n ** 63n - 1n}`]);
    expect(values.get('datasync')).toBe('0');
  } finally {
    expect((await watched.stop()).cleanUp).toBe('confirmed');
  }
});

it('errors come with file, line, function, number and task: as many as were raised', async () => {
  const sessionId = randomBytes(4).toString('hex');
  const params: WatchErrorsParams = { sessionId, machine: connection.facts.machine };
  const watched = await Watched.start(connection, watchErrors, params);
  const isOurs = (event: ErrorEvent): event is RaisedError =>
    event.kind === 'error' && event.comm === 'zlookup';
  try {
    await watched.first('the start', 30_000, (event): event is ErrorEvent => event.kind === 'started');
    // Names that were not looked up before: each goes down to the directory's object once.
    await ask(
      connection,
      `sh -c 'printf zlookup >/proc/$$/comm; for i in 1 2 3 4 5 6 7; do [ -e /${POOL}/none-${sessionId}-$i ]; done; true'`,
    );
    const site = await until('the errors', 60_000, () => {
      const found = new ErrorSites();
      for (const event of watched.events.filter(isOurs)) {
        found.add(event, 0);
      }
      return found.all.find(({ file, count }) => file.endsWith('/zap_micro.c') && count === 7);
    });
    expect(site).toMatchObject({
      function: expect.stringMatching(/^zap_/),
      name: 'ENOENT',
      expected: true,
    });
    // The kernel's own count, which comes after the second in which it changed.
    const total = await watched.first(
      'the total',
      30_000,
      (event): event is ErrorEvent & { kind: 'total' } => event.kind === 'total',
    );
    expect(total.recording).toBe(true);
    expect(watched.events.some(({ kind }) => kind === 'loss')).toBe(false);
  } finally {
    expect(await watched.stop()).toMatchObject({ reason: 'stopped', cleanUp: 'confirmed', stderr: '' });
  }
  expect(await traceRests(connection, sessionId)).toBe('');
});
