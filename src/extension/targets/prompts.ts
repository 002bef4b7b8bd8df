import * as vscode from 'vscode';
import type { HostKeyQuestion, Prompts } from '../../target/connection.ts';

/** The questions of one attempt to connect, and whether the person ended it by an answer. */
export interface PersonPrompts extends Prompts {
  /** True once the person did not trust the host key. */
  readonly declined: boolean;
}

/**
 * Asks the person by VS Code's own dialogs, for one attempt to connect: its input boxes close when
 * the attempt ends. Nothing typed here is kept or logged.
 */
export class DialogPrompts implements PersonPrompts {
  #declined = false;

  constructor(private readonly signal: AbortSignal) {}

  get declined(): boolean {
    return this.#declined;
  }

  async trustHostKey(question: HostKeyQuestion): Promise<boolean> {
    const connect = 'Trust and Connect';
    const answer = await vscode.window.showWarningMessage(
      `The host key of "${question.alias}" is not known yet.`,
      {
        modal: true,
        detail: [
          ...(question.onTheWayTo === null
            ? []
            : [`It is a jump host on the way to "${question.onTheWayTo}".`]),
          `${question.host}, port ${question.port}, presents this ${question.keyType} key:`,
          question.fingerprint,
          'Compare it with the fingerprint that the machine itself shows (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub).',
          `It will be remembered in ${question.knownHostsFile}.`,
        ].join('\n\n'),
      },
      connect,
    );
    this.#declined = answer !== connect;
    return answer === connect;
  }

  passphrase(keyFile: string, again: boolean): Promise<string | undefined> {
    return this.#secret(
      `Passphrase for the key ${keyFile}`,
      again ? 'That passphrase did not open the key.' : '',
    );
  }

  password(user: string, host: string, again: boolean): Promise<string | undefined> {
    return this.#secret(
      `Password of ${user} on ${host}`,
      again ? 'The server did not accept that password.' : '',
    );
  }

  answer(text: string, echo: boolean, host: string): Promise<string | undefined> {
    return this.#ask({ title: `${host} asks`, prompt: text, password: !echo });
  }

  #secret(title: string, problem: string): Promise<string | undefined> {
    return this.#ask({ title, password: true, ...(problem === '' ? {} : { prompt: problem }) });
  }

  async #ask(options: vscode.InputBoxOptions): Promise<string | undefined> {
    const source = new vscode.CancellationTokenSource();
    const close = () => source.cancel();
    this.signal.addEventListener('abort', close, { once: true });
    try {
      return await vscode.window.showInputBox({ ...options, ignoreFocusOut: true }, source.token);
    } finally {
      this.signal.removeEventListener('abort', close);
      source.dispose();
    }
  }
}
