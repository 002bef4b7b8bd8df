// The command line as it is installed: dozens of processes, which the quick checks have no time for.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { LineQueue } from '../../src/cli/line-queue.ts';
import { moduleName } from '../../src/cli/resolver.ts';
import { Installed } from '../support/installed-cli.ts';
import { type SampleTree, sampleFiles, writeSampleTree } from '../unit/server/sample-tree.ts';

const module = 'test/unit/server/modules/sample/zlog.ko';

// Processes are started, some dozen in a test: beside other work that takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const WITHOUT_SOURCES =
  'zscope: No lines can be found: name the source tree with --source, or debug info with --module.';

let installed: Installed;
let folder: string;
let tree: SampleTree;

beforeAll(async () => {
  tree = writeSampleTree({
    ...sampleFiles,
    'module/zfs/ztop.c':
      'int\nztop_twice(void)\n{\n\tif (zone())\n\t\tzlog_commit(1, 1);\n\tzlog_commit(2, 2);\n}\n',
  });
  installed = await Installed.make();
  folder = installed.folder;
});
afterAll(() => {
  tree.remove();
  installed.remove();
});

const run: Installed['run'] = (...args) => installed.run(...args);

const stack = [
  'Nov 22 10:00:00 host kernel: [  247.10] task:sync  state:D stack:0 pid:31 tgid:31 ppid:1 flags:0x2\r',
  '[  247.10] Call Trace:',
  '[  247.10]  <TASK>',
  '[  247.10]  zlog_issue+0x5/0x10 [zlog]',
  '[  247.10]  ? zlog_commit+0x17/0x25 [zlog]',
  '[  247.10]  zlog_commit+0x1b/0x25 [zlog]',
  '[  247.10]  ztop_twice+0x8/0x20 [zfs]\t(odd)',
  '[  247.10]  </TASK>',
  'prose: +0x5/ ü \u{1f600}',
  '',
].join('\n');

