import type { Connection, HostEntry } from '../../target/connection.ts';
import type { TargetService } from './target-service.ts';

/**
 * The connection with root that a lost target has next, once it stands: it is tried again by itself, or the
 * person connects it. Root by a password that this window knows comes a moment later.
 * @returns null when the person disconnects it, or the signal aborts
 */
export function comeback(
  targets: TargetService,
  entry: HostEntry,
  signal: AbortSignal,
): Promise<Connection | null> {
  return new Promise((resolve) => {
    const settle = (connection: Connection | null): void => {
      listener.dispose();
      signal.removeEventListener('abort', abort);
      resolve(connection);
    };
    const look = (): void => {
      const target = targets.target(entry);
      const connection = target?.connection ?? null;
      if (target === null) {
        settle(null);
      } else if (target.state === 'connected' && connection !== null && connection.facts.root !== 'none') {
        settle(connection);
      }
    };
    const abort = (): void => settle(null);
    const listener = targets.onChange(look);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) {
      abort();
    } else {
      look();
    }
  });
}
