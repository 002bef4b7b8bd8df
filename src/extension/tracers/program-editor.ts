import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import type { BpftraceMessage } from '../../core/tracers/bpftrace/bpftrace-messages.ts';
import { LONGEST_PROGRAM } from '../../target/collectors/run-program.ts';
import type { Connection } from '../../target/connection.ts';
import { type FailureFunnel, isCancelled } from '../failures.ts';
import { languages } from '../ids.ts';
import type { VirtualDocuments } from '../stack-text/virtual-documents.ts';
import { connectedTarget } from '../targets/connected-target.ts';
import type { TargetService } from '../targets/target-service.ts';
import { commandLink, setting } from '../vscode-table.ts';
import { SHELL, SHELL_PROGRAM } from './open-program.ts';
import { type ProgramLanguage, ProgramRun } from './program-run.ts';
import type { TracerChoice } from './tracer-choice.ts';

/** The output is shown anew this often at most, in milliseconds. */
const PERIOD_MS = 300;

/**
 * Programs in the editor that can be run on the target: of bpftrace, which says at their lines what is wrong with them, and
 * what a trace by another tool ran, as it was shown or as it was changed.
 */
export class ProgramEditor implements vscode.CodeLensProvider, Disposable {
  /** The run of each document, by its URI. */
  readonly #runs = new Map<string, ProgramRun>();
  readonly #problems = vscode.languages.createDiagnosticCollection('bpftrace');
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#changed.event;
  readonly #registrations: vscode.Disposable;

  constructor(
    private readonly targets: TargetService,
    private readonly choice: TracerChoice,
    private readonly documents: VirtualDocuments,
    completion: vscode.CompletionItemProvider,
    private readonly funnel: FailureFunnel,
  ) {
    this.#registrations = vscode.Disposable.from(
      this.#problems,
      this.#changed,
      vscode.languages.registerCodeLensProvider(
        [{ language: languages.bpftrace }, { language: SHELL }],
        this,
      ),
      vscode.languages.registerCompletionItemProvider(
        { language: languages.bpftrace },
        completion,
        ':',
        '.',
        '>',
      ),
      // What was said of a text is not true of another.
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0 && document.languageId === languages.bpftrace) {
          this.#problems.delete(document.uri);
        }
      }),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.#problems.delete(uri)),
    );
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const { uri } = document;
    if (languageOf(document) === null) {
      return [];
    }
    const run = this.#runs.get(uri.toString());
    const top = new vscode.Range(0, 0, 0, 0);
    return [
      run?.isRunning
        ? new vscode.CodeLens(
            top,
            commandLink('zscope.stopProgram', `$(debug-stop) Stop on ${run.target}`, uri),
          )
        : new vscode.CodeLens(top, commandLink('zscope.runProgram', '$(play) Run on Target', uri)),
    ];
  }

  /**
   * Runs a program on the connected target and shows what it prints. Resolves when it is over.
   * @param uri of an open document; the active editor's unless given
   */
  async run(uri?: vscode.Uri): Promise<void> {
    const { document, language } = await programDocument(uri);
    const { connection, alias } = connectedTarget(this.targets);
    const program = document.getText();
    if (program.length > LONGEST_PROGRAM) {
      throw new Failure(
        'bad-request',
        `A program has at most ${LONGEST_PROGRAM} characters.`,
        'Make it shorter.',
      );
    }
    if (program.includes('\0')) {
      throw new Failure('bad-request', 'A program cannot hold a NUL character.', 'Remove it.');
    }
    const by = language === 'bpftrace' ? await this.#bpftrace(connection) : 'its shell';
    const key = document.uri.toString();
    if (this.#runs.get(key)?.isRunning) {
      throw new Failure(
        'bad-request',
        'This program runs already.',
        'Stop it first: ZScope: Stop Program on Target.',
      );
    }
    const title = `Output of ${document.uri.path.split('/').at(-1) ?? 'a program'} on ${alias}`;
    const show = throttled(() => {
      this.documents.update(title, run.text);
      this.#tell(document, run.messages);
    });
    const run = new ProgramRun(
      connection,
      alias,
      language,
      program,
      setting('zscope.trace.maxSeconds'),
      show.soon,
    );
    this.#problems.delete(document.uri);
    this.#runs.set(key, run);
    this.#changed.fire();
    try {
      const running = run.run();
      running.catch(() => {});
      await this.documents.show(title, `Starting on ${alias}, by ${by}...\n`, {
        viewColumn: outputColumn(),
        preserveFocus: true,
      });
      const ending = await running;
      show.end();
      this.documents.update(title, `${run.text}${ending}\n`);
      this.#tell(document, run.messages);
    } catch (error) {
      show.end();
      // The document is where the person looks: it says it, and nothing else does.
      const why = isCancelled(error) ? 'Cancelled.' : this.funnel.note(error, 'Running a program');
      this.documents.update(title, `${run.text}${why}\n`);
    } finally {
      this.#runs.delete(key);
      this.#changed.fire();
    }
  }

  /** The program and its version. @throws Failure when it is not installed */
  async #bpftrace(connection: Connection): Promise<string> {
    const { bpftrace } = await this.choice.installed(connection);
    if (bpftrace === null) {
      throw new Failure(
        'not-traceable',
        'bpftrace is not installed on the target.',
        'Install the package bpftrace there.',
      );
    }
    return `bpftrace ${bpftrace}`;
  }

  /** Asks a running program to end; it prints its maps before, or undoes what it did. */
  async stop(uri?: vscode.Uri): Promise<void> {
    const key = (uri ?? vscode.window.activeTextEditor?.document.uri)?.toString() ?? '';
    const run = this.#runs.get(key) ?? [...this.#runs.values()].find(({ isRunning }) => isRunning);
    await run?.stop();
  }

  #tell({ uri, lineCount }: vscode.TextDocument, messages: readonly BpftraceMessage[]): void {
    this.#problems.set(
      uri,
      messages.map(({ line, start, end, text, severity }) => {
        const row = Math.min(line, Math.max(0, lineCount - 1));
        const problem = new vscode.Diagnostic(
          new vscode.Range(row, start, row, end),
          text,
          severity === 'error' ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning,
        );
        problem.source = 'bpftrace';
        return problem;
      }),
    );
  }

  dispose(): void {
    for (const run of this.#runs.values()) {
      run.dispose();
    }
    this.#runs.clear();
    this.#registrations.dispose();
  }
}

