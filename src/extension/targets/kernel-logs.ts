import type * as vscode from 'vscode';
import { lastFault } from '../../core/console/console-text.ts';
import { isFailure } from '../../core/failure.ts';
import { type KernelLine, kernelLineText } from '../../core/kernel-log/kmsg.ts';
import { type Disposable, Lifetime } from '../../core/lifetime.ts';
import { inert } from '../../core/text/inert.ts';
import type { Connection, HostEntry } from '../../target/connection.ts';
import type { FailureFunnel } from '../failures.ts';
import { Newest } from '../newest.ts';
import { targetModule } from './lazy-target.ts';
import { targetKey } from './target-nodes.ts';
import type { TargetService } from './target-service.ts';

/** Lines that are kept of a target, and UTF-16 units of each. */
const LINES_KEPT = 2000;
const LINE_MAX = 1000;

/** The kernel's log is read from its begin each time, which costs a slow machine as much as a look at the tasks. */
const PAUSE_MS = 10_000;

/** Has the newest lines of a kernel's log, those after a sequence number; -1 for all. */
type LogReader = (connection: Connection, after: number) => Promise<readonly KernelLine[]>;

/** Who looks at the tasks of a target, and when. */
interface Looker {
  readonly connection: Connection | null;
  readonly onSnapshot: vscode.Event<void>;
}

/** What is read over one connection. */
interface Reading {
  readonly connection: Connection;
  /** The first line that came after the first answer; null before that. */
  fresh: number | null;
  isAsked: boolean;
  /** Not before this time, by performance.now(). */
  nextAt: number;
  /** It cannot be had. */
  isRefused: boolean;
}

interface KernelLog {
  readonly lines: Newest<string>;
  /** The newest of this boot; -1 before the first. */
  sequence: number;
  /** Over the connection that is there, or was there last. */
  reading: Reading;
}

/**
 * The newest lines of the kernels' logs, for when a kernel does not answer any more. They are asked for after a look
 * at the tasks, so nothing runs on a target for them while nobody looks.
 */
export class KernelLogs implements Disposable {
  /** By the key of the target. */
  readonly #logs = new Map<string, KernelLog>();
  readonly #listeners = new Lifetime();

  constructor(
    targets: Pick<TargetService, 'all' | 'onChange'>,
    looker: Looker,
    private readonly funnel: Pick<FailureFunnel, 'note'>,
    private readonly read: LogReader = (connection, after) =>
      connection.run(targetModule().kernelLines, { after }),
  ) {
    this.#listeners.add(
      looker.onSnapshot(() => {
        const { connection } = looker;
        const target = targets.all.find((one) => one.connection === connection);
        if (connection !== null && target !== undefined && connection.facts.root !== 'none') {
          void this.#ask(this.#logOf(target.entry, connection));
        }
      }),
    );
    this.#listeners.add(
      targets.onChange(() => {
        const known = new Set(targets.all.map(({ entry }) => targetKey(entry)));
        for (const key of this.#logs.keys()) {
          if (!known.has(key)) {
            this.#logs.delete(key);
          }
        }
      }),
    );
  }

  /** All that is kept, safe to show; empty for nothing. */
  text(entry: HostEntry): string {
    const lines = this.#logs.get(targetKey(entry))?.lines.items ?? [];
    return lines.map((line) => `${line}\n`).join('');
  }

  /** What went wrong since the target was connected; null for nothing. */
  fault(entry: HostEntry): string | null {
    const log = this.#logs.get(targetKey(entry));
    if (log === undefined || log.reading.fresh === null) {
      return null;
    }
    const { items, first } = log.lines;
    return lastFault(items.slice(Math.max(0, log.reading.fresh - first)).join('\n'));
  }

  /** Never rejects. */
  async #ask(log: KernelLog): Promise<void> {
    const { reading, lines } = log;
    if (reading.isAsked || reading.isRefused || performance.now() < reading.nextAt) {
      return;
    }
    reading.isAsked = true;
    reading.nextAt = performance.now() + PAUSE_MS;
    try {
      const come = await this.read(reading.connection, log.sequence);
      if (log.reading === reading) {
        lines.push(come.map((line) => inert(kernelLineText(line), LINE_MAX)));
        log.sequence = come.at(-1)?.sequence ?? log.sequence;
        reading.fresh ??= lines.end;
      }
    } catch (error) {
      if (reading.connection.state !== 'closed') {
        // A machine that is slow is asked again.
        reading.isRefused = !isFailure(error) || error.code !== 'timeout';
        this.funnel.note(error, 'Reading the kernel log');
      }
    } finally {
      reading.isAsked = false;
    }
  }

  #logOf(entry: HostEntry, connection: Connection): KernelLog {
    const key = targetKey(entry);
    const reading: Reading = { connection, fresh: null, isAsked: false, nextAt: 0, isRefused: false };
    const log = this.#logs.get(key) ?? { lines: new Newest(LINES_KEPT), sequence: -1, reading };
    this.#logs.set(key, log);
    const before = log.reading.connection;
    if (before !== connection) {
      log.reading = reading;
      if (before.facts.bootId !== connection.facts.bootId) {
        log.sequence = -1;
        log.lines.push([`--- ${inert(entry.alias)} was booted anew ---`]);
      }
    }
    return log;
  }

  dispose(): void {
    this.#listeners.dispose();
    this.#logs.clear();
  }
}
