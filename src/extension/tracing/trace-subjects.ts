import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import { sourceName } from '../../core/stack/frame.ts';
import { wordAt } from '../../core/symbols/c-lexer.ts';
import type { Parameter } from '../../core/symbols/location.ts';
import { functionAround, functionNamed, functionsOfText } from '../../core/symbols/text-functions.ts';
import type { FunctionNames } from '../../core/tracing/function-names.ts';
import { declaredReturn } from '../../core/tracing/return-type.ts';
import { calleesRequest, definitionsRequest, functionAtRequest } from '../../protocol/server.ts';
import type { TraceParams } from '../../target/collectors/trace-function.ts';
import type { Connection } from '../../target/connection.ts';
import type { FailureFunnel } from '../failures.ts';
import type { FrameNode, TaskNode } from '../hung-tasks/task-nodes.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import { fileOfRevision } from '../source/revision-uri.ts';
import type { AskedOnce } from '../targets/asked-once.ts';
import { setting } from '../vscode-table.ts';
import { FunctionChooser } from './choose-function.ts';
import type { InlinedFunctions } from './inlined-functions.ts';
import type { Subject } from './trace-texts.ts';
import type { TypedFunctions } from './typed-functions.ts';

/** Generations of callees that a call graph shows; the nearest are taken first when they are many. */
const GRAPH_DEPTH = 8;

/** Which function a person means, and what is known of it. */
export class TraceSubjects {
  readonly #chooser: FunctionChooser;

  constructor(
    private readonly server: LazyServer,
    private readonly typed: TypedFunctions,
    private readonly inlined: InlinedFunctions,
    functions: AskedOnce<FunctionNames>,
    funnel: FailureFunnel,
  ) {
    this.#chooser = new FunctionChooser(functions, funnel);
  }

  /** Makes ready for the first question about functions of this target. */
  warm(connection: Connection): void {
    this.typed.warm(connection);
  }

  /** Has what the arguments of the function under the cursor are at hand: a trace of it may come next. Never rejects. */
  async foresee(connection: Connection): Promise<void> {
    const subject = await this.#underCursor().catch(() => null);
    if (subject !== null) {
      this.typed.foresee(connection, subject.symbol);
    }
  }

  /** Reads types that were not at hand when a function was traced, for the next one. */
  learnTypes(connection: Connection): void {
    this.typed.learn(connection);
  }

  /**
   * What the cursor or the chosen frame means; asks for a name when the cursor means none.
   * @param node a row; null when one was meant and none is chosen, undefined for the cursor
   * @throws vscode.CancellationError
   */
  of(connection: Connection, node: unknown): Promise<Subject> {
    if (isFrameNode(node)) {
      return this.#fromFrame(node);
    }
    // A file's menu passes its URI: the cursor is meant.
    if (node === null || isTaskNode(node)) {
      throw new Failure(
        'bad-request',
        'No frame is chosen.',
        'Open a stack in Hung Tasks and choose the frame whose function is to be traced.',
      );
    }
    return this.#fromEditor(connection);
  }

