import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type {
  DocumentLink,
  Hover,
  Location,
  MarkupContent,
  RegistrationParams,
  UnregistrationParams,
} from 'vscode-languageserver/node';
import type { Frame } from '../../../src/core/stack/frame.ts';
import {
  callersRequest,
  definitionsRequest,
  functionAtRequest,
  indexStatusRequest,
  locateRequest,
  type OtherSource,
  runningSourceRequest,
  sourceReferenceRequest,
} from '../../../src/protocol/server.ts';
import { type SampleTree, sampleFiles, writeSampleTree } from './sample-tree.ts';
import { buildServer, ServerProcess } from './server-process.ts';

let built: Awaited<ReturnType<typeof buildServer>>;
let tree: SampleTree;
let server: ServerProcess;

async function start(): Promise<void> {
  tree = writeSampleTree();
  server = new ServerProcess(built.bundle);
  await server.initialize([tree.root]);
}

function stop(): void {
  server.kill();
  tree.remove();
}

beforeAll(async () => {
  built = await buildServer();
  await start();
});
afterAll(() => {
  stop();
  built.remove();
});

const uri = (relative: string) => pathToFileURL(tree.path(relative)).toString();

function frame(symbol: string, module: string | null = 'zfs'): Frame {
  return { symbol, offset: 0x17, size: 0x40, module, reliable: true };
}

/** Places of the frames of one stack. */
async function locate(client: ServerProcess, stack: readonly Frame[]) {
  const { places } = await client.request(locateRequest, { stacks: [stack], modules: [] });
  return places[0] ?? [];
}

function changed(relative: string) {
  return server.connection.sendNotification('workspace/didChangeWatchedFiles', {
    changes: [{ uri: uri(relative), type: 2 }],
  });
}

describe('the server process', () => {
  it('answers the status when the first index is there', async () => {
    expect(await server.request(indexStatusRequest, null)).toEqual({
      files: 8,
      functions: 8,
      zfsVersion: '2.3.9-1',
      zfsTree: pathToFileURL(tree.root).toString(),
    });
  });

  it('speaks node IPC, and gives links for stacks alone where the client lets it', async () => {
    const other = new ServerProcess(built.bundle, 'ipc');
    const registered: unknown[] = [];
    other.connection.onRequest('client/registerCapability', (params: { registrations: unknown[] }) => {
      registered.push(...params.registrations);
    });
    const dynamic = { dynamicRegistration: true };
    const answer = await other.initialize([tree.root], {
      textDocument: {
        documentLink: dynamic,
        definition: dynamic,
        hover: dynamic,
        documentSymbol: dynamic,
        foldingRange: dynamic,
        semanticTokens: { ...dynamic, requests: {}, tokenTypes: [], tokenModifiers: [], formats: [] },
      },
      workspace: { didChangeWatchedFiles: dynamic },
    });
    expect(answer).not.toHaveProperty('capabilities.hoverProvider');
    expect((await other.request(indexStatusRequest, null)).files).toBe(8);
    const documentSelector = ['kernel-stack', 'zfs-dbgmsg', 'log', 'Log', 'plaintext'].map((language) => ({
      language,
    }));
    await expect
      .poll(() => registered, { timeout: 60_000 })
      .toMatchObject([
        { method: 'textDocument/documentLink', registerOptions: { documentSelector, resolveProvider: true } },
        { method: 'textDocument/definition', registerOptions: { documentSelector } },
        { method: 'textDocument/hover', registerOptions: { documentSelector } },
        { method: 'textDocument/documentSymbol', registerOptions: { documentSelector } },
        { method: 'textDocument/foldingRange', registerOptions: { documentSelector } },
        { method: 'textDocument/semanticTokens', registerOptions: { documentSelector, range: true } },
        { method: 'workspace/didChangeWatchedFiles' },
      ]);
    expect(await other.end()).toBe(0);
  });

  it('follows the folders of the workspace', async () => {
    const other = writeSampleTree({ 'x.c': 'void\nin_other(void)\n{\n}\n' });
    try {
      const client = new ServerProcess(built.bundle);
      await client.initialize([tree.root], { workspace: { workspaceFolders: true } });
      const folder = (root: string) => ({ uri: pathToFileURL(root).toString(), name: 'x' });
      await client.connection.sendNotification('workspace/didChangeWorkspaceFolders', {
        event: { added: [folder(other.root)], removed: [folder(tree.root)] },
      });
      await expect
        .poll(() => client.request(indexStatusRequest, null), { timeout: 60_000 })
        .toEqual({ files: 1, functions: 1, zfsVersion: null, zfsTree: null });
      expect(await client.end()).toBe(0);
    } finally {
      other.remove();
    }
  });

  it('knows an OpenZFS tree below the folder that is open', async () => {
    const outer = writeSampleTree(
      Object.fromEntries(Object.entries(sampleFiles).map(([file, text]) => [`zfs-2.3.9/${file}`, text])),
    );
    try {
      const client = new ServerProcess(built.bundle);
      await client.initialize([outer.root]);
      expect((await client.request(indexStatusRequest, null)).zfsVersion).toBe('2.3.9-1');
      const places = await locate(
        client,
        ['zlog_commit', 'schedule'].map((name) => frame(name, null)),
      );
      // What is in lib is no kernel code, however deep the tree lies.
      expect(places.map(([place]) => place?.path)).toEqual(['zfs-2.3.9/module/zfs/zlog.c', null]);
      expect(await client.end()).toBe(0);
    } finally {
      outer.remove();
    }
  });

  it('has no version and no functions where there is no source', async () => {
    const other = new ServerProcess(built.bundle);
    await other.initialize([]);
    expect(await other.request(indexStatusRequest, null)).toEqual({
      files: 0,
      functions: 0,
      zfsVersion: null,
      zfsTree: null,
    });
    expect(await other.end()).toBe(0);
  });
});

