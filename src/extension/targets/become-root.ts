import * as vscode from 'vscode';
import { isFailure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import type { Connection, HostEntry, RootQuestion } from '../../target/connection.ts';
import type { FailureFunnel } from '../failures.ts';
import type { TargetService } from './target-service.ts';

/** Names of the passwords that are kept, so that they can be forgotten. */
const KEPT = 'zscope.keptPasswords';

/**
 * Root on connected targets by a password. It is asked for when the person wants root, once a session,
 * and kept in the system's secret storage only when they say so. A kept one is used without a question,
 * and forgotten when it is not taken any more. Where the machine's host key is not known, none is kept or
 * used again.
 */
export class RootAccess implements Disposable {
  readonly #tried = new WeakSet<Connection>();
  /** Given in this window, for when a connection was lost and comes back. */
  readonly #session = new Map<string, string>();
  readonly #ending = new AbortController();
  readonly #listener: vscode.Disposable;

  constructor(
    private readonly targets: TargetService,
    private readonly secrets: vscode.SecretStorage,
    private readonly memory: vscode.Memento,
    private readonly funnel: FailureFunnel,
  ) {
    this.#listener = targets.onActiveChange((target) => {
      const connection = target?.connection ?? null;
      if (connection?.facts.root === 'none' && !this.#tried.has(connection)) {
        this.#tried.add(connection);
        funnel.guard('Becoming root', () => this.#byKept(connection));
      }
    });
  }

  /** Asks for what it takes. @throws Failure */
  async become(entry: HostEntry): Promise<void> {
    const connection = this.targets.target(entry)?.connection ?? null;
    if (connection === null || connection.facts.root !== 'none') {
      return;
    }
    let last: { readonly question: RootQuestion; readonly password: string } | null = null;
    const isRoot = await connection.becomeRoot(async (question) => {
      const password = await this.#ask(question, connection);
      last = password === undefined ? null : { question, password };
      return password;
    });
    if (!isRoot) {
      return;
    }
    this.targets.factsChanged();
    if (last !== null) {
      const { question, password } = last as { question: RootQuestion; password: string };
      const name = nameOf(connection, question.by);
      if (name !== null) {
        this.#session.set(name, password);
        this.funnel.guard('Keeping the password', () => this.#offerToKeep(name, question, password));
      }
    }
  }

  /** Forgets every password that was kept. A connection that has root by one keeps it till it ends. */
  async forget(): Promise<void> {
    const hadAny = this.#session.size > 0 || this.#kept.length > 0;
    this.#session.clear();
    const names = this.#kept;
    for (const name of names) {
      await this.secrets.delete(name);
    }
    await this.memory.update(KEPT, undefined);
    vscode.window.setStatusBarMessage(
      hadAny
        ? 'ZScope has forgotten all passwords; open connections keep theirs until they end'
        : 'ZScope kept no password',
      5000,
    );
  }

  get #kept(): readonly string[] {
    const names: unknown = this.memory.get(KEPT);
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  }

  async #byKept(connection: Connection): Promise<void> {
    let refusal: unknown = null;
    for (const by of connection.facts.rootPrograms) {
      const name = nameOf(connection, by);
      if (name === null) {
        return;
      }
      const kept = this.#kept.includes(name) ? await this.secrets.get(name) : undefined;
      const password = this.#session.get(name) ?? kept;
      if (password === undefined) {
        continue;
      }
      const answer = async ({ again }: RootQuestion) => {
        if (!again) {
          return password;
        }
        this.#session.delete(name);
        await this.secrets.delete(name);
        return undefined;
      };
      try {
        if (await connection.becomeRoot(answer, { signal: this.#ending.signal, programs: [by] })) {
          this.targets.factsChanged();
          return;
        }
      } catch (error) {
        // Another program may take its password.
        if (!isFailure(error) || error.code !== 'not-root') {
          throw error;
        }
        refusal = error;
      }
    }
    if (refusal !== null) {
      throw refusal;
    }
  }

  async #ask(
    { by, user, alias, again }: RootQuestion,
    { identity }: Connection,
  ): Promise<string | undefined> {
    const source = new vscode.CancellationTokenSource();
    const close = () => source.cancel();
    this.#ending.signal.addEventListener('abort', close, { once: true });
    try {
      return await vscode.window.showInputBox(
        {
          title: `Password of ${user} for ${by} on ${alias}`,
          password: true,
          ignoreFocusOut: true,
          prompt: again
            ? `${by} did not take that password.`
            : `It goes to that program only, and stays in memory until ${identity === null ? 'the connection ends' : 'this window closes'}.`,
        },
        source.token,
      );
    } finally {
      this.#ending.signal.removeEventListener('abort', close);
      source.dispose();
    }
  }

  async #offerToKeep(name: string, { user, alias }: RootQuestion, password: string): Promise<void> {
    const keep = 'Keep';
    const answer = await vscode.window.showInformationMessage(
      `Keep the password of ${user} on ${alias} in the secret storage of this system, so that it is not asked for again?`,
      keep,
    );
    if (answer !== keep) {
      return;
    }
    await this.secrets.store(name, password);
    await this.memory.update(KEPT, [...new Set([...this.#kept, name])]);
  }

  dispose(): void {
    this.#session.clear();
    this.#ending.abort();
    this.#listener.dispose();
  }
}

/** A kept password belongs to an account on a machine with this very host key; null where that is not known. */
function nameOf({ identity }: Connection, by: string): string | null {
  return identity === null ? null : `zscope.root ${identity} ${by}`;
}
