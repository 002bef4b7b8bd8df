/** Frames of processes in a text: exact where the program lies in the workspace, else their function. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Hover, Location, MarkupContent } from 'vscode-languageserver/node';
import { buildIdOfHead } from '../../../src/core/symbols/elf/identity.ts';
import {
  type FetchModuleParams,
  type FetchModuleResult,
  fetchModuleRequest,
  prepareModulesRequest,
  stackLinksRequest,
  stackProgramsRequest,
} from '../../../src/protocol/server.ts';
import { type SampleTree, writeSampleTree } from './sample-tree.ts';
import { buildServer, ServerProcess } from './server-process.ts';

const PROGRAM = path.join('test', 'unit', 'core', 'symbols', 'fixtures', 'program-clang-5.bin');

/** Longer than the sample that the program was built from, with the same functions at other lines. */
const POOL = `${'\n'.repeat(99)}int\npool_sync(queue_t *queue, int pass)\n{\n\treturn (0);\n}\n`;

let built: Awaited<ReturnType<typeof buildServer>>;
let tree: SampleTree;
let server: ServerProcess;

beforeAll(async () => {
  built = await buildServer();
  tree = writeSampleTree({
    META: 'Meta:          1\nName:          zfs\nVersion:       2.3.9\nRelease:       1\n',
    'cmd/zdb/pool.c': POOL,
    'cmd/zinject/pool.c': POOL,
    'cmd/zpool/pool.c': POOL,
    'cmd/zstream/pool.c': POOL,
    'cmd/zfs/zfs_main.c': 'int\nzfs_do_list(void)\n{\n\treturn (1);\n}\n',
    'module/zfs/vgeom.c': 'int\nvgeom_open(void)\n{\n\treturn (1);\n}\n',
    // What libtool leaves beside the real program.
    zdb: '#!/bin/sh\nexec .libs/zdb "$@"\n',
  });
  mkdirSync(tree.path('.libs'));
  copyFileSync(PROGRAM, tree.path('.libs/zdb'));
  // Another program, outside of the workspace.
  const sbin = path.join(path.dirname(built.bundle), 'sbin');
  mkdirSync(sbin);
  writeFileSync(path.join(sbin, 'zinject'), otherBuild(readFileSync(PROGRAM)));
  server = new ServerProcess(built.bundle, 'ipc', {
    env: { PATH: `${sbin}${path.delimiter}${process.env['PATH'] ?? ''}` },
  });
  const storagePath = path.join(path.dirname(built.bundle), 'storage');
  await server.initialize([tree.root], {}, { storagePath });
}, 60_000);
afterAll(() => {
  server?.kill();
  tree?.remove();
  built?.remove();
});

/** The program as the target has it. */
const onTarget = () => {
  const program = otherBuild(otherBuild(readFileSync(PROGRAM)), 9);
  return { program, buildId: buildIdOfHead(program) ?? '' };
};

/** The same program with another build-id: a note of the name GNU and the type 3 (NT_GNU_BUILD_ID, elf.h). */
function otherBuild(program: Buffer, byte = 8): Buffer {
  const note = program.indexOf(Buffer.from('\x03\0\0\0GNU\0', 'latin1'));
  expect(note).toBeGreaterThan(0);
  program[note + byte] = (program[note + byte] ?? 0) ^ 0xff;
  return program;
}

/** Where the function of a line leads: a file below the tree, and its 0-based line. */
async function definitionOf(
  name: string,
  text: string,
  at = text.indexOf('(') + 2,
): Promise<(string | number)[][]> {
  const uri = `untitled:${name}`;
  await server.open(uri, 'kernel-stack', `${text}\n`);
  const found = await server.connection.sendRequest<Location[] | null>('textDocument/definition', {
    textDocument: { uri },
    position: { line: 0, character: at },
  });
  const root = `${pathToFileURL(tree.root).toString()}/`;
  return (found ?? []).map((one) => [one.uri.replace(root, ''), one.range.start.line]);
}

