/** Arguments by the debug info of the module that runs in the VM. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TypedFunction } from '../../src/core/symbols/value-type.ts';
import type { CallEvent, TraceStreamEvent } from '../../src/core/tracing/events.ts';
import { membersOf } from '../../src/core/zfs/struct-members.ts';
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import { traceFunction } from '../../src/target/collectors/trace-function.ts';
import type { Connection } from '../../src/target/connection.ts';
import { findImage } from '../lab/image.ts';
import * as lab from '../lab/lab.ts';
import { labModule } from '../symbols/lab-module.ts';
import { connectToLab } from './connect.ts';
import { POOL } from './setup.ts';
import { ask, background, Watched } from './target.ts';

let connection: Connection;
let observer: Connection;
/** Writes a file and waits for it, some times a second. */
let writes: { end(): Promise<void> };
let debug: ReturnType<typeof openFile>;

beforeAll(async () => {
  const vm = await lab.requireUp();
  const image = await findImage();
  if (image === null) throw new Error('the lab has no image');
  debug = openFile(labModule(image));
  [connection, observer] = await Promise.all([connectToLab(vm), connectToLab(vm)]);
  writes = await background(
    `while :; do dd if=/dev/zero of=/${POOL}/values bs=4k count=1 conv=fsync; sleep 0.2; done 2>/dev/null`,
  );
});

afterAll(async () => {
  debug?.source.dispose();
  connection?.dispose();
  await writes?.end();
  await ask(observer, `rm -f /${POOL}/values`);
  observer?.dispose();
});

function typed(symbol: string): TypedFunction {
  const [only] = debug.file.symbols(symbol);
  const found = only && debug.file.typedFunction(only, membersOf);
  if (!found) throw new Error(`no ${symbol}`);
  return found;
}

/** The arguments of the first call that fits, by name. */
async function firstCall(symbol: string, fits: (values: Map<string, string>) => boolean) {
  const valuesOf = ({ arguments: values }: CallEvent) =>
    new Map(values.map(({ name, value }) => [name, value]));
  const watched = await Watched.start(connection, traceFunction, {
    symbol,
    module: 'zfs',
    machine: connection.facts.machine,
    parameters: null,
    typed: typed(symbol),
    maxEvents: 100_000,
    maxSeconds: 300,
    sessionId: randomBytes(4).toString('hex'),
  });
  try {
    const isWanted = (event: TraceStreamEvent): event is CallEvent =>
      event.kind === 'call' && fits(valuesOf(event));
    const call = await watched.first(`a call of ${symbol}`, 60_000, isWanted);
    expect(watched.events[0]).toEqual({ kind: 'started', withArguments: true });
    return valuesOf(call);
  } finally {
    expect((await watched.stop()).cleanUp).toBe('confirmed');
  }
}

it('are read through pointers, from the stack, and have the names of their constants', async () => {
  const [commit, create] = await Promise.all([
    firstCall('zil_commit', (values) => values.get('zilog->zl_spa->spa_name') === `"${POOL}"`),
    // Its arguments from the seventh on are on the stack.
    firstCall(
      'zio_create',
      (values) => values.get('spa->spa_name') === `"${POOL}"` && values.get('type') === 'ZIO_TYPE_WRITE',
    ),
  ]);
  const inode = await ask(observer, `stat -c %i /${POOL}/values`);
  expect(commit.get('foid')).toBe(inode.trim());
  expect(create.get('priority')).toMatch(/^ZIO_PRIORITY_[A-Z_]+$/);
  expect(create.get('flags')).toMatch(/^0x[0-9a-f]+$/);
  expect(create.get('stage')).toMatch(/^ZIO_STAGE_[A-Z_|]+$/);
});
