/** Frames of processes in a text: exact where the program lies in the workspace, else their function. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Location } from 'vscode-languageserver/node';
import { buildIdOfHead } from '../../../src/core/symbols/elf/identity.ts';
import {
  type FetchModuleParams,
  type FetchModuleResult,
  fetchModuleRequest,
  prepareModulesRequest,
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

  it("of libzpool is in the kernel's part of the tree, of another library nowhere", async () => {
    const frame = 'so.5(vgeom_open+0x3d)[0x7f1234567890]';
    expect(await definitionOf('library', `/lib/x86_64-linux-gnu/libzpool.${frame}`)).toEqual([
      ['module/zfs/vgeom.c', 1],
    ]);
    expect(await definitionOf('foreign', `/lib/x86_64-linux-gnu/libother.${frame}`)).toEqual([]);
  });
});
