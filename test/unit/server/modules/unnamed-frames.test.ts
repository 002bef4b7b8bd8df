/** Frames of a text that names no modules, as bpftrace's: exact where ZFS's module lies in the workspace. */
import { copyFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Location } from 'vscode-languageserver/node';
import { type SampleTree, sampleFiles, writeSampleTree } from '../sample-tree.ts';
import { buildServer, ServerProcess } from '../server-process.ts';

const MODULE = 'test/unit/server/modules/sample/zlog.ko';

let built: Awaited<ReturnType<typeof buildServer>>;
let tree: SampleTree;
let server: ServerProcess;

beforeAll(async () => {
  built = await buildServer();
  tree = writeSampleTree(sampleFiles);
  copyFileSync(MODULE, tree.path('module/zfs/zfs.ko'));
  server = new ServerProcess(built.bundle, 'ipc');
  await server.initialize([tree.root]);
}, 60_000);
afterAll(() => {
  server?.kill();
  tree?.remove();
  built?.remove();
});

/** 1-based lines that an entry of a stack leads to. */
async function linesOf(entry: string, others = ''): Promise<number[]> {
  const uri = `untitled:${entry}${others.length}`;
  await server.open(uri, 'kernel-stack', `@[\n    ${entry}\n${others}    do_syscall_64+130\n]: 3\n`);
  const found = await server.connection.sendRequest<Location[] | null>('textDocument/definition', {
    textDocument: { uri },
    position: { line: 1, character: 6 },
  });
  const file = pathToFileURL(tree.path('module/zfs/zlog.c')).toString();
  return (found ?? []).map((one) => (one.uri === file ? one.range.start.line + 1 : 0));
}

describe('a frame without a module', () => {
  it('is at its line in the module of ZFS that has its function', async () => {
    // As the debug info of the module has it, with the function that it inlined; the definition is at line 11.
    expect(await linesOf('zlog_commit+27')).toEqual([10, 18]);
  });

  it('is at its function where the module cannot have been the one', async () => {
    expect(await linesOf('zlog_commit+270')).toEqual([11]);
    // Nothing is called before it, and no other frame speaks for the module.
    expect(await linesOf('zlog_commit+28')).toEqual([11]);
    expect(await linesOf('zlog_commit+27', '    zlog_commit+29\n')).toEqual([11]);
  });

  it('is at the line where it stopped, innermost of a stack whose others are behind calls', async () => {
    expect(await linesOf('zlog_commit+28', '    zlog_commit+27\n')).toEqual([19]);
  });
});
