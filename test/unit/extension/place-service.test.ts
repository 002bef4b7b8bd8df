import { beforeEach, describe, expect, it } from 'vitest';
import type { Frame } from '../../../src/core/stack/frame.ts';
import type { LazyServer } from '../../../src/extension/source/lazy-server.ts';
import type { ModuleTransfers } from '../../../src/extension/source/module-transfers.ts';
import { PlaceService } from '../../../src/extension/source/place-service.ts';
import type {
  LocateParams,
  PreparedModule,
  PrepareModulesParams,
  RunningModule,
} from '../../../src/protocol/server.ts';
import type { LoadedBuild } from '../../../src/target/collectors/module-ids.ts';
import type { Connection } from '../../../src/target/connection.ts';

const frame: Frame = { symbol: 'zil_commit', offset: 8, size: 64, module: 'zfs', reliable: true };

/** What runs on the target. */
let loaded: Map<string, LoadedBuild>;
/** What the server was asked. */
let located: (readonly RunningModule[])[];
let prepared: (readonly RunningModule[])[];
/** What it says of a module. */
let outcome: Partial<PreparedModule>;
let cancel: AbortController;
let asked: number;
let connection: Connection;
let places: PlaceService;

beforeEach(() => {
  loaded = new Map([['zfs', { sign: 'A', buildId: 'aaaaaaaa' }]]);
  [located, prepared, outcome, asked, cancel] = [[], [], { ready: true }, 0, new AbortController()];
  const server = {
    request: async (kind: { method: string }, params: LocateParams & PrepareModulesParams) => {
      if (kind.method === 'zscope/locate') {
        located.push(params.modules);
        return { places: [] };
      }
      cancel.signal.throwIfAborted();
      prepared.push(params.modules);
      const modules = params.modules.map((one) => ({
        ...one,
        ready: false,
        remark: '',
        again: false,
        ...outcome,
      }));
      return { modules };
    },
  };
  const transfers = { begin: () => ({ target: 't', signal: cancel.signal, dispose: () => {} }) };
  // Only what the service calls of each.
  places = new PlaceService(server as unknown as LazyServer, transfers as unknown as ModuleTransfers);
  const run = async () => {
    asked += 1;
    return loaded;
  };
  connection = { run } as unknown as Connection;
});

const saw = (sign: string) => places.saw(connection, { builds: new Map([['zfs', sign]]), groups: [] });
const zfs = (buildId: string) => ({ module: 'zfs', buildId });

describe('places of frames', () => {
  it('are by the builds that run, once it is known which', async () => {
    saw('A');
    await places.known(connection, [frame]);
    expect(places.incomplete(connection, [frame])).toBe(true);
    expect(await places.learn(connection, [frame])).toEqual([]);
    expect(places.incomplete(connection, [frame])).toBe(false);
    await places.known(connection, [frame]);
    await places.learn(connection, [frame]);
    expect(located).toEqual([[], [zfs('aaaaaaaa')]]);
    expect([asked, prepared]).toEqual([1, [[zfs('aaaaaaaa')]]]);
  });

  it('are never by an old build for a new one, and stay by the old for what was seen before', async () => {
    saw('A');
    await places.learn(connection, [frame]);
    const before = places.builds(connection);
    expect(saw('A')).toBe(false);
    expect(saw('B')).toBe(true);
    loaded.set('zfs', { sign: 'B', buildId: 'bbbbbbbb' });
    await places.known(connection, [frame]);
    expect(places.incomplete(connection, [frame])).toBe(true);
    await places.learn(connection, [frame]);
    await places.known(connection, [frame]);
    await places.known(connection, [frame], before);
    expect(located).toEqual([[], [zfs('bbbbbbbb')], [zfs('aaaaaaaa')]]);
  });

  it('are by the build at once over a second connection', async () => {
    saw('A');
    await places.learn(connection, [frame]);
    const second = { ...connection } as Connection;
    places.saw(second, { builds: new Map([['zfs', 'A']]), groups: [] });
    await places.known(second, [frame]);
    expect([asked, located]).toEqual([1, [[zfs('aaaaaaaa')]]]);
    const third = { ...connection } as Connection;
    places.saw(third, { builds: new Map([['zfs', 'B']]), groups: [] });
    await places.known(third, [frame]);
    expect(located.at(-1)).toEqual([]);
  });

  it('wait for the next look when a module was loaded anew since the last', async () => {
    saw('A');
    loaded.set('zfs', { sign: 'B', buildId: 'bbbbbbbb' });
    await places.learn(connection, [frame]);
    await places.known(connection, [frame]);
    expect(located).toEqual([[]]);
    saw('B');
    await places.learn(connection, [frame]);
    await places.known(connection, [frame]);
    expect(located.at(-1)).toEqual([zfs('bbbbbbbb')]);
  });

  it('are not asked for again where there is nothing, soon again where it may pass', async () => {
    outcome = { remark: 'No debug info.' };
    expect(await places.learn(connection, [frame])).toEqual(['No debug info.']);
    // It holds as long as this build runs.
    expect(await places.learn(connection, [frame])).toEqual(['No debug info.']);
    // A server that was started since is told.
    await places.known(connection, [frame]);
    expect(located.at(-1)).toEqual([{ ...zfs('aaaaaaaa'), remark: 'No debug info.' }]);
    saw('A');
    saw('B');
    loaded.set('zfs', { sign: 'B', buildId: 'bbbbbbbb' });
    outcome = { ready: true };
    expect(await places.learn(connection, [frame])).toEqual([]);
    loaded.set('zfs', { sign: 'A', buildId: 'aaaaaaaa' });
    expect(places.incomplete(connection, [frame])).toBe(false);
    const other = { ...connection } as Connection;
    outcome = { remark: 'Lost.', again: true };
    expect(await places.learn(other, [frame])).toEqual(['Lost.']);
    expect(places.incomplete(other, [frame])).toBe(false);
  });

  it('need no build-id, and no file that the person does not want', async () => {
    loaded.clear();
    expect((await places.learn(connection, [frame]))[0]).toContain('no build-id');
    expect(places.incomplete(connection, [frame])).toBe(false);
    const other = { ...connection } as Connection;
    loaded.set('zfs', { sign: 'A', buildId: 'aaaaaaaa' });
    cancel.abort();
    expect((await places.learn(other, [frame]))[0]).toContain('cancelled');
    expect(places.incomplete(other, [frame])).toBe(false);
  });
});
