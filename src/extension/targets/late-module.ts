import type * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import type { Connection } from '../../target/connection.ts';
import type { FailureFunnel } from '../failures.ts';
import type { TargetService } from './target-service.ts';

/** Between two looks for ZFS on a target that has it not. */
const PAUSE_MS = 10_000;

/**
 * A target that was connected before ZFS was loaded, since it booted or a person loads the module by hand: it is asked
 * again after a look at its tasks, so nothing runs there while nobody looks.
 */
export class LateModule implements Disposable {
  readonly #listener: vscode.Disposable;
  #isAsking = false;
  /** By performance.now(). */
  #nextAt = 0;

  constructor(
    targets: Pick<TargetService, 'factsChanged'>,
    looker: { readonly connection: Connection | null; readonly onSnapshot: vscode.Event<void> },
    funnel: Pick<FailureFunnel, 'note'>,
  ) {
    this.#listener = looker.onSnapshot(() => {
      const { connection } = looker;
      const isDue = !this.#isAsking && performance.now() >= this.#nextAt;
      if (connection === null || connection.facts.zfsVersion !== null || !isDue) {
        return;
      }
      this.#isAsking = true;
      connection
        .refreshZfs()
        .then((isOther) => {
          if (isOther) {
            targets.factsChanged();
          }
        })
        .catch((error: unknown) => {
          // Said of the connection itself.
          if (connection.state !== 'closed') {
            funnel.note(error, 'Looking for ZFS');
          }
        })
        .finally(() => {
          this.#isAsking = false;
          this.#nextAt = performance.now() + PAUSE_MS;
        });
    });
  }

  dispose(): void {
    this.#listener.dispose();
  }
}