describe('locate', () => {
  it('gives the definition where there are no debug lines, whatever the compiler appended', async () => {
    const places = await locate(server, [
      frame('zlog_write_all.isra.0'),
      { ...frame('zlog_commit.cold'), reliable: false },
    ]);
    expect(places.map((list) => list.map((place) => [place.path, place.line, place.how]))).toEqual([
      [['module/zfs/zlog.c', 4, 'function']],
      [['module/zfs/zlog.c', 11, 'function']],
    ]);
  });

  it('goes to the call of the next inner frame where there is exactly one', async () => {
    const places = await locate(
      server,
      ['zlog_write_all', 'zlog_commit'].map((name) => frame(name)),
    );
    expect(places.map((list) => list.map((place) => [place.function, place.line, place.how]))).toEqual([
      [['zlog_write_all', 4, 'function']],
      [['zlog_commit', 14, 'call-site']],
    ]);
  });

  it('never sends a kernel frame to another system, to a process or to the wrong module', async () => {
    const places = await locate(server, [
      frame('zfile_sync'),
      frame('schedule', null),
      frame('zlog_commit', 'ext4'),
    ]);
    expect(places[0]?.map((place) => place.path)).toEqual(['module/os/linux/zfs/zfile.c']);
    for (const [name, list] of [
      ['schedule', places[1]],
      ['zlog_commit', places[2]],
    ] as const) {
      expect(list).toEqual([
        { function: name, inlined: false, uri: null, path: null, line: null, how: null },
      ]);
    }
  });
});

it('keeps the index for the next start where it is told to', async () => {
  const storage = mkdtempSync(path.join(tmpdir(), 'zscope-storage-'));
  try {
    for (const _ of ['first', 'second']) {
      const client = new ServerProcess(built.bundle);
      await client.initialize([tree.root], {}, { storagePath: storage });
      expect((await locate(client, [frame('zlog_commit')]))[0]?.[0]?.line).toBe(11);
      expect(await client.end()).toBe(0);
      expect(readdirSync(path.join(storage, 'index'))).toHaveLength(1);
    }
  } finally {
    rmSync(storage, { recursive: true, force: true });
  }
});

