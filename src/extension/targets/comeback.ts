import type { Connection, HostEntry } from '../../target/connection.ts';
import type { TargetService } from './target-service.ts';

/** What is lost again and again over a connection that stands is begun anew no sooner. */
const LEAST_MS = 1000;

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
  const since = performance.now();
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const settle = (connection: Connection | null): void => {
      clearTimeout(timer);
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
        const early = since + LEAST_MS - performance.now();
        if (early <= 0) {
          settle(connection);
        } else {
          clearTimeout(timer);
          timer = setTimeout(look, early);
        }
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
