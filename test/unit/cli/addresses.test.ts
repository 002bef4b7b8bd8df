import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Installed } from '../../support/installed-cli.ts';

const module = 'test/unit/server/modules/sample/zlog.ko';

// Processes are started, some dozen in a test: beside other work that takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let installed: Installed;

beforeAll(async () => {
  installed = await Installed.make();
});
afterAll(() => installed.remove());

const run: Installed['run'] = (...args) => installed.run(...args);

describe('addresses', () => {
  const inlined = [
    'zlog_write_all',
    '/var/lib/dkms/zfs/2.3.9/build/module/zfs/zlog.c:10',
    'zlog_commit',
    '/var/lib/dkms/zfs/2.3.9/build/module/zfs/zlog.c:18',
  ];

  it('prints function and place of each, as addr2line does', async () => {
    const commit = await run(['addresses', '-m', module, 'zlog_commit+0x1a/0x25']);
    expect([commit.stdout.split('\n'), commit.status]).toEqual([[...inlined, ''], 0]);
  });

  it('reads plain numbers, sections and symbols, as lines too, and says where nothing is known', async () => {
    const named = await run(['addresses', '-m', module, '-a', 'zlog_commit+0x1a']);
    const lines = [
      'zlog_commit+0x1a',
      ...inlined,
      'zlog_commit+0x1a/0x99',
      '??',
      '??:0',
      '0xfffffff',
      '??',
      '??:0',
    ];
    const asked = 'zlog_commit+0x1a\r\nzlog_commit+0x1a/0x99\n0xfffffff';
    const { stdout } = await run(['addresses', '-m', module, '-a'], asked);
    expect(stdout.split('\n')).toEqual([...lines, '']);
    expect(stdout.startsWith(named.stdout)).toBe(true);
  });

  it('says of a file without debug info why it knows nothing', async () => {
    const stripped = 'test/unit/server/modules/sample/stripped.ko';
    const { stdout, stderr } = await run(['addresses', '-m', stripped, '0']);
    expect([stdout, stderr]).toEqual([
      '??\n??:0\n',
      `zscope: ${stripped} has no debug info: nothing is known of its addresses.\n`,
    ]);
  });

  it('says that a module has no such section', async () => {
    const { stdout, stderr, status } = await run(['addresses', '-m', module, '--section', '.nosuch', '0']);
    expect([stdout, status]).toEqual(['', 1]);
    expect(stderr).toContain(`${module} has no section .nosuch with anything in it that is loaded.`);
    expect((await run(['addresses', '-m', module, '--section', '.text', '0'])).stderr).toBe('');
  });

  it('answers a hundred thousand at once as it answers each', async () => {
    const asked = Array.from({ length: 100_000 }, (_, i) => ((i * 7919) % 64).toString(16));
    const { stdout } = await run(['addresses', '-m', module], asked.join('\n'));
    const alone = await run(
      ['addresses', '-m', module],
      asked
        .slice(0, 64)
        .map((one) => `.text+0x${one}`)
        .join('\n'),
    );
    expect(alone.stdout.match(/zlog\.c:/g)?.length).toBeGreaterThan(30);
    expect(stdout.slice(0, alone.stdout.length)).toBe(alone.stdout);
    expect(stdout.length).toBeGreaterThan(alone.stdout.length * 1500);
  });

  it('answers whoever waits for an answer before asking on', async () => {
    const child = spawn(process.execPath, [installed.program, 'addresses', '-m', module]);
    try {
      for (const query of ['zlog_commit+0x1a/0x25\n', 'zlog_commit+0x1a/0x25\n']) {
        child.stdin.write(query);
        let said = '';
        while (!said.endsWith('zlog.c:18\n')) {
          const [piece] = (await once(child.stdout, 'data')) as [Buffer];
          said += piece.toString();
        }
        expect(said.split('\n')).toEqual([...inlined, '']);
      }
    } finally {
      child.kill();
    }
  });

  it('ends quietly when nobody reads on', async () => {
    const asked = 'zlog_commit+0x1a\n'.repeat(100_000);
    const { stderr } = await run(['addresses', '-m', module], asked, 1000);
    expect(stderr).toBe('');
  });

  describe('keeps its compiled code', () => {
    const ask = async () => {
      const { stdout, stderr } = await run(['addresses', '-m', module, 'zlog_commit+0x1a/0x25']);
      expect([stdout.split('\n'), stderr]).toEqual([[...inlined, ''], '']);
    };
    const kept = () => {
      const folder = path.join(installed.cache, 'zscope/code');
      const [name = '', ...others] = readdirSync(folder);
      expect(others).toEqual([]);
      return path.join(folder, name);
    };

    /** Whether the next answer is made by what is kept, and not by what it then keeps instead. */
    const isTaken = async () => {
      utimesSync(kept(), 0, 1);
      await ask();
      return statSync(kept()).mtimeMs === 1000;
    };

    it('for the next process, which takes it', async () => {
      rmSync(installed.cache, { recursive: true, force: true });
      await ask();
      expect(await isTaken()).toBe(true);
    });

    it('and takes none that is damaged', async () => {
      await ask();
      const good = readFileSync(kept());
      const damaged = Buffer.from(good);
      // Numbers that V8 would follow.
      damaged.fill(0x5a, good.length / 4, good.length / 4 + 64);
      for (const bytes of [damaged, good.subarray(0, good.length - 2), Buffer.alloc(0)]) {
        writeFileSync(kept(), bytes);
        expect(await isTaken()).toBe(false);
      }
      expect(await isTaken()).toBe(true);
    });

    it('and takes none that others can write', async () => {
      await ask();
      chmodSync(kept(), 0o666);
      expect(await isTaken()).toBe(false);
      expect(await isTaken()).toBe(true);
    });

    it('or answers where it cannot', async () => {
      rmSync(installed.cache, { recursive: true, force: true });
      writeFileSync(installed.cache, 'no folder');
      await ask();
      rmSync(installed.cache);
    });
  });
});

describe.skipIf(!existsSync('/dev/full'))('on a full disk', () => {
  const hung = 'test/unit/core/stack/text/golden/captured/linux-hung-task.txt';
  it.each([
    { args: ['addresses', '-m', module, '0'] },
    { args: ['decode', hung] },
    { args: ['frames', hung] },
  ])('$args.0 says in a sentence that no space is left', async ({ args }) => {
    const command = [process.execPath, installed.program, ...args];
    const child = spawn('sh', ['-c', '"$@" >/dev/full', 'sh', ...command]);
    const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect([said, status]).toEqual(['zscope: The output cannot be written: no space is left.\n', 1]);
  });
});
