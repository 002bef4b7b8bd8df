import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import { inert } from '../../core/text/inert.ts';
import type { Connection, HostEntry } from '../../target/connection.ts';
import type { FailureFunnel } from '../failures.ts';
import { targetModule } from './lazy-target.ts';
import type { TargetService } from './target-service.ts';

/**
 * Offers to remove what traces of earlier connections left on a target whose clean-up there was killed. Asked once
 * for each connection; nothing is removed unasked, since it is somebody else's kernel as well.
 */
export class Leftovers implements Disposable {
  readonly #asked = new WeakSet<Connection>();
  readonly #listener: vscode.Disposable;

  constructor(
    targets: TargetService,
    private readonly funnel: FailureFunnel,
  ) {
    this.#listener = targets.onChange(() => {
      for (const { entry, connection } of targets.all) {
        if (connection !== null && connection.facts.leftovers > 0 && !this.#asked.has(connection)) {
          this.#asked.add(connection);
          this.funnel.guard('Removing what earlier traces left', () => this.#offer(entry, connection));
        }
      }
    });
  }

  async #offer(entry: HostEntry, connection: Connection): Promise<void> {
    const count = connection.facts.leftovers;
    const traces = count === 1 ? 'A trace' : `${count} traces`;
    const remove = 'Remove';
    const message = `${traces} of an earlier connection could not clean up on ${entry.alias}: what should have done it was killed there. Probes or processes may be left.`;
    if ((await vscode.window.showWarningMessage(message, remove)) !== remove) {
      return;
    }
    const { left } = await connection.run(targetModule().clearLeftovers, null);
    if (left.length > 0) {
      throw new Failure(
        'script-failed',
        `On ${entry.alias} this could not be removed: ${inert(left.join(', '), 300)}.`,
        'Somebody may have its trace_pipe open there; end that, or reboot the machine.',
      );
    }
    vscode.window.setStatusBarMessage(`Removed on ${entry.alias.replaceAll('$(', '$ (')}`, 10_000);
  }

  dispose(): void {
    this.#listener.dispose();
  }
}
