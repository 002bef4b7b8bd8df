import * as vscode from 'vscode';
import { isFailure } from '../core/failure.ts';

/**
 * Where every error of a command or handler ends. What the person cancelled is not mentioned. An
 * expected failure is shown with its remedy and a way to the Log. Anything else is a bug: the Log
 * gets its stack.
 */
export class FailureFunnel {
  constructor(readonly log: vscode.LogOutputChannel) {}

  /** Tells the person and the Log. */
  report(error: unknown, doing: string): void {
    if (isCancelled(error)) {
      return;
    }
    const sentence = this.note(error, doing);
    void this.#show(sentence);
  }

  /** Writes it to the Log only and gives back the sentence, for a view that shows it in its place. */
  note(error: unknown, doing: string): string {
    if (isFailure(error)) {
      this.log.warn(`${doing}: ${error.message} ${error.remedy}`.trim());
      return sentenceOf(error);
    }
    this.log.error(`${doing}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return `${doing} failed in a way that ZScope did not foresee: ${error instanceof Error ? error.message : String(error)}`;
  }

  /** Runs a handler whose caller cannot take errors, such as an event listener. */
  guard(doing: string, action: () => Promise<void> | void): void {
    void (async () => {
      try {
        await action();
      } catch (error) {
        this.report(error, doing);
      }
    })();
  }

  async #show(sentence: string): Promise<void> {
    const showLog = 'Show Log';
    if ((await vscode.window.showErrorMessage(withoutLinks(sentence), showLog)) === showLog) {
      this.log.show();
    }
  }
}

/**
 * A notification makes `[text](command:id)` a link that runs a command. A sentence may quote a
 * target, which must not offer such a thing.
 */
export function withoutLinks(sentence: string): string {
  return sentence.replaceAll('](', '] (');
}

/** What happened and what to do about it, in one or two sentences. */
export function sentenceOf(error: unknown): string {
  if (isFailure(error)) {
    return error.remedy === '' ? error.message : `${error.message} ${error.remedy}`;
  }
  return error instanceof Error ? error.message : String(error);
}

export function isCancelled(error: unknown): boolean {
  return (isFailure(error) && error.code === 'cancelled') || error instanceof vscode.CancellationError;
}