describe('a frame of a process', () => {
  it('is at its line when the program is in the workspace', async () => {
    // pool.c:52 as the debug info of the program has it.
    expect(await definitionOf('exact', '/sbin/zdb(pool_sync+0x10)[0x55aabbcc]')).toEqual([
      ['cmd/zdb/pool.c', 51],
    ]);
  });

  it('without a function is at the line of the call before its address', async () => {
    const entry = '/sbin/zdb(+0x13a5)[0x55aabbcc]';
    expect(await definitionOf('address', entry)).toEqual([['cmd/zdb/pool.c', 54]]);
    // Another build calls nothing there.
    expect(await definitionOf('no-call', '/sbin/zdb(+0x13a6)[0x55aabbcc]')).toEqual([]);
    // Where it stopped is no call; those that are tell the build.
    const stack =
      '/sbin/zdb(+0x13a0)[0x55aabbcc]\n/sbin/zdb(+0x13a5)[0x55aabbcc]\n/sbin/zdb(+0x13f9)[0x55aabbcc]';
    expect(await definitionOf('stopped', stack)).toEqual([['cmd/zdb/pool.c', 54]]);
  });

  it('without a function is a link where debug info has a call before its address', async () => {
    const uri = 'untitled:address-links';
    const text =
      '/sbin/zdb(+0x13a5)[0x55aabbcc]\n/sbin/zdb(+0x13f9)[0x55aabbcd]\n/usr/bin/true(+0x13a5)[0x5]\n';
    await server.open(uri, 'kernel-stack', text);
    const { parts } = (await server.request(stackLinksRequest, { uri, known: null })) ?? { parts: [] };
    expect(parts.flatMap(({ spans }) => spans)).toEqual([0, 10, 17, 1, 10, 17]);
  });

  it.each([
    '/sbin/zdb() [0x13a5]',
    'zdb[0x13a5]',
    '#3  0x00005581f0e9f3a5 n/a (zdb + 0x13a5)',
    '    #3 0x5581f0e9f3a5  (/usr/sbin/zdb+0x13a5) (BuildId: 4f265041fc3ac07423f9)',
  ])('without a function is so in %j too', async (entry) => {
    const at = entry.search(/\[0x|n\/a|\(\/usr/) + 1;
    expect(await definitionOf(entry, entry, at)).toEqual([['cmd/zdb/pool.c', 54]]);
    // An array, and a module that nobody knows.
    expect(await definitionOf('array', 'count[0x13a5]', 6)).toEqual([]);
  });

  it('is at its line by where it is in the file, as core dumps have it', async () => {
    const entry = (offset: string) => `#3  0x00005581f0e9f3a5 pool_sync (zdb + 0x${offset})`;
    const lines = async (offset: string) => definitionOf(entry(offset), entry(offset), 24);
    expect(await lines('13a5')).toEqual([['cmd/zdb/pool.c', 54]]);
    // Where it stopped, at the first instruction of its line; in another function; of a stack without such offsets.
    expect(await lines('13ab')).toEqual([['cmd/zdb/pool.c', 55]]);
    expect(await lines('1100')).toEqual([['cmd/zdb/pool.c', 100]]);
    const sanitizer =
      '    #3 0x5581f0e9f3a5 in pool_sync (/usr/sbin/zdb+0x13a5) (BuildId: 4f265041fc3ac07423f9)';
    expect(await definitionOf('sanitizer', sanitizer, 26)).toEqual([['cmd/zdb/pool.c', 54]]);
    const old = '#3  0x00005581f0e9f3a5 pool_sync (zdb)';
    expect(await definitionOf(old, old, 24)).toEqual([['cmd/zdb/pool.c', 100]]);
  });

  it('that the kernel ended is at the line where it stopped, in the mapping of this build', async () => {
    const at = (ip: string, size: string) =>
      `zdb[812]: segfault at 0 ip ${ip} sp 00007ffd03e8a1c0 error 4 in zdb[55d0c0a01000+${size}]`;
    const lines = async (line: string) => definitionOf(line, line, line.indexOf('in zdb') + 4);
    // The first instruction of pool.c:56: one byte before it is line 55.
    expect(await lines(at('000055d0c0a013ab', '1000'))).toEqual([['cmd/zdb/pool.c', 55]]);
    expect(await lines(at('000055d0c0a013ab', '2000'))).toEqual([]);
  });

  it('that the kernel ended is in the build whose code the text has, and in no other with as many pages', async () => {
    const crash =
      'zdb[812]: segfault at 0 ip 000055d0c0a013ab sp 00007ffd03e8a1c0 error 4 in zdb[55d0c0a01000+1000]';
    const at = 0x13ab;
    // Its code is as far into the file as it is linked at, as `readelf -lW` says.
    const code = [...readFileSync(PROGRAM).subarray(at - 42, at + 22)].map((byte, index) => {
      const hex = byte.toString(16).padStart(2, '0');
      return index === 42 ? `<${hex}>` : hex;
    });
    const other = code.with(3, code[3] === '00' ? '01' : '00');
    const [alone, same, different] = ['', `\nCode: ${code.join(' ')}`, `\nCode: ${other.join(' ')}`].map(
      (below) => crash + below,
    );
    const place = crash.indexOf('in zdb') + 4;
    const uriOf = (name: string) => `untitled:${name}`;
    const look = async (name: string, text = '') => {
      const lines = await definitionOf(name, text, place);
      const hover = await server.connection.sendRequest<Hover | null>('textDocument/hover', {
        textDocument: { uri: uriOf(name) },
        position: { line: 0, character: place },
      });
      return [lines, (hover?.contents as MarkupContent | undefined)?.value] as const;
    };
    const line = [['cmd/zdb/pool.c', 55]];
    expect(await look('code', same)).toEqual([line, expect.stringMatching(/: exact\n\nExact lines are by/)]);
    const [lines, doubt] = await look('no-code', alone);
    expect(lines).toEqual(line);
    expect(doubt).toContain('if it is of this build');
    expect(doubt).not.toContain('exact');
    expect(await look('other-code', different)).toEqual([
      [],
      expect.stringContaining('this stack is of another build'),
    ]);
  });

  it('is at its line when the program is installed', async () => {
    const found = await definitionOf('installed', '/usr/sbin/zinject(pool_sync+0x10)[0x55aabbcc]');
    // Its sources are those of the other build.
    expect(found.map(([, line]) => line)).toEqual([51]);
  });

  it('is at its line when the program is installed on the target, in the version that the text names', async () => {
    const { program, buildId } = onTarget();
    const fetch = (params: FetchModuleParams): FetchModuleResult => {
      writeFileSync(params.part, program);
      return { outcome: 'fetched', path: params.program ?? '' };
    };
    server.connection.onRequest<unknown, void>(fetchModuleRequest.method, fetch);
    const stack = '/usr/sbin/zstream(pool_sync+0x10)[0x55aabbcc]';
    const library = (version: string) => `/lib/libzpool.so.${version}(pool_sync+0x10)[0x55aabbcc]`;
    expect(await definitionOf('before', stack)).toEqual([['cmd/zstream/pool.c', 100]]);
    expect(await server.request(stackProgramsRequest, { uri: 'untitled:before' })).toEqual(['zstream']);
    const modules = ['/usr/sbin/zstream', '/lib/libzpool.so.6.0.0'].map((file) => ({
      module: path.basename(file),
      program: file,
      buildId,
    }));
    const told = await server.request(prepareModulesRequest, { target: 't', modules });
    expect(told.modules.map(({ ready }) => ready)).toEqual([true, true]);
    const lines = async (name: string, text: string) =>
      (await definitionOf(name, text)).map(([, line]) => line);
    expect(await lines('after', stack)).toEqual([51]);
    expect(await lines('same', library('6'))).toEqual([51]);
    expect(await lines('other-version', library('5'))).not.toContain(51);
    // Another target, which has another build of it, does not take its place.
    server.connection.onRequest<unknown, void>(fetchModuleRequest.method, () => ({
      outcome: 'none',
      otherBuild: false,
    }));
    const zstream = { module: 'zstream', program: '/usr/sbin/zstream', buildId: 'ab'.repeat(20) };
    await server.request(prepareModulesRequest, { target: 'other', modules: [zstream] });
    expect(await lines('second', stack)).toEqual([51]);
  });

  it('is in no build that calls nothing before several frames of its stack', async () => {
    const at = (offset: number) => `/sbin/zdb(pool_sync+0x${offset.toString(16)})[0x55aabbcc]`;
    const lines = async (name: string, ...offsets: readonly number[]) =>
      (await definitionOf(name, offsets.map(at).join('\n'))).map(([, line]) => line);
    expect(await lines('one', 0x10)).toEqual([51]);
    expect(await lines('two', 0x10, 0x12)).toEqual([100]);
  });

  it('is its function when the program is not there, or is another build', async () => {
    const definition = [['cmd/zpool/pool.c', 100]];
    expect(await definitionOf('absent', '/sbin/zpool(pool_sync+0x10)[0x55aabbcc]')).toEqual(definition);
    expect(await definitionOf('other', '/sbin/zdb(pool_sync+0x1000)[0x55aabbcc]')).toEqual([
      ['cmd/zdb/pool.c', 100],
    ]);
  });

  it('has its hover say why its line is not known, and what to do', async () => {
    const bare = otherBuild(readFileSync(PROGRAM), 10);
    // Sections of other names hold no debug info.
    for (let at = bare.indexOf('.debug_'); at >= 0; at = bare.indexOf('.debug_')) {
      bare.write('.unused', at);
    }
    server.connection.onRequest<unknown, void>(fetchModuleRequest.method, (params: FetchModuleParams) => {
      writeFileSync(params.part, bare);
      return params.skip.length > 0
        ? { outcome: 'none', otherBuild: false }
        : { outcome: 'fetched', path: '/sbin/*zed*@www.zed.org' };
    });
    const zed = { module: 'zed', program: '/sbin/*zed*@www.zed.org', buildId: buildIdOfHead(bare) ?? '' };
    await server.request(prepareModulesRequest, { target: 't', modules: [zed] });
    const hover = async (entry: string) => {
      const uri = `untitled:hover ${entry}`;
      await server.open(uri, 'kernel-stack', `${entry}\n`);
      const found = await server.connection.sendRequest<Hover | null>('textDocument/hover', {
        textDocument: { uri },
        position: { line: 0, character: entry.indexOf('(') + 2 },
      });
      return (found?.contents as MarkupContent | undefined)?.value;
    };
    expect(await hover('/sbin/zed(pool_sync+0x10)[0x55aabbcc]')).toMatch(
      /Exact lines of \/sbin\/\\\*zed\\\*\\@www\\\.zed\.org are not known\\: it has no debug info on the target\. Install its debug package/,
    );
    expect(await hover('/sbin/zdb(_start+0x21)[0x55aabbcc]')).toContain(
      'debug info, but none of this function',
    );
    expect(await hover('/sbin/zdb(pool_sync+0x1000)[0x55aabbcc]')).toContain(
      'this stack is of another build',
    );
    expect(await hover('/sbin/zdb(pool_sync+0x10)[0x55aabbcc]')).toContain(
      'Exact lines are by the debug info',
    );
  });

  it('of the program zfs is found by its name, which the module has too', async () => {
    const stack =
      '/usr/sbin/zfs(zfs_do_list+0x1a)[0x55aabbcc]\n/lib/x86_64-linux-gnu/libc.so.6(+0x2724a)[0x7f12]';
    expect(await definitionOf('zfs', stack)).toEqual([['cmd/zfs/zfs_main.c', 1]]);
    expect(await server.request(stackProgramsRequest, { uri: 'untitled:zfs' })).toEqual(['zfs']);
    // Of both, what a stack of the kernel says without a size is the module's.
    expect(await definitionOf('both', 'vgeom_open+24 [zfs]', 2)).toEqual([['module/zfs/vgeom.c', 1]]);
    await server.open('untitled:kernel', 'kernel-stack', 'vgeom_open+0x10/0x20 [zfs]\n');
    expect(await server.request(stackProgramsRequest, { uri: 'untitled:kernel' })).toEqual([]);
    const build = '/src/zfs/.libs/lt-zdb(pool_sync+0x1000)[0x55aabbcc]';
    expect(await definitionOf('libtool', build)).toEqual([['cmd/zdb/pool.c', 100]]);
  });

  it("of libzpool is in the kernel's part of the tree, of another library nowhere", async () => {
    const frame = 'so.5(vgeom_open+0x3d)[0x7f1234567890]';
    expect(await definitionOf('library', `/lib/x86_64-linux-gnu/libzpool.${frame}`)).toEqual([
      ['module/zfs/vgeom.c', 1],
    ]);
    expect(await definitionOf('foreign', `/lib/x86_64-linux-gnu/libother.${frame}`)).toEqual([]);
  });
});