describe('the settings on sources', () => {
  it('add folders, and are followed when they change', async () => {
    const other = writeSampleTree({ 'kernel/sched/zcore.c': 'void\nzschedule(void)\n{\n}\n' });
    const client = new ServerProcess(built.bundle);
    try {
      let roots: unknown = [other.root];
      client.connection.onRequest('workspace/configuration', ({ items }: { items: { section: string }[] }) =>
        items.map(({ section }) => (section === 'zscope.source' ? { roots, pathMappings: { a: 1 } } : null)),
      );
      const watched = new Map<string, string>();
      client.connection.onRequest('client/registerCapability', ({ registrations }: RegistrationParams) => {
        for (const { id, method, registerOptions } of registrations) {
          const text = JSON.stringify(registerOptions ?? null);
          if (method === 'workspace/didChangeWatchedFiles' && text.includes('baseUri')) watched.set(id, text);
        }
      });
      client.connection.onRequest(
        'client/unregisterCapability',
        ({ unregisterations }: UnregistrationParams) => {
          for (const { id } of unregisterations) watched.delete(id);
        },
      );
      const didChangeWatchedFiles = { dynamicRegistration: true, relativePatternSupport: true };
      await client.initialize([tree.root], { workspace: { configuration: true, didChangeWatchedFiles } });
      const found = async () =>
        (await locate(client, [frame('zschedule', null), frame('zlog_commit')])).map(
          ([place]) => place?.path,
        );
      expect(await found()).toEqual(['kernel/sched/zcore.c', 'module/zfs/zlog.c']);
      await vi.waitFor(() => expect(watched.size).toBe(1), { timeout: 20_000 });
      expect([...watched.values()].join()).toContain(pathToFileURL(other.root).toString());
      roots = 'of another type';
      await client.connection.sendNotification('workspace/didChangeConfiguration', { settings: null });
      expect(await found()).toEqual([null, 'module/zfs/zlog.c']);
      await vi.waitFor(() => expect(watched.size).toBe(0), { timeout: 20_000 });
      expect(await client.end()).toBe(0);
    } finally {
      client.kill();
      other.remove();
    }
  });
});

describe('functions', () => {
  it('finds the function under the cursor, else the one around it', async () => {
    const at = (line: number, character: number) =>
      server.request(functionAtRequest, { uri: uri('module/zfs/zlog.c'), line, character });
    expect(await at(13, 6)).toEqual({
      name: 'zlog_write_all',
      uri: uri('module/zfs/zlog.c'),
      path: 'module/zfs/zlog.c',
      line: 4,
      endLine: 7,
      parameters: [
        { name: 'log', type: 'zlog_t *' },
        { name: 'tag', type: 'const char *' },
      ],
    });
    expect((await at(12, 2))?.name).toBe('zlog_commit');
    // `commit` is a member here, and `log` no function.
    expect((await at(12, 20))?.name).toBe('zlog_commit');
    expect((await at(10, 24))?.name).toBe('zlog_commit');
    expect((await at(9, 1))?.name).toBe('zlog_commit');
    expect(await at(0, 3)).toBeNull();
    expect(await at(9999, 9999)).toBeNull();
  });

  it('lists definitions, the likeliest first', async () => {
    const found = await server.request(definitionsRequest, { name: 'zfile_sync' });
    expect(found.map((one) => one.path)).toEqual([
      'module/os/linux/zfs/zfile.c',
      'module/os/freebsd/zfs/zfile.c',
    ]);
    expect(await server.request(definitionsRequest, { name: 'constructor' })).toEqual([]);
  });

  it('lists callers, not calls through a member', async () => {
    const callers = async (name: string) =>
      (await server.request(callersRequest, { name })).map((one) => one.name);
    expect(await callers('zlog_issue')).toEqual(['vgeom_open', 'zlog_write_all']);
    expect(await callers('commit')).toEqual([]);
  });

  it('finds the file of a source reference by base name and function', async () => {
    const place = await server.request(sourceReferenceRequest, {
      path: 'vgeom.c',
      line: 3,
      function: 'vgeom_open',
    });
    expect(place).toMatchObject({ uri: uri('module/zfs/vgeom.c'), line: 3, function: 'vgeom_open' });
    const other = await server.request(sourceReferenceRequest, {
      path: 'vgeom.c',
      line: 3,
      function: 'vgeom_bio',
    });
    expect(other?.path).toBe('module/os/linux/zfs/vgeom.c');
    expect(
      await server.request(sourceReferenceRequest, { path: 'nosuch.c', line: 3, function: null }),
    ).toBeNull();
  });
});