/** Another column that is there already: beside the last one VS Code would make one more. */
function outputColumn(): vscode.ViewColumn {
  const { all, activeTabGroup } = vscode.window.tabGroups;
  const others = all
    .map(({ viewColumn }) => viewColumn)
    .filter((column) => column !== activeTabGroup.viewColumn);
  return (
    others.find((column) => column > activeTabGroup.viewColumn) ?? others.at(-1) ?? vscode.ViewColumn.Beside
  );
}

/** Null for a document that cannot be run on a target. */
function languageOf(document: vscode.TextDocument): ProgramLanguage | null {
  switch (document.languageId) {
    case languages.bpftrace:
      return 'bpftrace';
    case SHELL:
      return document.lineAt(0).text.startsWith(SHELL_PROGRAM) ? 'shell' : null;
    default:
      return null;
  }
}

/** @throws Failure when there is no program */
async function programDocument(
  uri: vscode.Uri | undefined,
): Promise<{ readonly document: vscode.TextDocument; readonly language: ProgramLanguage }> {
  const document =
    uri === undefined
      ? vscode.window.activeTextEditor?.document
      : await vscode.workspace.openTextDocument(uri);
  const language = document === undefined ? null : languageOf(document);
  if (document === undefined || language === null) {
    throw new Failure(
      'bad-request',
      'No program for a target is open.',
      'Open a .bt file, or the program of a trace: Open Program in its tab.',
    );
  }
  return { document, language };
}

/** Calls it soon after the first of several wishes. */
function throttled(call: () => void): { readonly soon: () => void; readonly end: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  return {
    soon: () => {
      if (!isOver) {
        timer ??= setTimeout(() => {
          timer = undefined;
          call();
        }, PERIOD_MS);
      }
    },
    end: () => {
      isOver = true;
      clearTimeout(timer);
    },
  };
}