  #fromFrame({ frame, place }: FrameNode): Promise<Subject> {
    return place.inlined ? this.named(place.function, null) : this.named(frame.symbol, frame.module);
  }

  async #fromEditor(connection: Connection): Promise<Subject> {
    return (await this.#underCursor()) ?? this.asked(connection, 'The cursor is in no C function.');
  }

  /** Null where the cursor is in no function. */
  async #underCursor(): Promise<Subject | null> {
    const editor = vscode.window.activeTextEditor;
    // By name, not by language: VS Code takes headers for C++.
    const isSource = editor !== undefined && /\.[ch]$/.test(editor.document.uri.path);
    if (isSource && fileOfRevision(editor.document.uri) !== null) {
      return this.#fromRevision(editor);
    }
    if (isSource && editor.document.uri.scheme === 'file') {
      const { line, character } = editor.selection.active;
      const definition = await this.server.request(functionAtRequest, {
        uri: editor.document.uri.toString(),
        line,
        character,
      });
      if (definition !== null) {
        return { symbol: definition.name, module: null, parameters: definition.parameters };
      }
    }
    return null;
  }

  /** As of the open file: the function under the cursor, else the one around it. The index has the open source only. */
  async #fromRevision({ document, selection }: vscode.TextEditor): Promise<Subject | null> {
    const functions = functionsOfText(document.getText());
    const line = selection.active.line + 1;
    const word = wordAt(document.lineAt(selection.active).text, selection.active.character);
    const here = word === null ? null : functionNamed(functions, word, line);
    if (here === null && word !== null) {
      const named = await this.named(word, null);
      if (named.parameters !== null) {
        return named;
      }
    }
    const meant = here ?? functionAround(functions, line);
    return meant && { symbol: meant.name, module: null, parameters: meant.parameters() };
  }

  /**
   * The function of the target that a person names.
   * @param why said above the list of functions
   * @throws vscode.CancellationError
   */
  async asked(connection: Connection, why = ''): Promise<Subject> {
    const { symbol, module } = await this.#chooser.choose(connection, why);
    return this.named(symbol, module);
  }

  /** A function by its symbol. */
  async named(symbol: string, module: string | null): Promise<Subject> {
    return { symbol, module, parameters: await this.#parameters(sourceName(symbol)) };
  }

  async #parameters(name: string): Promise<readonly Parameter[] | null> {
    const [definition] = await this.server.request(definitionsRequest, { name });
    return definition?.parameters ?? null;
  }

  /**
   * What to trace, but for the kind and the session.
   * @param seesReturn whether what the function returns matters: it may have to be looked up in the source
   */
  async params(
    connection: Connection,
    subject: Subject,
    seesReturn: boolean,
  ): Promise<Omit<TraceParams, 'sessionId'>> {
    const { site } = subject;
    if (site !== undefined) {
      await this.inlined.check(connection, { ...subject, site });
    }
    const typed =
      site === undefined
        ? await this.typed.of(connection, subject.symbol, subject.module, subject.parameters !== null)
        : (subject.typed ?? null);
    return {
      ...subject,
      typed,
      returns:
        seesReturn && typed === null && site === undefined
          ? await this.#declared(sourceName(subject.symbol))
          : null,
      machine: connection.facts.machine,
      maxEvents: setting('zscope.trace.maxEvents'),
      stacks: setting('zscope.trace.stacks'),
      maxSeconds: setting('zscope.trace.maxSeconds'),
    };
  }

  /**
   * What a function calls by the open source, for its call graph.
   * @throws Failure `bad-request` when no source of it is open
   */
  async callees({ symbol }: Subject): Promise<readonly string[]> {
    const name = sourceName(symbol);
    const [definition] = await this.server.request(definitionsRequest, { name });
    if (definition === undefined) {
      throw new Failure(
        'bad-request',
        `What ${symbol} calls is not known: no source of it is open.`,
        'Open the source tree of the running module, or trace its calls instead.',
      );
    }
    return this.server.request(calleesRequest, { name, depth: GRAPH_DEPTH });
  }

  /** What the open source declares a function to return; null when it does not say. */
  async #declared(name: string): Promise<string | null> {
    const [definition] = await this.server.request(definitionsRequest, { name });
    if (definition === undefined) {
      return null;
    }
    try {
      const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(definition.uri));
      return declaredReturn(document.getText().split(/\r?\n/), definition.line, name);
    } catch {
      return null; // The file is gone since it was indexed.
    }
  }
}

function isTaskNode(node: unknown): node is TaskNode {
  return typeof node === 'object' && node !== null && 'kind' in node;
}

function isFrameNode(node: unknown): node is FrameNode {
  return isTaskNode(node) && node.kind === 'frame';
}