describe('changes', () => {
  // Each of these leaves tree and server changed.
  beforeEach(async () => {
    stop();
    await start();
  });

  const definitionLines = async (name: string) =>
    (await server.request(definitionsRequest, { name })).map((one) => one.line);

  it('sees what is typed, saved or not, and the disk again when the document is closed', async () => {
    const document = uri('module/zfs/zlog.c');
    await server.open(document, 'c', sampleFiles['module/zfs/zlog.c'] ?? '');
    await server.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri: document, version: 2 },
      contentChanges: [
        { range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } }, text: '\n\n\n' },
      ],
    });
    expect(await definitionLines('zlog_commit')).toEqual([14]);
    const inBody = { uri: document, line: 16, character: 6 };
    expect((await server.request(functionAtRequest, inBody))?.name).toBe('zlog_write_all');
    await server.connection.sendNotification('textDocument/didClose', { textDocument: { uri: document } });
    expect(await definitionLines('zlog_commit')).toEqual([11]);
  });

  it('follows files that come, change and go', async () => {
    await server.request(indexStatusRequest, null);
    writeFileSync(tree.path('module/zfs/znew.c'), 'void\nznew_start(void)\n{\n}\n');
    await changed('module/zfs/znew.c');
    expect(await definitionLines('znew_start')).toEqual([2]);
    writeFileSync(tree.path('module/zfs/znew.c'), '\n\nvoid\nznew_start(void)\n{\n}\n');
    await changed('module/zfs/znew.c');
    expect(await definitionLines('znew_start')).toEqual([4]);
    rmSync(tree.path('module/zfs/znew.c'));
    await changed('module/zfs/znew.c');
    expect(await definitionLines('znew_start')).toEqual([]);
  });

  it('finds what is in a folder that came, when only the folder is told, and what comes into it untold', async () => {
    mkdirSync(tree.path('cmd/znew'), { recursive: true });
    writeFileSync(tree.path('cmd/znew/zfirst.c'), 'void\nzfirst_start(void)\n{\n}\n');
    await server.connection.sendNotification('workspace/didChangeWatchedFiles', {
      changes: [{ uri: uri('cmd'), type: 1 }],
    });
    expect(await definitionLines('zfirst_start')).toEqual([2]);
    mkdirSync(tree.path('cmd/znew/deeper'));
    writeFileSync(tree.path('cmd/znew/deeper/zlater.c'), 'void\nzlater_start(void)\n{\n}\n');
    await expect.poll(() => definitionLines('zlater_start'), { timeout: 60_000 }).toEqual([2]);
  });

  it('forgets what was in a folder that went', async () => {
    expect(await definitionLines('zlog_commit')).toEqual([11]);
    rmSync(tree.path('module/zfs'), { recursive: true });
    await server.connection.sendNotification('workspace/didChangeWatchedFiles', {
      changes: [{ uri: uri('module/zfs'), type: 3 }],
    });
    expect(await definitionLines('zlog_commit')).toEqual([]);
    expect(await definitionLines('zlog_issue')).toEqual([2]);
  });

  it('reads the version again when META changes', async () => {
    writeFileSync(tree.path('META'), 'Name: zfs\nVersion: 2.4.99\nRelease: 1\n');
    await changed('META');
    expect((await server.request(indexStatusRequest, null)).zfsVersion).toBe('2.4.99-1');
  });

  it('takes no file from outside the workspace', async () => {
    await server.open('file:///etc/elsewhere.c', 'c', 'void\nelsewhere(void)\n{\n}\n');
    expect(await definitionLines('elsewhere')).toEqual([]);
  });
});

