import * as vscode from 'vscode';
import { parseConsoleSource } from '../../core/console/console-source.ts';
import { consoleText, lastFault } from '../../core/console/console-text.ts';
import { Failure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import { inert } from '../../core/text/inert.ts';
import type { Connection, HostEntry } from '../../target/connection.ts';
import type { ConsoleReader } from '../../target/serial-console.ts';
import type { FailureFunnel } from '../failures.ts';
import type { VirtualDocuments } from '../stack-text/virtual-documents.ts';
import { setting } from '../vscode-table.ts';
import type { KernelLogs } from './kernel-logs.ts';
import { targetModule } from './lazy-target.ts';
import { targetKey } from './target-nodes.ts';
import type { Target, TargetService } from './target-service.ts';

/** A kernel that dies writes for a while, and what carries its console is behind. */
const SETTLE_MS = 1500;

interface OpenConsole {
  readonly entry: HostEntry;
  /** Since when it is read; null for one that was asked for by hand. */
  readonly connection: Connection | null;
  /** Null where no console is named. */
  readonly reader: Promise<ConsoleReader> | null;
  /** The fault that was told last, so that it is told once. */
  said: string;
}

/**
 * What kernels said last. The serial consoles that the settings name are read while their targets are connected; the
 * kernel's own log comes over the connection (kernel-logs.ts). When a target falls silent or is lost, and one of them
 * tells of a panic or another fault since, this is said, and the last lines can be opened as a document with links.
 */
export class LastLines implements Disposable {
  readonly #open = new Map<string, OpenConsole>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #listener: vscode.Disposable;

  constructor(
    private readonly targets: TargetService,
    private readonly kernelLogs: KernelLogs,
    private readonly documents: VirtualDocuments,
    private readonly funnel: FailureFunnel,
  ) {
    this.#listener = targets.onChange(() => {
      for (const target of targets.all) {
        this.#follow(target);
      }
      for (const [key, { entry, reader }] of this.#open) {
        if (targets.target(entry) === null) {
          this.#open.delete(key);
          close(reader);
        }
      }
    });
  }

  #follow({ entry, state, why, connection }: Target): void {
    const open = this.#open.get(targetKey(entry));
    if (state === 'connected' && connection !== null) {
      // What was said before belongs to the connection before.
      if (open?.connection !== connection) {
        this.#begin(entry, connection)?.catch((error: unknown) =>
          this.funnel.note(error, 'Reading a serial console'),
        );
      }
    } else if (open !== undefined && (state === 'silent' || (state === 'closed' && why !== ''))) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.funnel.guard('Reading a serial console', () => this.#tell(open));
      }, SETTLE_MS);
      this.#timers.add(timer);
    }
  }

  /** Null where no console is configured. Rejects with a Failure for a value that names none. */
  #begin(entry: HostEntry, connection: Connection | null): Promise<ConsoleReader> | null {
    const key = targetKey(entry);
    const before = this.#open.get(key);
    if (before !== undefined) {
      close(before.reader);
      this.#open.delete(key);
    }
    // Who asks for the last lines by hand was told already.
    const said = connection === null ? (before?.said ?? '') : '';
    const value: unknown = setting('zscope.serialConsoles')[entry.alias];
    if (value === undefined) {
      this.#open.set(key, { entry, connection, reader: null, said });
      return null;
    }
    const source = typeof value === 'string' ? parseConsoleSource(value) : null;
    if (source === null) {
      return Promise.reject(
        new Failure(
          'bad-request',
          `"${inert(String(value), 100)}" names no serial console of ${entry.alias}.`,
          'In the setting zscope.serialConsoles write a path, tcp:HOST:PORT or exec:COMMAND.',
        ),
      );
    }
    const reader = targetModule().openConsole(source);
    this.#open.set(key, { entry, connection, reader, said });
    return reader;
  }

  async #tell(open: OpenConsole): Promise<void> {
    const { entry } = open;
    if (this.targets.target(entry)?.state === 'connected') {
      return;
    }
    const told = open.reader === null ? null : await faultOf(await open.reader);
    const fault = told ?? this.kernelLogs.fault(entry);
    if (fault === null || fault === open.said) {
      return;
    }
    open.said = fault;
    const show = 'Show Last Lines';
    const who = told === null ? 'kernel log' : 'serial console';
    const message = `${entry.alias} does not answer. Its ${who} says: ${inert(fault, 300).replaceAll('[', '(').replaceAll(']', ')')}`;
    if ((await vscode.window.showWarningMessage(message, show)) === show) {
      await this.show(entry);
    }
  }

  /** Opens the last lines of a target's console; of its kernel's log where no console is named. @throws Failure */
  async show(entry: HostEntry): Promise<void> {
    const reader = this.#open.get(targetKey(entry))?.reader ?? this.#begin(entry, null);
    if (reader === null) {
      const lines = this.kernelLogs.text(entry);
      if (lines === '') {
        throw new Failure(
          'bad-request',
          `No line of ${entry.alias}'s kernel has come.`,
          `The kernel log is read while Hung Tasks shows the target. A serial console can be named in the setting zscope.serialConsoles: "${entry.alias}": "/path/to/its/log".`,
        );
      }
      await this.#showEnd(`Kernel log of ${entry.alias}`, lines);
      return;
    }
    let text: string;
    try {
      text = consoleText(decoded((await (await reader).tail()).bytes));
    } catch (error) {
      if (error instanceof Failure) {
        throw error;
      }
      throw new Failure(
        'bad-request',
        `The serial console of ${entry.alias} cannot be read: ${inert(String((error as Error).message), 200)}.`,
        'See the setting zscope.serialConsoles.',
      );
    }
    await this.#showEnd(`Console of ${entry.alias}`, text === '' ? 'Nothing has come yet.\n' : text);
  }

  /** The last lines are at the end. */
  async #showEnd(title: string, text: string): Promise<void> {
    const end = new vscode.Position(text.split('\n').length - 1, 0);
    await this.documents.show(title, text, { selection: new vscode.Range(end, end) });
  }

  dispose(): void {
    this.#listener.dispose();
    for (const timer of this.#timers) {
      clearTimeout(timer);
    }
    for (const { reader } of this.#open.values()) {
      close(reader);
    }
    this.#open.clear();
  }
}

function close(reader: Promise<ConsoleReader> | null): void {
  reader?.then(
    (open) => open.dispose(),
    () => {},
  );
}

/** What the console told of since it is read. */
async function faultOf(reader: ConsoleReader): Promise<string | null> {
  const { bytes, fresh } = await reader.tail();
  return lastFault(consoleText(decoded(bytes.subarray(bytes.length - fresh))));
}

function decoded(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
