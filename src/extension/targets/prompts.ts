import * as vscode from 'vscode';
import type { HostKeyQuestion, Prompts } from '../../target/connection.ts';

/** Asks the person by VS Code's own dialogs. Nothing typed here is kept or logged. */
export class DialogPrompts implements Prompts {
  async trustHostKey(question: HostKeyQuestion): Promise<boolean> {
    const connect = 'Trust and Connect';
    const answer = await vscode.window.showWarningMessage(
      `The host key of "${question.alias}" is not known yet.`,
      {
        modal: true,
        detail: [
          `${question.host}, port ${question.port}, presents this ${question.keyType} key:`,
          question.fingerprint,
          'Compare it with the fingerprint that the machine itself shows (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub).',
          `It will be remembered in ${question.knownHostsFile}.`,
        ].join('\n\n'),
      },
      connect,
    );
    return answer === connect;
  }

  passphrase(keyFile: string, again: boolean): Promise<string | undefined> {
    return ask(`Passphrase for the key ${keyFile}`, again ? 'That passphrase did not open the key.' : '');
  }

  password(user: string, host: string, again: boolean): Promise<string | undefined> {
    return ask(`Password of ${user} on ${host}`, again ? 'The server did not accept that password.' : '');
  }

  async answer(text: string, echo: boolean, host: string): Promise<string | undefined> {
    return vscode.window.showInputBox({
      title: `${host} asks`,
      prompt: text,
      password: !echo,
      ignoreFocusOut: true,
    });
  }
}

async function ask(title: string, problem: string): Promise<string | undefined> {
  return vscode.window.showInputBox({
    title,
    ...(problem === '' ? {} : { prompt: problem }),
    password: true,
    ignoreFocusOut: true,
  });
}
