import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { debuginfodServers, fetchDebugInfo } from '../../../../src/server/modules/debuginfod.ts';
import { failureOf } from '../../../support/failure-of.ts';
import { BUILD, sample } from './sample.ts';

let folder: string;
let server: Server;
let url: string;
let handle: RequestListener;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'zscope-debuginfod-'));
  server = createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const signal = () => new AbortController().signal;
const to = () => path.join(folder, 'got');

it('takes http servers from the environment', () => {
  expect(debuginfodServers({})).toEqual([]);
  expect(
    debuginfodServers({
      DEBUGINFOD_URLS: ' https://a.example/ http://b.example:8002 file:///c ima:enforcing ',
    }),
  ).toEqual(['https://a.example/', 'http://b.example:8002']);
});

it('gets the debug info of a build, and says how far it is', async () => {
  handle = (request, response) => {
    if (request.url === `/sub/buildid/${BUILD}/debuginfo`) {
      response.setHeader('content-length', sample('zlog.ko').length);
      response.end(sample('zlog.ko'));
    } else {
      response.writeHead(404).end();
    }
  };
  const told: (readonly [number, number | null])[] = [];
  expect(await fetchDebugInfo(`${url}/sub/`, BUILD, to(), signal(), (...so) => told.push(so))).toBe(true);
  expect(readFileSync(to()).equals(sample('zlog.ko'))).toBe(true);
  expect(told.at(-1)).toEqual([sample('zlog.ko').length, sample('zlog.ko').length]);
  expect(await fetchDebugInfo(url, BUILD, to(), signal())).toBe(false);
});

it('says what is wrong with a server', async () => {
  handle = (_, response) => response.writeHead(503).end();
  expect((await failureOf(fetchDebugInfo(url, BUILD, to(), signal()))).message).toContain('status 503');
  handle = (_, response) => {
    response.setHeader('content-length', 1000);
    response.write('half');
    setTimeout(() => response.destroy(), 20);
  };
  expect((await failureOf(fetchDebugInfo(url, BUILD, to(), signal()))).code).toBe('unreachable');
  expect((await failureOf(fetchDebugInfo('http://127.0.0.1:1', BUILD, to(), signal()))).code).toBe(
    'unreachable',
  );
});

it('can be stopped', async () => {
  const abort = new AbortController();
  handle = () => abort.abort();
  await expect(fetchDebugInfo(url, BUILD, to(), abort.signal)).rejects.toMatchObject({ name: 'AbortError' });
});
