import * as vscode from 'vscode';
import type { AskedConsent, HostEntry } from '../../target/connection.ts';
import { setting } from '../vscode-table.ts';
import { targetKey } from './target-nodes.ts';

/** Keys of the targets on which traces were allowed. */
const ALLOWED = 'zscope.tracingAllowed';

/**
 * Asks before anything does more than read on a target: tracing once for each target, as it is undone
 * at the end; a change each time, as it is not.
 */
export class Consent {
  /** Questions that are open, so that two traces ask once. */
  readonly #open = new Map<string, Promise<boolean>>();

  constructor(private readonly memory: vscode.Memento) {}

  /** @returns whether it may run */
  async ask(entry: HostEntry, question: AskedConsent): Promise<boolean> {
    if (question.grade === 'change') {
      return await confirm(
        `Change something on "${entry.alias}"?`,
        `${question.title}. It stays changed when ZScope disconnects.`,
        'Change It',
      );
    }
    if (this.allows(entry, question)) {
      return true;
    }
    const key = targetKey(entry);
    let open = this.#open.get(key);
    if (open === undefined) {
      open = this.#askToTrace(entry, key).finally(() => this.#open.delete(key));
      this.#open.set(key, open);
    }
    return await open;
  }

  /** Whether it may run without a question. */
  allows(entry: HostEntry, { grade }: AskedConsent): boolean {
    return (
      grade === 'observe' ||
      (grade === 'trace' && (!setting('zscope.trace.askFirst') || this.#allowed.includes(targetKey(entry))))
    );
  }

  get #allowed(): readonly string[] {
    const keys: unknown = this.memory.get(ALLOWED);
    return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : [];
  }

  async #askToTrace(entry: HostEntry, key: string): Promise<boolean> {
    const isAllowed = await confirm(
      `Trace on "${entry.alias}"?`,
      'Traces add probes to the running kernel, in an instance of tracefs and a group of their own or by the tool that you chose, and remove them at the end. From then on the empty instance of the next one is made while you work in C source. A kernel that is traced runs slower. This is asked once for each target.',
      'Trace',
    );
    if (isAllowed) {
      await this.memory.update(ALLOWED, [...this.#allowed, key]);
    }
    return isAllowed;
  }
}

async function confirm(message: string, detail: string, button: string): Promise<boolean> {
  return (await vscode.window.showWarningMessage(message, { modal: true, detail }, button)) === button;
}
