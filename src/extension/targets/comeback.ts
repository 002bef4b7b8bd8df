import { isFailure } from '../../core/failure.ts';
import { isModuleLoaded } from '../../target/collectors/module-loaded.ts';
import type { Connection, HostEntry } from '../../target/connection.ts';
import { pause } from '../../target/pause.ts';
import type { TargetService } from './target-service.ts';

/** What is lost again and again over a connection that stands is begun anew no sooner. */
const LEAST_MS = 1000;
/** Between two looks for a module that is not loaded. */
const LOOK_MS = 5000;

/** What was lost. */
interface Lost {
  readonly entry: HostEntry;
  /** Over which it ran. */
  readonly connection: Connection;
  /** What it needs: a module, which may be loaded long after a boot, by a person even; null for the kernel alone. */
  readonly module: string | null;
  /** What a later attempt to go on failed with; null where there was none. */
  readonly error: unknown;
  /** Told what is waited for, in words for a person, each time that it is something else. */
  waits(what: string): void;
}

/** Whether what failed may do over the next connection, or in a while: a machine that has just booted is slow. */
export function mayComeBack(error: unknown): boolean {
  return isFailure(error) && (error.code === 'lost' || error.code === 'timeout');
}

/** Why it does not go on now, and when it will. */
function interruption({ entry: { alias }, connection, error }: Lost): string {
  if (isFailure(error) && error.code === 'timeout') {
    return `${alias} did not answer in time; goes on when it does`;
  }
  return connection.state === 'closed' || error !== null
    ? `The connection to ${alias} was lost; goes on when it is there again`
    : `Interrupted on ${alias}; goes on in a moment`;
}

/**
 * The connection with root over which something that was lost can go on: once the target is connected again, and has
 * the module.
 * @returns null when the person disconnects the target, or the signal aborts
 * @throws Failure when it cannot be told whether the module is there, and {@link mayComeBack} does not hold for why
 */
export async function comeback(
  targets: TargetService,
  lost: Lost,
  signal: AbortSignal,
): Promise<Connection | null> {
  const { entry, connection, module } = lost;
  let said = '';
  const say = (what: string): void => {
    if (what !== said) {
      said = what;
      lost.waits(what);
    }
  };
  say(interruption(lost));
  for (;;) {
    const next = await nextConnection(targets, entry, signal, () =>
      say(`${entry.alias} is there again; goes on when ZScope has root there (Become Root...)`),
    );
    if (next === null || module === null || next.facts.bootId === connection.facts.bootId) {
      return next;
    }
    try {
      while (!(await next.run(isModuleLoaded, { module }, { signal }))) {
        say(`${entry.alias} was booted anew; goes on when ${module} is loaded there`);
        await pause(LOOK_MS, signal);
        if (signal.aborted) {
          return null;
        }
      }
      // It was connected to before ZFS was loaded.
      if (next.facts.zfsVersion === null && (await next.refreshZfs())) {
        targets.factsChanged();
      }
      return next;
    } catch (error) {
      if (signal.aborted) {
        return null;
      }
      if (!mayComeBack(error)) {
        throw error;
      }
    }
  }
}

/**
 * The connection with root that a target has next, once it stands: it is tried again by itself, or the
 * person connects it. Root by a password that this window knows comes a moment later.
 * @param noRoot called when it stands and has no root
 * @returns null when the person disconnects it, or the signal aborts
 */
function nextConnection(
  targets: TargetService,
  entry: HostEntry,
  signal: AbortSignal,
  noRoot: () => void,
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
      } else if (target.state !== 'connected' || connection === null) {
        return;
      } else if (connection.facts.root === 'none') {
        noRoot();
      } else {
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
