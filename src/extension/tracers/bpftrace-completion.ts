import * as vscode from 'vscode';
import { sourceName } from '../../core/stack/frame.ts';
import { inert } from '../../core/text/inert.ts';
import { type BpftraceContext, bpftraceContext } from '../../core/tracers/bpftrace/bpftrace-context.ts';
import { isAtLeast, toolVersion } from '../../core/tracers/tools.ts';
import type { FunctionNames } from '../../core/tracing/function-names.ts';
import { isZfsModule } from '../../core/zfs/zfs-modules.ts';
import { definitionsRequest } from '../../protocol/server.ts';
import type { Connection } from '../../target/connection.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { AskedOnce } from '../targets/asked-once.ts';
import type { TargetService } from '../targets/target-service.ts';
import type { TypedFunctions } from '../tracing/typed-functions.ts';
import type { TracerChoice } from './tracer-choice.ts';

/** Functions that are offered at a time; more are asked for when more of the name is written. */
const MOST_OFFERED = 500;

/** In a bpftrace program: the functions of the target's ZFS behind a probe, and the arguments of a probe's function. */
export class BpftraceCompletion implements vscode.CompletionItemProvider {
  constructor(
    private readonly targets: TargetService,
    private readonly choice: TracerChoice,
    private readonly functions: AskedOnce<FunctionNames>,
    private readonly server: LazyServer,
    private readonly typed: TypedFunctions,
  ) {}

  async provideCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
  ): Promise<vscode.CompletionList> {
    const context = bpftraceContext(document.getText(new vscode.Range(new vscode.Position(0, 0), position)));
    const connection = this.targets.connection;
    if (context === null || connection === null) {
      return new vscode.CompletionList();
    }
    // Without root, or without the tool, there is nothing to offer; a run says why.
    try {
      return context.kind === 'function'
        ? await this.#ofFunctions(connection, context)
        : new vscode.CompletionList(await this.#ofArguments(connection, context));
    } catch {
      return new vscode.CompletionList();
    }
  }

  async #ofFunctions(
    connection: Connection,
    { module, prefix }: Extract<BpftraceContext, { kind: 'function' }>,
  ): Promise<vscode.CompletionList> {
    const fitting = (await this.functions.of(connection))
      .matches(module === null ? prefix : `${module}:${prefix}`, MOST_OFFERED + 1)
      .filter((one) => isZfsModule(one.module) && one.symbol.startsWith(prefix));
    const items = fitting.slice(0, MOST_OFFERED).map((one) => {
      const item = new vscode.CompletionItem(one.symbol, vscode.CompletionItemKind.Function);
      item.detail = one.module ?? '';
      return item;
    });
    return new vscode.CompletionList(items, fitting.length > MOST_OFFERED);
  }

  async #ofArguments(
    connection: Connection,
    { symbol, module, by }: Extract<BpftraceContext, { kind: 'argument' }>,
  ): Promise<vscode.CompletionItem[]> {
    const names = await this.#argumentNames(connection, symbol, module);
    const { bpftrace } = await this.choice.installed(connection);
    // Before 0.19 args is a pointer; the dot that was typed stays wrong, the detail says so.
    const isPointer = bpftrace !== null && !isAtLeast(toolVersion(bpftrace), 0, 19);
    return names.map(({ name, type }, index) => {
      const label = by === 'args' ? name : `arg${index}`;
      const item = new vscode.CompletionItem(label, vscode.CompletionItemKind.Variable);
      item.detail = by === 'args' ? `${type}${isPointer ? ` (args->${name})` : ''}` : `${name}: ${type}`;
      item.sortText = `${index}`.padStart(3, '0');
      return item;
    });
  }

  async #argumentNames(connection: Connection, symbol: string, module: string | null) {
    const typed = await this.typed.of(connection, symbol, module, true);
    if (typed !== null) {
      return typed.arguments.map(({ name, declared }) => ({ name: inert(name), type: inert(declared) }));
    }
    const [definition] = await this.server.request(definitionsRequest, { name: sourceName(symbol) });
    return (definition?.parameters ?? []).map(({ name, type }) => ({ name: inert(name), type: inert(type) }));
  }
}
