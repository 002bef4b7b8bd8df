import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { facts } from '../../src/target/collectors/facts.ts';
import { kernelLines } from '../../src/target/collectors/kernel-lines.ts';
import { moduleIds } from '../../src/target/collectors/module-ids.ts';
import { isModuleLoaded } from '../../src/target/collectors/module-loaded.ts';
import { taskSnapshot } from '../../src/target/collectors/task-snapshot.ts';
import { supervise } from '../../src/target/supervisor.ts';
import { until } from './server.ts';

/** Where programs, their libraries and locales are: read by the kernel and the loader, and in memory once anything ran. */
const PROGRAMS = /^\/(?:usr|bin|sbin|lib|lib64|etc\/ld\.so\.\w+)(?:\/|$)/;
/** What is in memory and waits for no disk; of another process not what takes the lock of its memory (proc(5)). */
const IN_MEMORY =
  /^\/(?:$|(?:sys|dev|run)(?:\/|$)|proc(?!\/\d+\/(?:task\/\d+\/)?(?:auxv|cmdline|cwd|environ|exe|fd|maps|mem|numa_maps|smaps\w*)\b))/;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'zscope-touched-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a script names in any system call. */
async function touched(script: string): Promise<string[]> {
  const log = path.join(folder, 'log');
  const tracer = spawn('strace', ['-f', '-qq', '-e', 'trace=%file', '-o', log, '/bin/sh'], {
    cwd: '/',
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/home/of-a-disk-that-hangs',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  tracer.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString();
  });
  const ended = new Promise((resolve) => tracer.on('close', resolve));
  tracer.stdin.write(
    supervise({ nonce: 'a'.repeat(32), preamble: '', script, cleanup: '', kind: 'question' }),
  );
  try {
    await until('its end', 60_000, () => / end \w+ \d+ \w+\n$/.test(output));
  } finally {
    tracer.stdin.end();
    await ended;
  }
  expect(output).toMatch(/ end finished 0 none\n$/);
  const named = readFileSync(log, 'utf8').matchAll(/^\d+ +\w+\((?:AT_FDCWD, |\d+, )?"([^"]*)"/gm);
  // Names of no file are those of one that is open; what is relative is below /proc, where some scripts go.
  const names = [...named].map((match) => match[1] ?? '').filter((name) => name !== '' && name !== '.');
  return [...new Set(names.map((name) => path.resolve('/proc', name)))];
}

// Without root it is sudo that looks at files.
const canTrace =
  process.getuid?.() === 0 && spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0;
test.runIf(canTrace).each([
  ['facts', facts.script(null)],
  ['task-snapshot', taskSnapshot.script(null)],
  ['kernel-lines', kernelLines.script({ after: -1 })],
  ['module-loaded', isModuleLoaded.script({ module: 'zfs' })],
  ['module-ids', moduleIds.script({ modules: ['zfs'] })],
])('%s touches nothing that can join a hang', { timeout: 90_000 }, async (_name, script) => {
  const paths = await touched(script);
  expect(paths.length).toBeGreaterThan(5);
  expect(paths.filter((name) => !PROGRAMS.test(name) && !IN_MEMORY.test(name))).toEqual([]);
});
