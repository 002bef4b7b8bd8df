/** The server process with a target that a client stands for. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { CancellationTokenSource } from 'vscode-languageserver/node';
import {
  type FetchModuleParams,
  type FetchModuleResult,
  fetchModuleRequest,
  inlinedSitesRequest,
  locateRequest,
  moduleProgress,
  prepareModulesRequest,
  typedFunctionRequest,
} from '../../../../src/protocol/server.ts';
import { buildServer, ServerProcess } from '../server-process.ts';
import { BUILD, FRAME, OTHER_BUILD, sample } from './sample.ts';

let built: Awaited<ReturnType<typeof buildServer>>;
let folder: string;
let server: ServerProcess;
let fetch: (params: FetchModuleParams, isCancelled: Promise<void>) => Promise<FetchModuleResult>;

async function start(): Promise<void> {
  server = new ServerProcess(built.bundle, 'ipc');
  server.connection.onRequest<unknown, void>(fetchModuleRequest.method, (params: FetchModuleParams, token) =>
    fetch(params, new Promise((resolve) => token.onCancellationRequested(() => resolve()))),
  );
  await server.initialize([path.join(folder, 'source')], {}, { storagePath: path.join(folder, 'storage') });
}

beforeAll(async () => {
  built = await buildServer();
});
afterAll(() => built.remove());
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'zscope-service-'));
  mkdirSync(path.join(folder, 'source/module/zfs'), { recursive: true });
  writeFileSync(path.join(folder, 'source/module/zfs/zlog.c'), sample('zlog.c'));
  await start();
});
afterEach(() => {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
});

const modules = [{ module: 'zfs', buildId: BUILD }];

async function located() {
  const { places } = await server.request(locateRequest, { stacks: [[FRAME]], modules });
  return places[0]?.[0]?.map((place) => [place.function, place.path, place.line, place.how]);
}

const definition = [['zlog_commit', 'module/zfs/zlog.c', 14, 'function']];
const exact = [
  ['zlog_write_all', 'module/zfs/zlog.c', 10, 'dwarf'],
  ['zlog_commit', 'module/zfs/zlog.c', 18, 'dwarf'],
];

it('knows the values of a function once the debug info of the build is here', async () => {
  const ask = (symbol: string) => server.request(typedFunctionRequest, { symbol, modules });
  expect(await ask('zlog_commit')).toBeNull();
  fetch = async ({ part }) => {
    writeFileSync(part, sample('zlog.ko'));
    return { outcome: 'fetched', path: '/lib/modules/zfs.ko' };
  };
  await server.request(prepareModulesRequest, { target: 't', modules });
  expect(await ask('zlog_commit')).toMatchObject({
    arguments: [
      { name: 'log', declared: 'zlog_t *', place: { kind: 'register', register: 'rdi' } },
      { name: 'flags', type: { kind: 'integer', size: 4, isSigned: true, means: 'number' } },
    ],
    returns: { kind: 'integer', size: 4 },
  });
  expect(await ask('no_such_function')).toBeNull();
});

it('knows where a function was inlined once the debug info of the build is here, and in which build that is', async () => {
  const ask = (name: string) => server.request(inlinedSitesRequest, { name, modules });
  expect(await ask('zlog_write_all')).toEqual([]);
  fetch = async ({ part }) => {
    writeFileSync(part, sample('zlog.ko'));
    return { outcome: 'fetched', path: '/lib/modules/zfs.ko' };
  };
  await server.request(prepareModulesRequest, { target: 't', modules });
  expect(await ask('zlog_write_all')).toMatchObject([
    {
      build: modules[0],
      hidden: 0,
      sites: [{ symbol: 'zlog_commit', callers: [{ function: 'zlog_commit', line: 18 }] }],
    },
  ]);
  expect(await ask('zlog_commit')).toEqual([]);
});

it('gives exact lines once the module was fetched, and at once the next time', async () => {
  const asked: FetchModuleParams[] = [];
  const told: unknown[] = [];
  server.connection.onNotification(moduleProgress.method, (progress) => {
    told.push(progress);
  });
  fetch = async (params) => {
    asked.push(params);
    writeFileSync(params.part, sample('zlog.ko.xz'));
    return { outcome: 'fetched', path: '/lib/modules/zfs.ko.xz' };
  };
  expect(await located()).toEqual(definition);
  const prepared = await server.request(prepareModulesRequest, { target: 'a', modules });
  expect(prepared).toEqual({ modules: [{ ...modules[0], ready: true, remark: '', again: false }] });
  expect(asked).toMatchObject([{ target: 'a', module: 'zfs', buildId: BUILD, debugLink: null, skip: [] }]);
  expect(told).toEqual([{ target: 'a', module: 'zfs', doing: 'unpacking', done: 0, total: null }]);
  expect(await located()).toEqual(exact);
  expect(await server.end()).toBe(0);
  await start();
  expect(await located()).toEqual(exact);
});

it('takes no lines of one build for another', async () => {
  fetch = async (params) => {
    writeFileSync(params.part, sample('zlog.ko.xz'));
    return { outcome: 'fetched', path: params.skip.length === 0 ? '/lib/a' : '/lib/b' };
  };
  await server.request(prepareModulesRequest, { target: 'a', modules });
  const other = [{ module: 'zfs', buildId: OTHER_BUILD }];
  const { places } = await server.request(locateRequest, { stacks: [[FRAME]], modules: other });
  expect(places[0]?.[0]?.map(({ how }) => how)).toEqual(['function']);
});

it('answers other questions while a module is fetched, and lets it be cancelled', async () => {
  let begun: () => void = () => {};
  const fetching = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let sawCancel = false;
  fetch = async (_, cancelled) => {
    begun();
    await cancelled;
    sawCancel = true;
    return { outcome: 'failed', why: 'cancelled' };
  };
  const source = new CancellationTokenSource();
  const params = { target: 'a', modules };
  const preparing = server.connection.sendRequest(prepareModulesRequest.method, params, source.token);
  await fetching;
  expect(await located()).toEqual(definition);
  source.cancel();
  await expect(preparing).rejects.toThrow();
  await expect.poll(() => sawCancel).toBe(true);
});
