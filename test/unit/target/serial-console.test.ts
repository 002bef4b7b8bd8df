import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ConsoleReader, openConsole, watched } from '../../../src/target/serial-console.ts';
import { identify } from '../../support/process-identity.ts';

let folder: string;
const owned: Array<{ dispose(): void }> = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-console-'));
});
afterEach(() => {
  for (const one of owned.splice(0)) one.dispose();
  rmSync(folder, { recursive: true });
});

async function opened(...args: Parameters<typeof openConsole>): Promise<ConsoleReader> {
  const reader = await openConsole(...args);
  owned.push(reader);
  return reader;
}

const text = async (reader: ConsoleReader) => (await reader.tail()).bytes.toString();

test('a file: its end, and what of it is new', async () => {
  const file = path.join(folder, 'log');
  writeFileSync(file, 'old\n');
  const reader = await opened({ kind: 'path', path: file });
  appendFileSync(file, 'new\n');
  expect(await reader.tail()).toEqual({ bytes: Buffer.from('old\nnew\n'), fresh: 4 });
  writeFileSync(file, 'x\n');
  expect(await reader.tail()).toEqual({ bytes: Buffer.from('x\n'), fresh: 2 });
  writeFileSync(file, Buffer.alloc(1_000_000, 'y'));
  const { bytes, fresh } = await reader.tail();
  expect([bytes.length, fresh]).toEqual([256 * 1024, 256 * 1024]);
});

test('a file that is not there fails when it is read, and not before', async () => {
  const reader = await opened({ kind: 'path', path: path.join(folder, 'none') });
  await expect(reader.tail()).rejects.toThrow(/ENOENT/);
});

test('a unix socket: what came since, of which the newest is kept', async () => {
  const socket = path.join(folder, 'sock');
  let client: Socket | null = null;
  const server: Server = createServer((connected) => {
    client = connected;
    connected.on('error', () => {});
    connected.write(`${'a'.repeat(600_000)}end`);
  });
  owned.push({ dispose: () => server.close() });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const reader = await opened({ kind: 'path', path: socket });
  await vi.waitFor(async () => expect((await text(reader)).endsWith('end')).toBe(true), 20_000);
  const { bytes, fresh } = await reader.tail();
  expect([bytes.length, fresh]).toEqual([256 * 1024, 256 * 1024]);
  expect(client).not.toBeNull();
});

test('a command, which ends with its reader', async () => {
  const reader = await opened({ kind: 'command', command: 'echo "[ 1.0] line"; echo $$; exec sleep 600' });
  await vi.waitFor(async () => expect(await text(reader)).toMatch(/line\n\d+\n/), 20_000);
  const pid = Number((await text(reader)).split('\n')[1]);
  reader.dispose();
  await vi.waitFor(() => expect(identify(pid)).toBeUndefined(), { timeout: 20_000 });
});

test.each([
  'exec sleep 600',
  // Goes on after a TERM.
  'trap : TERM; while :; do sleep 600 & wait; done',
])('a command that writes nothing ends with the process that started it: %s', async (command) => {
  const file = path.join(folder, 'pid');
  // The end of its stdin is all that a process leaves behind that was killed.
  const child = spawn('/bin/sh', watched(`echo $$ >'${file}.new'; mv '${file}.new' '${file}'; ${command}`), {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const pid = await vi.waitFor(() => Number(readFileSync(file, 'utf8')), 20_000);
  expect(identify(pid)).toBeDefined();
  child.stdin.destroy();
  await ended;
  await vi.waitFor(() => expect(identify(pid)).toBeUndefined(), { timeout: 20_000 });
});

test('a command that ends by itself leaves no watch, and its status', async () => {
  const child = spawn('/bin/sh', watched('ps -o pid= --ppid $PPID; exit 3'), {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const said: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => said.push(bytes));
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(3);
  const pids = Buffer.concat(said).toString().trim().split(/\s+/).map(Number);
  expect(pids.length).toBeGreaterThanOrEqual(2);
  for (const pid of pids) expect(identify(pid)).toBeUndefined();
});
