import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tryLock, withLock } from '../support/lock.ts';
import { identify, isAlive, parseStat } from '../support/process-identity.ts';
import { findDebianMirrors, parseListFile, parseSourcesFile, sourceLines } from './apt-sources.ts';
import { parseHungTasks } from './lab.ts';
import { isIntact, writeManifest } from './manifest.ts';
import { run, sleep } from './processes.ts';
import { chooseAccelerator, freePort, qemuArguments } from './qemu.ts';
import { imageHash, packages, rootfsHash } from './recipe.ts';
import { greetsSsh } from './ssh.ts';
import { readState, writeState } from './state.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'zscope-lab-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the apt configuration of the host', () => {
  it('is read from one-line files', () => {
    const text = [
      '# deb http://old.example/debian bookworm main',
      'deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian/ bookworm main contrib # note',
      'deb-src http://mirror.example/debian bookworm main',
      'deb http://security.example/debian-security bookworm-security main',
      'deb cdrom:',
      '',
    ].join('\n');
    expect(parseListFile(text)).toEqual([
      { uri: 'http://mirror.example/debian', suite: 'bookworm', components: ['main', 'contrib'] },
      { uri: 'http://security.example/debian-security', suite: 'bookworm-security', components: ['main'] },
    ]);
  });

  it('is read from deb822 files: comments inside stanzas, continued fields, disabled stanzas', () => {
    const text = [
      'Types: deb deb-src',
      '# a snapshot of it: http://old.example/',
      'URIs: http://mirror.example/debian',
      'Suites: bookworm',
      ' bookworm-updates',
      'Components: main',
      'Signed-By:',
      ' -----BEGIN PGP PUBLIC KEY BLOCK-----',
      ' .',
      ' Types: deb',
      '',
      'Enabled: no',
      'Types: deb',
      'URIs: http://off.example/debian',
      'Suites: bookworm',
      'Components: main',
      ' ',
      'Types: deb-src',
      'URIs: http://source.example/debian',
      'Suites: bookworm',
      'Components: main',
    ].join('\n');
    expect(parseSourcesFile(text)).toEqual([
      { uri: 'http://mirror.example/debian', suite: 'bookworm', components: ['main'] },
      { uri: 'http://mirror.example/debian', suite: 'bookworm-updates', components: ['main'] },
    ]);
  });

  it("names Debian's own archive, not a third party's", () => {
    const sources = [
      { uri: 'http://vendor.example/apt', suite: 'vendor-bookworm', components: ['main'] },
      { uri: 'http://vendor.example/linux', suite: 'bookworm', components: ['stable'] },
      { uri: 'http://mirror.example/debian', suite: 'bookworm', components: ['main'] },
      { uri: 'http://mirror.example/security', suite: 'bookworm-security', components: ['main'] },
    ];
    const mirrors = findDebianMirrors(sources, 'bookworm');
    expect(mirrors).toEqual({
      main: 'http://mirror.example/debian',
      security: 'http://mirror.example/security',
    });
    expect(findDebianMirrors(sources.slice(0, 2), 'bookworm')).toBeUndefined();
    expect(mirrors && sourceLines(mirrors, 'trixie')).toEqual([
      'deb http://mirror.example/debian trixie main contrib',
      'deb http://mirror.example/debian trixie-updates main contrib',
      'deb http://mirror.example/security trixie-security main contrib',
    ]);
  });
});

describe('the lock', () => {
  const silent = (): void => {};

  it('lets one task in at a time', async () => {
    const file = join(dir, 'lock');
    let inside = 0;
    let most = 0;
    let finished = 0;
    const task = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      await sleep(20);
      inside--;
      finished++;
    };
    await Promise.all([1, 2, 3].map((n) => withLock(file, `task ${n}`, silent, task)));
    expect([most, finished]).toEqual([1, 3]);
  });

  it('is given back when the task fails', async () => {
    const file = join(dir, 'lock');
    await expect(withLock(file, 'a', silent, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(tryLock(file, 'b')).toBe(true);
  });

  it('is not taken from a living process, but from a dead one', async () => {
    const file = join(dir, 'lock');
    const holder = spawn('sleep', ['60']);
    const gone = new Promise((resolve) => holder.on('close', resolve));
    const identity = identify(holder.pid ?? 0);
    writeFileSync(file, JSON.stringify({ ...identity, purpose: 'sleeping' }));
    expect(tryLock(file, 'mine')).toBe(false);
    holder.kill('SIGKILL');
    await gone;
    expect(tryLock(file, 'mine')).toBe(true);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: process.pid, purpose: 'mine' });
  });

  it('is taken from a process whose id now belongs to another', () => {
    const file = join(dir, 'lock');
    writeFileSync(file, JSON.stringify({ pid: process.pid, startTicks: 1, purpose: 'long ago' }));
    expect(tryLock(file, 'now')).toBe(true);
  });
});

