import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import { functionOf } from '../../core/tracing/sites.ts';
import type { Connection } from '../../target/connection.ts';
import type { HungTasksView } from '../hung-tasks/hung-tasks-view.ts';
import type { TargetService } from '../targets/target-service.ts';
import type { TabPlace, TracePanel } from './trace-panel.ts';
import type { TraceSession } from './trace-session.ts';
import { waitingText } from './trace-texts.ts';

/** When no call came for so long, it is worth to know whether tasks hang in the function; milliseconds. */
const QUIET_MS = 3000;

/** A session and its view. */
export interface OpenTrace {
  readonly session: TraceSession;
  readonly panel: TracePanel;
}

/** The traces whose views are open, also when they have ended. */
export class OpenTraces implements Disposable {
  readonly #open = new Set<OpenTrace>();

  constructor(
    private readonly targets: TargetService,
    private readonly hungTasks: HungTasksView,
  ) {}

  add(trace: OpenTrace): void {
    this.#open.add(trace);
    this.nameTargets();
    this.#sayWhyNone(trace);
  }

  delete(trace: OpenTrace): void {
    this.#open.delete(trace);
    this.nameTargets();
  }

  /** Those on this target that another function can join. */
  joinable(connection: Connection): OpenTrace[] {
    return [...this.#open].filter(
      ({ session }) => session.isRunning && session.canJoin && session.connection === connection,
    );
  }

  /** The newest with this function. */
  of(symbol: string): OpenTrace | undefined {
    return [...this.#open]
      .reverse()
      .find(({ session }) => session.symbols.some((name) => name === symbol || functionOf(name) === symbol));
  }

  /** Stops every session; their views stay. */
  stopAll(): void {
    for (const { session } of this.#open) {
      session.dispose();
    }
  }

  /** The tabs name their target as soon as there are several. */
  nameTargets(): void {
    const connected = this.targets.all.filter(({ connection }) => connection !== null);
    const names = new Set([
      ...connected.map(({ entry }) => entry.alias),
      ...[...this.#open].map(({ panel }) => panel.heading.target),
    ]);
    for (const { panel } of this.#open) {
      panel.namesTarget = names.size > 1;
    }
  }

  /** Where trace views already are, else beside the code, else where there is room. The code keeps the focus. */
  where(): TabPlace {
    const columns = [...this.#open].map(({ panel }) => panel.column);
    const viewColumn =
      columns.find((column) => column !== undefined) ??
      (vscode.window.activeTextEditor === undefined ? vscode.ViewColumn.Active : vscode.ViewColumn.Beside);
    return { viewColumn, preserveFocus: true };
  }

  /** The tasks were looked at: traces without a call say which of them hang in their function. */
  sayWhyNone(): void {
    for (const trace of this.#open) {
      this.#sayWhyNone(trace);
    }
  }

  /** For it may never be called. */
  #sayWhyNone({ session, panel }: OpenTrace): void {
    if (session.events.items.length === 0) {
      const { symbol } = session.params;
      panel.update({ waiting: waitingText(symbol, this.hungTasks.tasksIn(session.connection, symbol)) });
    }
  }

  /** Has the tasks looked at once when no call came for a while, also while their view is hidden; till it is disposed. */
  lookWhyNone({ session }: OpenTrace): Disposable {
    const quiet = setTimeout(() => {
      if (session.events.items.length === 0 && session.connection === this.hungTasks.connection) {
        this.hungTasks.refresh();
      }
    }, QUIET_MS);
    return { dispose: () => clearTimeout(quiet) };
  }

  dispose(): void {
    for (const { session, panel } of [...this.#open]) {
      session.dispose();
      panel.dispose();
    }
    this.#open.clear();
  }
}
