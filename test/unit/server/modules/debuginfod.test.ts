import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
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

it('takes http servers from the environment, but for those with a password, which it does not tell', () => {
  const log: string[] = [];
  const servers = (urls?: string) => debuginfodServers({ DEBUGINFOD_URLS: urls }, (line) => log.push(line));
  expect(servers()).toEqual([]);
  expect(servers(' https://a.example/ http://b.example:8002/@x file:///c ima:enforcing ')).toEqual([
    'https://a.example/',
    'http://b.example:8002/@x',
  ]);
  expect(log).toEqual([]);
  expect(servers('https://me:canary@a.example/ http://b.example')).toEqual(['http://b.example']);
  expect(log).toEqual([expect.stringContaining('DEBUGINFOD_URLS is not asked')]);
  expect(log[0]).not.toContain('canary');
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
  expect(
    await fetchDebugInfo(`${url}/sub/`, BUILD, to(), signal(), { progress: (...so) => told.push(so) }),
  ).toBe(true);
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

/** Serves the sample as a file of this version, from where it is asked for, and remembers the questions. */
function serve(version: Readonly<Record<string, string>>, content = sample('zlog.ko')) {
  const asked: (string | undefined)[] = [];
  const cut = { after: Number.POSITIVE_INFINITY };
  handle = (request, response) => {
    const { range, 'if-range': of } = request.headers;
    asked.push(range);
    const from = Object.values(version).includes(of as string)
      ? Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
      : 0;
    const headers = { ...version, 'content-length': content.length - from };
    if (from > content.length) {
      response.writeHead(416).end();
    } else if (from === 0) {
      response.writeHead(200, headers);
    } else {
      response.writeHead(206, {
        ...headers,
        'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
      });
    }
    if (cut.after < content.length - from) {
      response.write(content.subarray(from, from + cut.after));
      const watch = setInterval(() => {
        if ((statSync(to(), { throwIfNoEntry: false })?.size ?? 0) > 0) {
          clearInterval(watch);
          response.destroy();
        }
      }, 5);
    } else {
      response.end(content.subarray(from));
    }
  };
  return { asked, cut };
}

const got = () => readFileSync(to());

it.each([{ etag: '"one"' }, { 'last-modified': 'Mon, 01 Sep 2025 10:00:00 GMT' }])(
  'goes on where an answer broke off: %j',
  async (version) => {
    const { asked, cut } = serve(version);
    cut.after = 1000;
    await failureOf(fetchDebugInfo(url, BUILD, to(), signal()));
    const kept = got().length;
    expect(kept).toBeGreaterThan(0);
    cut.after = Number.POSITIVE_INFINITY;
    const told: (readonly [number, number | null])[] = [];
    const progress = (...so: readonly [number, number | null]) => told.push(so);
    expect(await fetchDebugInfo(url, BUILD, to(), signal(), { progress })).toBe(true);
    expect(asked).toEqual([undefined, `bytes=${kept}-`]);
    expect(got().equals(sample('zlog.ko'))).toBe(true);
    expect(told[0]).toEqual([kept, sample('zlog.ko').length]);
  },
);

it('begins anew where a server has another file by now, ignores what is asked, or sends something else', async () => {
  const left = async (record: object) => {
    writeFileSync(to(), 'what came before');
    writeFileSync(`${to()}.json`, JSON.stringify(record));
    expect(await fetchDebugInfo(url, BUILD, to(), signal())).toBe(true);
    expect(got().equals(sample('zlog.ko'))).toBe(true);
  };
  const asked = `${url}/buildid/${BUILD}/debuginfo`;
  // Another version.
  serve({ etag: '"two"' });
  await left({ url: asked, version: '"one"' });
  // Another server's part, and one of which nothing is known.
  await left({ url: 'http://other', version: '"two"' });
  await left({});
  const whole: RequestListener = (_, response) => {
    response.writeHead(200, { etag: '"two"' }).end(sample('zlog.ko'));
  };
  handle = whole;
  await left({ url: asked, version: '"two"' });
  // A part that is longer than the file, and an answer that begins elsewhere.
  for (const answer of [
    { status: 416, headers: {} },
    { status: 206, headers: { 'content-range': 'bytes 3-9/10' } },
    { status: 206, headers: {} },
  ]) {
    handle = (request, response) =>
      request.headers.range === undefined
        ? whole(request, response)
        : response.writeHead(answer.status, answer.headers).end('else');
    await left({ url: asked, version: '"two"' });
  }
});

it('does not go on with what was packed on the way, or has a weak tag', async () => {
  for (const headers of [{ etag: '"one"', 'content-encoding': 'gzip' }, { etag: 'W/"one"' }]) {
    const content = 'content-encoding' in headers ? gzipSync(sample('zlog.ko')) : sample('zlog.ko');
    handle = (_, response) => response.writeHead(200, headers).end(content);
    expect(await fetchDebugInfo(url, BUILD, to(), signal())).toBe(true);
    expect(got().equals(sample('zlog.ko'))).toBe(true);
    expect(existsSync(`${to()}.json`)).toBe(false);
  }
});

it('follows a server that sends it elsewhere, but not for ever', async () => {
  handle = (request, response) =>
    request.url === '/elsewhere'
      ? response.end(sample('zlog.ko'))
      : response.writeHead(302, { location: '/elsewhere' }).end();
  expect(await fetchDebugInfo(url, BUILD, to(), signal())).toBe(true);
  expect(got().equals(sample('zlog.ko'))).toBe(true);
  handle = (_, response) => response.writeHead(302, { location: '/again' }).end();
  expect((await failureOf(fetchDebugInfo(url, BUILD, to(), signal()))).code).toBe('unreachable');
});

it('does not wait for ever, for the answer or for what is behind its beginning', async () => {
  const patience = { answerMs: 200, idleMs: 200 };
  const late = async () => {
    const failure = await failureOf(fetchDebugInfo(url, BUILD, to(), signal(), { patience }));
    expect(failure.message).toContain('no answer in time');
  };
  handle = () => {};
  await late();
  handle = (_, response) => response.writeHead(200, { etag: '"one"' }).write('beginning');
  await late();
});

it('keeps what came when it is stopped', async () => {
  const abort = new AbortController();
  const { asked } = serve({ etag: '"one"' });
  const whole = handle;
  handle = (_, response) =>
    response.writeHead(200, { etag: '"one"' }).write(sample('zlog.ko').subarray(0, 500));
  const progress = (done: number) => {
    if (done > 0) abort.abort();
  };
  await expect(fetchDebugInfo(url, BUILD, to(), abort.signal, { progress })).rejects.toMatchObject({
    name: 'AbortError',
  });
  handle = whole;
  expect(await fetchDebugInfo(url, BUILD, to(), signal())).toBe(true);
  expect(asked).toHaveLength(1);
  expect(got().equals(sample('zlog.ko'))).toBe(true);
});

it('can be stopped', async () => {
  const abort = new AbortController();
  handle = () => abort.abort();
  await expect(fetchDebugInfo(url, BUILD, to(), abort.signal)).rejects.toMatchObject({ name: 'AbortError' });
});