describe('a Kernel Stack document', () => {
  const text = [
    '[<0>] zlog_commit+0x17/0x40 [zfs]',
    '[<0>] do_syscall_64+0x71/0x280',
    'PANIC at zlog.c:6:zlog_write_all()',
  ].join('\n');

  for (const document of ['untitled:Untitled-1', 'zscope:/stacks/1.kstack', 'file:///tmp/a.kstack']) {
    it(`has links into the workspace (${document})`, async () => {
      await server.open(document, 'kernel-stack', text);
      const links = await server.connection.sendRequest<DocumentLink[]>('textDocument/documentLink', {
        textDocument: { uri: document },
      });
      expect(links.map((link) => [link.range.start, link.range.end.character, link.target])).toEqual([
        [{ line: 0, character: 6 }, 33, undefined],
        [{ line: 2, character: 9 }, 34, undefined],
      ]);
      const targets = await Promise.all(
        links.map((link) => server.connection.sendRequest<DocumentLink>('documentLink/resolve', link)),
      );
      const file = uri('module/zfs/zlog.c');
      expect(targets.map((link) => link.target)).toEqual([`${file}#L11`, `${file}#L6`]);
    });
  }

  it('goes to the definition and says in a hover how the line is known', async () => {
    const textDocument = { uri: 'untitled:Untitled-1' };
    await server.open(textDocument.uri, 'kernel-stack', text);
    const position = { line: 0, character: 10 };
    const found = await server.connection.sendRequest<Location[]>('textDocument/definition', {
      textDocument,
      position,
    });
    expect(found).toEqual([
      {
        uri: uri('module/zfs/zlog.c'),
        range: { start: { line: 10, character: 0 }, end: { line: 10, character: 0 } },
      },
    ]);
    const hover = await server.connection.sendRequest<Hover>('textDocument/hover', {
      textDocument,
      position,
    });
    expect(hover.contents).toEqual({
      kind: 'markdown',
      value: [
        '```kernel-stack\nzlog_commit+0x17/0x40 [zfs]\n```',
        '`zlog_commit` `module/zfs/zlog.c:11`: definition of the function; its exact line is not known',
        '```c\n' +
          '      9  /* Writes what is pending and waits. */\n' +
          '     10  void\n' +
          '>    11  zlog_commit(zlog_t *log, uint64_t foid)\n' +
          '     12  {\n' +
          '     13      if (log->zl_ops->commit(log) == 0)\n' +
          '```',
      ].join('\n\n'),
    });
    const nothing = await server.connection.sendRequest('textDocument/hover', {
      textDocument,
      position: { line: 2, character: 2 },
    });
    expect(nothing).toBeNull();
  });

  it('says in a hover why there is no exact line, as a client that was there before it tells', async () => {
    const textDocument = { uri: 'untitled:Told' };
    await server.open(textDocument.uri, 'kernel-stack', 'zlog_commit+0x17/0x40 [icp]\n');
    const hover = async () => {
      const position = { line: 0, character: 2 };
      const found = await server.connection.sendRequest<Hover>('textDocument/hover', {
        textDocument,
        position,
      });
      return (found.contents as MarkupContent).value;
    };
    const build = { module: 'icp', buildId: 'ab'.repeat(20) };
    await server.request(locateRequest, { stacks: [[]], modules: [build] });
    expect(await hover()).not.toContain('stripped');
    const remark = 'It is stripped';
    await server.request(locateRequest, { stacks: [[]], modules: [{ ...build, remark }] });
    expect(await hover()).toContain(remark);
  });

  it('shows in a hover the lines of the running version, where the client says that the file is another', async () => {
    const textDocument = { uri: 'untitled:running' };
    await server.open(
      textDocument.uri,
      'kernel-stack',
      'at zlog.c:2:zlog_commit()\nzlog_commit+0x17/0x40 [zfs]\n',
    );
    const asked: string[] = [];
    let answer: OtherSource | null = { version: '2.3.9-1', text: 'before\nas it ran\nbehind\n' };
    const listener = server.connection.onRequest(runningSourceRequest.method, (params: { uri: string }) => {
      asked.push(params.uri);
      return answer;
    });
    const hover = async (line: number) => {
      const position = { line, character: 5 };
      const { contents } = await server.connection.sendRequest<Hover>('textDocument/hover', {
        textDocument,
        position,
      });
      return (contents as MarkupContent).value;
    };
    try {
      expect(await hover(0)).toMatch(
        /As it stands in the running version `2\.3\.9-1`:\s+```c\n.*\n> {5}2 {2}as it ran\n/,
      );
      answer = { version: '2.3.9-1', text: null };
      const open = await hover(0);
      expect(open).toContain('differs from the running version `2.3.9-1`: the line may be off');
      expect(open).not.toContain('as it ran');
      expect(asked).toEqual([uri('module/zfs/zlog.c'), uri('module/zfs/zlog.c')]);
      // A definition is looked up in the open source, and is there.
      expect(await hover(1)).not.toContain('running version');
      expect(asked).toHaveLength(2);
    } finally {
      listener.dispose();
    }
  });

  it('says in a hover what a task waits for, and who wakes it', async () => {
    const textDocument = { uri: 'untitled:waits' };
    const waits = [
      '[<0>] __cv_wait+0x1/0x40 [spl]',
      '[<0>] txg_wait_synced+0x17/0x40 [zfs]',
      '[<0>] zlog_commit+0x17/0x40 [zfs]',
    ];
    await server.open(textDocument.uri, 'kernel-stack', waits.join('\n'));
    const hover = async (line: number) => {
      const position = { line, character: 10 };
      const found = await server.connection.sendRequest<Hover>('textDocument/hover', {
        textDocument,
        position,
      });
      return JSON.stringify(found.contents);
    };
    expect(await hover(1)).toMatch(/\*\*Waits for\*\* a transaction group .*\*\*Woken by\*\* .*txg_sync/);
    expect(await hover(0)).toMatch(/what for says `txg_wait_synced`.*Waits for/);
    expect(await hover(2)).not.toContain('Waits for');
  });

  it('has its links where the frames are after an edit', async () => {
    const textDocument = { uri: 'untitled:edited' };
    await server.open(textDocument.uri, 'kernel-stack', text);
    const lines = async () => {
      const links = await server.connection.sendRequest<DocumentLink[]>('textDocument/documentLink', {
        textDocument,
      });
      return links.map(({ range }) => [range.start.line, range.end.line]);
    };
    expect(await lines()).toEqual([
      [0, 0],
      [2, 2],
    ]);
    const at = { line: 1, character: 0 };
    await server.connection.sendNotification('textDocument/didChange', {
      textDocument: { ...textDocument, version: 2 },
      contentChanges: [{ range: { start: at, end: at }, text: '\n zlog_commit+0x1/0x40 [zfs]\n' }],
    });
    expect(await lines()).toEqual([
      [0, 0],
      [2, 2],
      [4, 4],
    ]);
  });

  it('leaves the folds of a text without stacks to the editor', async () => {
    const folds = async (uri: string, content: string) => {
      await server.open(uri, 'plaintext', content);
      return server.connection.sendRequest('textDocument/foldingRange', { textDocument: { uri } });
    };
    expect(await folds('untitled:list', 'to do:\n  fold this\n')).toBeNull();
    expect(await folds('untitled:stack', 'Call Trace:\n a+0x1/0x20\n')).toEqual([
      { startLine: 0, endLine: 1 },
    ]);
  });

  it('gives nothing for a C document', async () => {
    await server.open(uri('module/zfs/zlog.c'), 'c', '/* zlog_commit+0x17/0x40 [zfs] */');
    const links = await server.connection.sendRequest('textDocument/documentLink', {
      textDocument: { uri: uri('module/zfs/zlog.c') },
    });
    expect(links).toEqual([]);
  });
});
