/** One at a time, across processes: a file that names the process that holds it. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';
import type { Progress } from './progress.ts';

interface LockHolder extends ProcessIdentity {
  /** What the holder is doing, for whoever waits. */
  readonly purpose: string;
}

/**
 * Runs `task` while holding the lock, waiting for another holder first. A lock whose holder has
 * died is taken over. Not re-entrant.
 */
export async function withLock<T>(
  file: string,
  purpose: string,
  progress: Progress,
  task: () => Promise<T>,
): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  for (let round = 0; !tryLock(file, purpose); round++) {
    const holder = readHolder(file);
    if (holder !== undefined && round % 60 === 0) {
      progress(`waiting for process ${holder.pid} to finish: ${holder.purpose}`);
    }
    await sleep(500);
  }
  try {
    return await task();
  } finally {
    rmSync(file, { force: true });
  }
}

/** Takes the lock if it is free or its holder is gone. */
export function tryLock(file: string, purpose: string): boolean {
  const self = identify(process.pid);
  if (self === undefined) throw new Error('/proc does not show this process');
  const holder: LockHolder = { ...self, purpose };
  // A link appears whole or not at all, so a reader never sees a half-written holder.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(holder));
  try {
    if (link(draft, file)) return true;
    const current = readHolder(file);
    if (current !== undefined && isAlive(current)) return false;
    // Two breakers may have judged the same stale lock: whoever moves it away goes on, and if what
    // was moved turns out to be a new, living holder's, it is put back.
    const aside = `${file}.stale.${process.pid}`;
    try {
      renameSync(file, aside);
    } catch {
      return false;
    }
    const moved = readHolder(aside);
    if (moved !== undefined && isAlive(moved)) {
      link(aside, file);
      rmSync(aside, { force: true });
      return false;
    }
    rmSync(aside, { force: true });
    return link(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(file: string): LockHolder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (
      typeof value === 'object' &&
      value !== null &&
      'pid' in value &&
      typeof value.pid === 'number' &&
      'startTicks' in value &&
      typeof value.startTicks === 'number' &&
      'purpose' in value &&
      typeof value.purpose === 'string'
    ) {
      return { pid: value.pid, startTicks: value.startTicks, purpose: value.purpose };
    }
  } catch {
    // Absent or unreadable: nobody holds it.
  }
  return undefined;
}
