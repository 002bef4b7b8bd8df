/** The links of long logs, as an editor asks the language server for them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { serverArguments, serverEnvironment } from '../src/extension/server-process.ts';
import { LinkTable } from '../src/extension/stack-text/link-table.ts';
import { indexStatusRequest, stackLinksRequest } from '../src/protocol/server.ts';
import type { LabInfo } from '../test/lab/lab.ts';
import { repository } from '../test/support/paths.ts';
import { buildServer, ServerProcess } from '../test/unit/server/server-process.ts';
import { above, type Figure, median, spread } from './report.ts';

const LINES = 100_000;
const ROUNDS = 5;
const EDITS = 20;

/** VS Code hands no larger document to an extension (extHostDocuments, 50 MB), so a 100 MB log comes to nothing. */
const LARGEST = 49_000_000;

const uri = 'untitled:long.kstack';

interface Round {
  readonly links: number;
  readonly opened: number;
  readonly edited: readonly number[];
  /** MiB */
  readonly memory: number;
}

/** Opens a text in a server of its own, whose index is there, and edits it. */
async function round(bundle: string, folder: string, text: string, edits: number): Promise<Round> {
  const server = new ServerProcess(bundle, 'ipc', { execArgv: serverArguments, env: serverEnvironment });
  try {
    await server.initialize([folder]);
    await server.request(indexStatusRequest, null);
    // What the extension does with an answer is a part of the time; its links are VS Code's own objects.
    const table = new LinkTable({
      make: (line: number, start: number, end: number) => ({ range: rangeOf(line, start, end) }),
      move: (link, line, start, end) => {
        link.range = rangeOf(line, start, end);
      },
    });
    const ask = async () => {
      const change = await server.request(stackLinksRequest, { uri, known: table.id });
      return change === null ? [] : table.take(change, 100_000);
    };
    let started = performance.now();
    await server.open(uri, 'kernel-stack', text);
    const links = await ask();
    const opened = performance.now() - started;
    const edited: number[] = [];
    for (let edit = 0; edit < edits; edit++) {
      const at = { line: 1000 + Math.floor(((LINES - 2000) * edit) / edits), character: 0 };
      started = performance.now();
      await server.connection.sendNotification('textDocument/didChange', {
        textDocument: { uri, version: edit + 2 },
        contentChanges: [{ range: { start: at, end: at }, text: edit % 2 === 0 ? 'x' : '\n' }],
      });
      await ask();
      edited.push(performance.now() - started);
    }
    return { links: links.length, opened, edited, memory: server.memory() };
  } finally {
    server.kill();
  }
}

function rangeOf(line: number, start: number, end: number) {
  return { start: { line, character: start }, end: { line, character: end } };
}

export async function benchStackLinks(vm: LabInfo): Promise<Figure[]> {
  const dump = readFileSync(
    path.join(repository, 'test/unit/core/stack/text/golden/captured/linux-sysrq-t.txt'),
    'utf8',
  );
  const lines = dump.split('\n');
  const text = Array.from({ length: LINES }, (_, at) => lines[at % lines.length]).join('\n');
  const { bundle, remove } = await buildServer();
  try {
    const rounds: Round[] = [];
    for (let count = 0; count < ROUNDS; count++) {
      rounds.push(await round(bundle, vm.sourceDir, text, EDITS));
    }
    const opened = rounds.map((one) => one.opened);
    const edited = rounds.flatMap((one) => one.edited);
    const huge = await round(
      bundle,
      vm.sourceDir,
      dump.repeat(Math.ceil(LARGEST / dump.length)).slice(0, LARGEST),
      0,
    );
    const what = `links of a log of ${LINES} lines, ${(text.length / 1e6).toFixed(1)} MB, ${rounds[0]?.links ?? 0} of them, asked over node IPC`;
    return [
      {
        what: `${what}: after opening (min / median / max of ${ROUNDS})`,
        measured: spread(opened),
        peer: '',
        goal: 'at most 300 ms',
        missedBy: above(median(opened), 300),
      },
      {
        what: `${what}: after an edit (min / median / max of ${edited.length})`,
        measured: spread(edited),
        peer: '',
        goal: 'at most 10 ms',
        missedBy: above(median(edited), 10),
      },
      {
        what: `memory of the server with the index of ZFS and the largest log that VS Code hands over, ${LARGEST / 1e6} MB with ${huge.links} links`,
        measured: `${Math.round(huge.memory)} MiB after ${Math.round(huge.opened)} ms`,
        peer: '',
        goal: 'under 300 MiB',
        missedBy: above(huge.memory, 300),
      },
    ];
  } finally {
    remove();
  }
}
