/** Functions that the compiler inlined, traced in the VM at the instructions that debug info names. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CallEvent, TraceStreamEvent } from '../../src/core/tracing/events.ts';
import { Programs } from '../../src/core/tracing/program/programs.ts';
import { behindProbe, type ProbeSite, probeSites, tracedName } from '../../src/core/tracing/sites.ts';
import { membersOf } from '../../src/core/zfs/struct-members.ts';
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import {
  joinTrace,
  type SessionParams,
  type TraceParams,
  traceFunction,
} from '../../src/target/collectors/trace-function.ts';
import type { Connection } from '../../src/target/connection.ts';
import { findImage } from '../lab/image.ts';
import * as lab from '../lab/lab.ts';
import { labModule } from '../symbols/lab-module.ts';
import { connectToLab } from './connect.ts';
import { POOL } from './setup.ts';
import { ask, traceRests, Watched } from './target.ts';

/** What the process that waits for its writes calls itself. */
const COMM = 'zinlined';

let connection: Connection;
let debug: ReturnType<typeof openFile>;

beforeAll(async () => {
  const vm = await lab.requireUp();
  const image = await findImage();
  if (!image) throw new Error('the lab has no image');
  debug = openFile(labModule(image));
  connection = await connectToLab(vm);
  await ask(connection, `cp "$(command -v dd)" /dev/shm/${COMM}`);
});

afterAll(async () => {
  debug?.source.dispose();
  if (connection !== undefined) {
    await ask(connection, `rm -f /dev/shm/${COMM}`);
    connection.dispose();
  }
});

/** All places of a function, as they are traced; only the calls of the process. */
function placesOf(symbol: string, sessionId: string) {
  const { sites } = debug.file.inlinedSites(symbol, membersOf);
  return probeSites(sites).map(
    (site, i): TraceParams & { readonly site: ProbeSite; readonly index: number } => ({
      sessionId,
      symbol,
      module: 'zfs',
      machine: connection.facts.machine,
      parameters: null,
      typed: { arguments: sites[i]?.arguments ?? [], returns: null },
      site,
      condition: `comm == "${COMM}"`,
      maxEvents: 10_000,
      maxSeconds: 300,
      index: i,
    }),
  );
}

/** So many writes, each waited for: zil_commit_impl calls zil_commit_writer once for each (module/zfs/zil.c). */
const write = (times: number) =>
  ask(
    connection,
    `for i in $(seq ${times}); do /dev/shm/${COMM} if=/dev/zero of=/${POOL}/inlined bs=4k count=1 conv=fsync 2>/dev/null || exit; done`,
  );

it('each call of an inlined function is seen at its instruction, with its arguments and its stack', async () => {
  const sessionId = randomBytes(4).toString('hex');
  const [place] = placesOf('zil_commit_writer', sessionId);
  if (place === undefined) throw new Error('it was not inlined');
  const beside = placesOf('zil_lwb_write_open', sessionId).map((one) => ({ ...one, index: one.index + 1 }));
  // No instruction begins there.
  const between = { ...place, site: { symbol: 'zil_commit', offset: 1, at: 'nowhere' }, index: 99 };

  const programs = new Programs();
  const watched = await Watched.start<SessionParams, TraceStreamEvent>(connection, traceFunction, {
    ...place,
    programs,
  });
  const isCall = (event: TraceStreamEvent): event is CallEvent => event.kind === 'call';
  try {
    await watched.first('the start', 60_000, (event): event is TraceStreamEvent => event.kind === 'started');
    expect(watched.events[0]).toEqual({ kind: 'started', withArguments: true });
    const joining = [between, ...beside];
    const [refused, ...joined] = await connection.run(joinTrace, { sessionId, functions: joining });
    expect(joined).toEqual(beside.map(() => ({ kind: 'started', withArguments: true })));
    expect(refused).toMatchObject({ kind: 'refused', reason: 'no-probe' });
    expect(refused?.kind === 'refused' && refused.why).toMatch(/instruction boundary/);
    await write(5);
    await watched.first('the fifth call', 60_000, (event): event is CallEvent => {
      const seen = watched.events.filter(isCall).filter(({ symbol }) => symbol === tracedName(place));
      return isCall(event) && seen.length >= 5;
    });
  } finally {
    expect(await watched.stop()).toMatchObject({ cleanUp: 'confirmed', stderr: '' });
  }
  const calls = watched.events.filter(isCall).filter(({ symbol }) => symbol === tracedName(place));
  expect(calls.map(({ comm, symbol }) => `${comm} ${symbol}`)).toEqual(
    Array<string>(5).fill(`${COMM} ${tracedName(place)}`),
  );
  const { machine } = connection.facts;
  for (const { arguments: values, stack, symbol } of calls) {
    const byName = new Map(values.map(({ name, value }) => [name, value]));
    expect(byName.get('zilog->zl_spa->spa_name')).toBe(`"${POOL}"`);
    expect(stack.map((frame) => frame.symbol)).toContain('zfs_fsync');
    const [probe] = behindProbe(stack, symbol, machine);
    expect(probe).toMatchObject({ symbol: place.site.symbol, offset: place.site.offset + 1, module: 'zfs' });
    const lines = probe && debug.file.frame(probe, true)?.lines;
    expect(lines?.map((line) => line.function)).toContain('zil_commit_writer');
  }
  expect(await traceRests(connection, sessionId)).toBe('');
});