describe('decode', () => {
  it('puts lines to frames, inlined functions above them, and leaves the rest as it is', async () => {
    const { stdout, stderr, status } = await run(['decode', '-m', module, '--source', tree.root], stack);
    expect(stderr).toContain('1 frame of zlog cannot be in the file that was given');
    expect(status).toBe(0);
    expect(stdout.split('\n')).toEqual([
      ...stack.split('\n').slice(0, 3),
      '[  247.10]  zlog_issue+0x5/0x10 [zlog]',
      '[  247.10]  ? zlog_write_all (module/zfs/zlog.c:10, inlined)',
      '[  247.10]  ? zlog_commit+0x17/0x25 [zlog] (module/zfs/zlog.c:18)',
      '[  247.10]  zlog_write_all (module/zfs/zlog.c:10, inlined)',
      '[  247.10]  zlog_commit+0x1b/0x25 [zlog] (module/zfs/zlog.c:18)',
      '[  247.10]  ztop_twice+0x8/0x20 [zfs] (module/zfs/ztop.c:2, function; one of 5 6)\t(odd)',
      ...stack.split('\n').slice(7),
    ]);
  });

  it('takes frames without a module for those of the one that has their functions, and says so', async () => {
    const text = '\n        zlog_commit+27\n        ztop_twice+8\n        do_syscall_64+130\n';
    const { stdout, stderr } = await run(['decode', '-m', module, '-s', tree.root], text);
    expect(stdout.split('\n').slice(1, 5)).toEqual([
      '        zlog_write_all (module/zfs/zlog.c:10, inlined)',
      '        zlog_commit+27 (module/zfs/zlog.c:18)',
      '        ztop_twice+8 (module/zfs/ztop.c:2, function; one of 5 6)',
      '        do_syscall_64+130',
    ]);
    expect(stderr).toContain('1 frame without a module is taken for one of zlog');
    expect(stderr).not.toContain('No frame of the text names');
    // Further than the function reaches: another of this name.
    const far = await run(['decode', '-m', module], text.replace('+27', '+270'));
    expect(far.stdout).toContain('        zlog_commit+270\n');
    const copy = path.join(folder, 'zother.ko');
    copyFileSync(module, copy);
    const both = await run(['decode', '-m', module, '-m', copy, '-s', tree.root], text);
    expect(both.stdout).toContain('zlog_commit+27 (module/zfs/zlog.c:18)');
    expect((await run(['decode', '-m', copy, '-s', tree.root], text)).stderr).toContain('one of zother');
  });

  it('knows that folded stacks begin with the outermost frame', async () => {
    const { stdout } = await run(
      ['decode', '-s', tree.root],
      'sync;do_syscall_64;ztop_twice_[z];zlog_commit;zlog_write_all;zlog_issue 12\n',
    );
    expect(stdout).toContain(
      ';zlog_commit (module/zfs/zlog.c:14, call);zlog_write_all (module/zfs/zlog.c:6, call);',
    );
  });

  it('names the functions behind addresses of a program', async () => {
    const program = path.join(folder, 'zdb');
    copyFileSync('test/unit/core/symbols/fixtures/program-clang-5.bin', program);
    const text = '/sbin/zdb(+0x13a5)[0x55aabbcc]\n/sbin/other(+0x13a5)[0x55aabbcc]\n';
    const { stdout } = await run(['decode', '-m', program], text);
    expect(stdout).toBe(text.replace('+0x13a5', '+0x13a5 (pool_sync /build/sample/pool.c:55)'));
    const json = await run(['decode', '-m', program, '--json'], text);
    const places = [
      { function: 'pool_sync', inlined: false, path: '/build/sample/pool.c', line: 55, how: 'dwarf' },
    ];
    const known = { line: 1, function: null, offset: 0x13a5, size: null, module: 'zdb', reliable: true };
    expect(json.stdout.split('\n').map((line) => line && JSON.parse(line))).toEqual([
      { ...known, places },
      '',
    ]);
  });

  it('places where a process stopped by the code that the kernel shows, and says where that is not there', async () => {
    const program = path.join(folder, 'zdb');
    const at = 0x13ab;
    const bytes = readFileSync('test/unit/core/symbols/fixtures/program-clang-5.bin');
    writeFileSync(program, bytes);
    const code = [...bytes.subarray(at - 42, at + 22)].map((byte) => byte.toString(16).padStart(2, '0'));
    const shown = `Code: ${code.with(42, `<${code[42]}>`).join(' ')}\n`;
    const crash =
      'zdb[8]: segfault at 0 ip 000055d0c0a013ab sp 00007ffd03e8 error 4 in zdb[55d0c0a01000+1000]';
    const placed = `${crash} (pool_sync /build/sample/pool.c:56)\n`;
    const decode = (below: string) => run(['decode', '-m', program], `${crash}\n${below}`);
    expect(await decode(shown)).toMatchObject({ stdout: placed + shown, stderr: '' });
    const other = shown.replace(/ [0-9a-f]{2}\n/, ' f4\n');
    const refused = await decode(other);
    expect(refused.stdout).toBe(`${crash}\n${other}`);
    expect(refused.stderr).toContain('another build');
    const alone = await decode('');
    expect(alone.stdout).toBe(placed.replace('pool.c:56', 'pool.c:56, if of this build'));
    const json = await run(['decode', '-m', program, '--json'], `${crash}\n`);
    expect(JSON.parse(json.stdout)).toMatchObject({ assumed: true, places: [{ line: 56, how: 'dwarf' }] });
    expect(alone.stderr).toContain('Nothing in the text shows that 1 frame of zdb is of the file');
  });

  it('says what it lacks where nothing was named to find lines in', async () => {
    const decode = async (...args: readonly string[]) => (await run(['decode', ...args], stack)).stderr;
    expect(await decode()).toBe(`${WITHOUT_SOURCES}\n`);
    expect(await decode('--group')).toBe('');
    expect((await run(['decode'], 'no stack at all\n')).stderr).toBe('');
  });

  it('groups folded stacks innermost first', async () => {
    const { stdout } = await run(
      ['decode', '--group', '-s', tree.root],
      'sync;do_syscall_64;zlog_commit;zlog_write_all;zlog_issue 12\n',
    );
    expect(stdout.indexOf('zlog_issue')).toBeGreaterThan(0);
    expect(stdout.indexOf('zlog_issue')).toBeLessThan(stdout.indexOf('zlog_commit'));
  });

  it('parts stacks as the editor does, and shows no offset that the text did not give', async () => {
    const bt = (pid: number) =>
      `Thread ${pid} (LWP ${pid}):\n#0  0x00007f0000001000 in pause () from /lib/libc.so.6\n` +
      '#1  0x0000000000401000 in zone () at zone.c:1\n        local = 1\n\n        other = 2\n' +
      '#2  0x0000000000402000 in main () at main.c:2\n\n';
    const { stdout } = await run(['decode', '--group', '--json'], bt(7) + bt(8));
    const groups = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(groups).toHaveLength(1);
    expect(groups[0].count).toBe(2);
    expect(groups[0].frames.map((one: { function: string }) => one.function)).toEqual([
      'pause',
      'zone',
      'main',
    ]);
    expect(groups[0].frames[1].offset).toBeNull();
    expect((await run(['decode', '--group'], bt(7))).stdout).toContain('\n    zone\n');
  });

  it('puts nothing into a frame that is wrapped over two lines', async () => {
    const text = '[ 1.0]  zlog_commit+0x1b/0\nx25 [zlog]\nend\n';
    const { stdout } = await run(['decode', '-m', module, '-s', tree.root], text);
    const lines = [
      '[ 1.0]  zlog_write_all (module/zfs/zlog.c:10, inlined)',
      '[ 1.0]  zlog_commit (module/zfs/zlog.c:18)',
    ];
    expect(stdout).toBe(`${lines.join('\n')}\n${text}`);
  });

  it('takes a mapping of paths before it guesses', async () => {
    const map = `/var/lib/dkms/zfs/2.3.9/build/module/zfs/zlog.c=${tree.path('module/zfs/vgeom.c')}`;
    const { stdout } = await run(['decode', '-m', module, '-s', tree.root, '--map', map], stack);
    expect(stdout).toContain('zlog_commit+0x1b/0x25 [zlog] (module/zfs/vgeom.c:18)');
  });

  it('says how places are known in JSON, one line a frame', async () => {
    const { stdout } = await run(['decode', '--json', '-s', tree.root], stack.replaceAll('[zlog]', '[zfs]'));
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records).toHaveLength(4);
    expect(records[2]).toMatchObject({
      ...{ line: 6, function: 'zlog_commit', offset: 0x1b, size: 0x25, module: 'zfs', reliable: true },
      places: [
        { function: 'zlog_write_all', inlined: true, path: 'module/zfs/zlog.c', line: 6, how: 'call-site' },
        { function: 'zlog_commit', inlined: false, path: 'module/zfs/zlog.c', line: 14, how: 'call-site' },
      ],
    });
    expect(records[3].places[0].candidates).toEqual([
      { path: 'module/zfs/ztop.c', line: 5, text: 'zlog_commit(1, 1);' },
      { path: 'module/zfs/ztop.c', line: 6, text: 'zlog_commit(2, 2);' },
    ]);
  });

  it('groups equal stacks with their tasks, the most frequent first', async () => {
    const other = '\n[<0>] zlog_commit+0x1b/0x25 [zlog]\n';
    const text = [
      other,
      stack,
      stack.replaceAll(':31 ', ':32 '),
      other,
      stack.replaceAll(':31 ', ':33 '),
    ].join('\n');
    const { stdout } = await run(['decode', '--group', '-m', module], text);
    const file = '/var/lib/dkms/zfs/2.3.9/build/module/zfs/zlog.c';
    expect(stdout.split('\n')).toEqual([
      '3 × sync (31, 32, 33)',
      '    zlog_issue+0x5/0x10 [zlog]',
      `    zlog_write_all (${file}:10, inlined)`,
      `    zlog_commit+0x1b/0x25 [zlog] (${file}:18)`,
      '    ztop_twice+0x8/0x20 [zfs]',
      '',
      '2 ×',
      `    zlog_write_all (${file}:10, inlined)`,
      `    zlog_commit+0x1b/0x25 [zlog] (${file}:18)`,
      '',
      '',
    ]);
    const { stdout: json } = await run(['decode', '--group', '--json'], text);
    const groups = json
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(groups.map(({ count }) => count)).toEqual([3, 2]);
    expect(groups[0].tasks).toEqual([31, 32, 33].map((pid) => ({ comm: 'sync', pid })));
  });

  it('names a task once that a log shows again', async () => {
    const { stdout } = await run(['decode', '--group'], stack.repeat(3));
    expect(stdout.split('\n')[0]).toBe('3 × sync (31)');
  });

  it('reads packed modules and files', async () => {
    writeFileSync(path.join(folder, 'dump.txt'), stack);
    const plain = await run(['decode', '-m', module, path.join(folder, 'dump.txt')]);
    for (const packed of [`${module}.xz`, `${module}.zst`]) {
      expect((await run(['decode', '-m', packed], stack)).stdout).toBe(plain.stdout);
    }
    expect(plain.stdout).toContain('zlog.c:10, inlined');
    mkdirSync(path.join(folder, 'tree/module'), { recursive: true });
    copyFileSync(module, path.join(folder, 'tree/module/zlog.ko'));
    expect((await run(['decode', '-m', path.join(folder, 'tree')], stack)).stdout).toBe(plain.stdout);
  });

  it('passes every format on unchanged where nothing is known', async () => {
    const captured = 'test/unit/core/stack/text/golden/captured';
    const texts = readdirSync(captured).filter((name) => name.endsWith('.txt'));
    const files = texts.map((name) => path.join(captured, name));
    expect(files.length).toBeGreaterThan(20);
    const { stdout, stderr } = await run(['decode', ...files]);
    expect(stderr).toBe(`${WITHOUT_SOURCES}\n`);
    expect(stdout === files.map((file) => readFileSync(file, 'utf8')).join('')).toBe(true);
  });

  it('passes bytes on that are no UTF-8', async () => {
    const frame = ' zlog_commit+0x1b/0x25 [zfs]';
    const odd = Buffer.concat([
      Buffer.from(`\xff\xfe M\xfcller \xe2\x80\n\xc3${frame}\x80`, 'latin1'),
      Buffer.from(` ü\u{1f600}\ntask:M`),
      Buffer.from('\xfc state:D stack:0 pid:31 tgid:31 ppid:1 flags:0x2\n\xf0\x9f', 'latin1'),
    ]);
    const file = path.join(folder, 'odd.txt');
    writeFileSync(file, odd);
    const { bytes } = await run(['decode', file]);
    expect(bytes.equals(odd)).toBe(true);
    const noted = (await run(['decode', '-s', tree.root, file])).bytes.toString('latin1');
    expect(noted).toBe(odd.toString('latin1').replace(frame, `${frame} (module/zfs/zlog.c:11, function)`));
    const { stdout } = await run(
      ['decode', '--group', '--json'],
      Buffer.concat([odd, Buffer.from(`\n${frame}\n`)]),
    );
    expect(stdout).toContain('"comm":"M\ufffd"');
  });

  it('passes large text on unchanged, and ends quietly when nobody reads on', async () => {
    const text = `${`${stack}${'x'.repeat(100_000)}\n`.repeat(20)}no newline at the end`;
    expect((await run(['decode'], text)).stdout === text).toBe(true);
    const cut = await run(['decode'], text.repeat(4), 10);
    expect(cut).toMatchObject({ stderr: '', status: 0 });
  });

  it('decodes the other files when some cannot be read', async () => {
    const file = path.join(folder, 'large.txt');
    writeFileSync(file, stack.repeat(2000));
    const ended = await run(['decode', file, 'none.txt', 'docs', file]);
    expect(ended.stdout === stack.repeat(4000)).toBe(true);
    expect(ended.status).toBe(1);
    expect(ended.stderr.trim().split('\n')).toEqual([
      'zscope: none.txt cannot be read: it is not there.',
      'zscope: docs cannot be read: it is a folder.',
      WITHOUT_SOURCES,
    ]);
  });

  it.each([
    [['decode', 'none.txt'], 1, 'none.txt cannot be read: it is not there.'],
    [['decode', '-m', 'none.ko'], 1, 'none.ko is not there.'],
    [['decode', '-m', 'docs'], 1, 'There is no module (*.ko) below docs.'],
    [['decode', '-m', 'package.json'], 1, 'package.json is neither an ELF file nor a packed one.'],
    [['decode', '-m', 'CUT'], 1, 'cut.ko is damaged: '],
    [['decode', '-s', 'package.json'], 1, 'package.json is no folder.'],
    [['decode', '--what'], 2, "Unknown option '--what'."],
    [['decode', '--map', 'x'], 2, 'x is no mapping FROM=TO.'],
    [['addresses', '0'], 2, 'addresses takes one --module.'],
    [['addresses', '-m', 'none.ko', '0'], 1, 'none.ko is not there.'],
    [['addresses', '-m', 'docs', '0'], 1, 'docs is a folder. Name the file of the module with --module.'],
    [['decode', '-m', '/dev/null'], 1, '/dev/null is no regular file.'],
    [['decode', '--section', '.text'], 2, 'decode takes no --section.'],
    [['frames', '-m', 'none.ko'], 2, 'frames takes no --module.'],
    [['addresses', '--group', '0'], 2, 'addresses takes no --group.'],
    [['what'], 2, 'There is no command what.'],
    [[], 2, 'A command is missing.'],
  ] as const)('%j ends with %d', async (args, status, text) => {
    const cut = path.join(folder, 'cut.ko');
    writeFileSync(cut, readFileSync(module).subarray(0, 40));
    const ended = await run(args.map((arg) => (arg === 'CUT' ? cut : arg)));
    expect(ended.status).toBe(status);
    expect(ended.stderr).toContain(text);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
  });

  it('puts the place behind the module where the trace has no size', async () => {
    const text = ' zlog_commit+0x1b [zlog] x\n zlog_commit+0x1b/0x25 [zlog] x\n';
    const { stdout } = await run(['decode', '-m', module, '-s', tree.root], text);
    const place = '(module/zfs/zlog.c:18)';
    expect(stdout.split('\n').filter((line) => line.includes('+'))).toEqual([
      ` zlog_commit+0x1b [zlog] ${place} x`,
      ` zlog_commit+0x1b/0x25 [zlog] ${place} x`,
    ]);
  });

  it('takes what fits from several files of a module', async () => {
    const other = path.join(folder, 'other/zlog.ko');
    mkdirSync(path.dirname(other), { recursive: true });
    // The same code of which nothing is called as it was.
    const bytes = readFileSync(module);
    for (let at = bytes.indexOf('zlog_commit\0'); at >= 0; at = bytes.indexOf('zlog_commit\0', at + 1)) {
      bytes.write('zlog_other1', at);
    }
    writeFileSync(other, bytes);
    const text = ' zlog_commit+0x1b/0x25 [zlog]\n zlog_other1+0x1b/0x25 [zlog]\n zlog_none+0x1/0x2 [zlog]\n';
    for (const files of [
      [module, other],
      [other, module],
    ]) {
      const { stdout, stderr } = await run(['decode', ...files.flatMap((file) => ['-m', file])], text);
      expect(stdout.match(/zlog\.c:18\)/g)).toHaveLength(2);
      expect(stderr).toBe(
        'zscope: 1 frame of zlog cannot be in any of the files that were given: it is of another build. Name the file of that one with --module.\n',
      );
    }
  });

  it('says when no frame is of the file, which may be called otherwise than its module', async () => {
    const other = path.join(folder, 'zlog-new.ko');
    copyFileSync(module, other);
    const text = ' schedule+0x1/0x2\n zlog_commit+0x1b/0x25 [zlog]\n';
    const said = (name: string) =>
      `zscope: No frame of the text names ${name}: a file is taken for the module or program that it is called as.\n`;
    for (const how of [[], ['--group'], ['--json']]) {
      const one = await run(['decode', ...how, '-m', other], text);
      expect(one.stderr).toBe(said('zlog_new'));
    }
    const both = await run(['decode', '-m', other, '-m', module], text);
    expect(both.stderr).toBe('');
    const none = await run(['decode', '-m', other], 'no frames\n');
    expect(none.stderr).toBe('');
  });

  it('does not call a frame strange whose function the file has', async () => {
    const text =
      ' zlog_commit+0x0/0x25 [zlog]\n zlog_commit+0x25/0x25 [zlog]\n zlog_commit+0x1b/0x99 [zlog]\n';
    const { stderr } = await run(['decode', '-m', module], text);
    expect(stderr).toContain('1 frame of zlog cannot be in the file that was given');
  });

  it('knows its version', async () => {
    writeFileSync(path.join(folder, 'package.json'), '{"version":"1.2.3"}');
    expect(await run(['--version'])).toMatchObject({ stdout: 'zscope 1.2.3\n', status: 0 });
  });

  it('has a help', async () => {
    const { stdout, status } = await run(['decode', '--help']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/--module FILE[\s\S]*--source DIR[\s\S]*--group[\s\S]*--json/);
  });
});

it.each([
  ['/lib/modules/6.12/updates/dkms/zfs.ko.xz', 'zfs'],
  ['nvme-core.ko', 'nvme_core'],
  ['zfs.ko.debug', 'zfs'],
  ['vmlinux', null],
  ['/usr/lib/debug/boot/vmlinux-6.12.1', null],
  ['/usr/sbin/zdb', 'zdb'],
  ['/usr/lib/libzpool.so.5.0.0', 'libzpool.so'],
])('%s is the module %s', (file, name) => {
  expect(moduleName(file)).toBe(name);
});

it('gives back all text in its order, whatever pieces it came in', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[ab\n]{0,12}$/)), fc.array(fc.nat(3)), (pieces, steps) => {
      const queue = new LineQueue();
      let line = 1;
      let back = '';
      pieces.forEach((piece, i) => {
        queue.push(piece);
        const to = Math.min(line + (steps[i] ?? 0), queue.lines + 1);
        if (to > line) {
          const before = queue.takeBefore(to - 1);
          const { text, newline } = queue.takeLine();
          expect(before.split('\n')).toHaveLength(to - line);
          back += before + text + newline;
          line = to;
        }
      });
      expect(back + queue.takeRest()).toBe(pieces.join(''));
    }),
  );
});