describe('a process', () => {
  it('is recognised by its start time, whatever its name', () => {
    const fields = Array.from({ length: 49 }, (_, i) => String(i + 4));
    expect(parseStat(`7 (a) b (c) D ${fields.join(' ')}\n`)).toEqual({ state: 'D', startTicks: 22 });
    expect(parseStat('')).toBeUndefined();
    const self = identify(process.pid);
    expect(self && isAlive(self)).toBe(true);
    expect(self && isAlive({ ...self, startTicks: self.startTicks + 1 })).toBe(false);
  });

  it('is given its input, and ended at its time limit', async () => {
    const cat = await run('sh', ['-c', 'cat; echo err >&2; exit 3'], { input: 'x' });
    expect(cat).toEqual({ stdout: 'x', stderr: 'err\n', code: 3 });
    await expect(run('sh', ['-c', 'sleep 30 & wait'], { timeoutMs: 100 })).rejects.toThrow('100 ms');
  });
});

describe('the manifest', () => {
  const write = (name: string, text: string): void => writeFileSync(join(dir, name), text);

  it('notices a file that is missing, longer, or different', async () => {
    expect(await isIntact(dir)).toBe(false);
    write('a', 'aaaa');
    write('b', 'bbbb');
    await writeManifest(dir, ['a', 'b']);
    expect(await isIntact(dir)).toBe(true);
    write('a', 'aaaaa');
    expect(await isIntact(dir)).toBe(false);
    write('a', 'aaXa');
    utimesSync(join(dir, 'a'), 1, 1);
    expect(await isIntact(dir)).toBe(false);
    rmSync(join(dir, 'a'));
    expect(await isIntact(dir)).toBe(false);
  });

  it('takes a touched file for whole when its content is', async () => {
    write('a', 'aaaa');
    await writeManifest(dir, ['a']);
    utimesSync(join(dir, 'a'), 1, 1);
    expect(await isIntact(dir)).toBe(true);
  });
});

describe('the state', () => {
  it('comes back as it was written, and garbage as nothing', () => {
    expect(readState(dir)).toBeUndefined();
    const state = {
      port: 4022,
      imageId: 'abc',
      imageDir: '/images/1',
      vm: { process: { pid: 7, startTicks: 99 }, accelerator: 'tcg', startedAt: 5 },
    } as const;
    writeState(dir, state);
    expect(readState(dir)).toEqual(state);
    for (const bad of ['', '[]', '{"port":"1"}', JSON.stringify({ ...state, vm: { process: 1 } })]) {
      writeFileSync(join(dir, 'state.json'), bad);
      expect(readState(dir)).toBeUndefined();
    }
  });
});

describe('the emulator', () => {
  it('uses KVM only where the processor can virtualise', () => {
    expect(chooseAccelerator('flags\t\t: fpu svm lm\n', true)).toBe('kvm');
    expect(chooseAccelerator('flags\t\t: fpu vmx lm\n', true)).toBe('kvm');
    expect(chooseAccelerator('flags\t\t: fpu svm lm\n', false)).toBe('tcg');
    // `svm_lock` and the name of a bug are not the flag.
    expect(chooseAccelerator('flags\t\t: fpu svm_lock\nbugs\t\t: vmx\n', true)).toBe('tcg');
  });

  it('listens on the loopback address only and lets the guest reach nothing', () => {
    const files = {
      ...{ kernel: '/a,b/vmlinuz', initrd: '/a,b/initrd.img', overlay: '/a,b/overlay' },
      ...{ poolDisk: '/a,b/pool', console: '/a,b/console', pidFile: '/a,b/pid', monitor: '/a,b/monitor' },
    };
    const args = qemuArguments(files, 4022, 'tcg');
    expect(args).toContain('user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:4022-:22');
    expect(args.filter((arg) => arg.includes('hostfwd'))).toHaveLength(1);
    expect(args).toContain('file=/a,,b/overlay,format=qcow2,if=virtio,cache=unsafe');
    expect(args).toContain('unix:/a,,b/monitor,server=on,wait=off');
    const far = { ...files, monitor: `/${'a'.repeat(107)}` };
    expect(qemuArguments(far, 4022, 'tcg')).not.toContain('-qmp');
  });

  it('keeps its port while nobody else has it', async () => {
    const port = await freePort(undefined);
    expect(await freePort(port)).toBe(port);
    const server = createServer((socket) => socket.end('HTTP/1.0 400\r\n')).listen(port, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await freePort(port)).not.toBe(port);
    expect(await greetsSsh(port, 2_000)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
    expect(await greetsSsh(port, 2_000)).toBe(false);
  });
});

describe('the recipe', () => {
  it('names no package twice and hashes to the same name each time', () => {
    expect(new Set(packages).size).toBe(packages.length);
    expect(imageHash()).toBe(imageHash());
    expect(imageHash()).not.toBe(rootfsHash());
  });
});

it('reads what hang.sh prints', () => {
  expect(parseHungTasks('615 sync D\n584 txg_sync D\n')).toEqual([
    { pid: 615, comm: 'sync' },
    { pid: 584, comm: 'txg_sync' },
  ]);
});
