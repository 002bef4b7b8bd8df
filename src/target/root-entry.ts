import { ActivityEntry } from './activity.ts';
import type { RootQuestion } from './connection.ts';
import type { JobPool } from './job-pool.ts';
import type { Limit } from './limit.ts';
import { findRoot } from './root-access.ts';
import { type RootProgram, type RootShell, shellCommand, type UnlockResult } from './root-shell.ts';
import { endOf } from './run-report.ts';
import type { RunTarget } from './runs.ts';

/**
 * Finds out how root can be had by a program that wants a password; each attempt takes a slot, and is on record.
 * @param boot boot_id of the target
 * @returns null when the person gave up
 * @throws Failure as findRoot does; the limit's reason
 */
export async function enterRoot(
  pool: JobPool,
  target: RunTarget,
  programs: readonly RootProgram[],
  ask: (question: RootQuestion) => Promise<string | undefined>,
  limit: Limit,
  boot: string,
): Promise<RootShell | null> {
  return await findRoot(programs, target, ask, (shell) =>
    recorded(shell, target, boot, () => limit.race(pool.tryRoot(shell, limit.signal))),
  );
}

/** An attempt to become root, with its record. */
async function recorded(
  shell: RootShell,
  { alias, user, activity }: RunTarget,
  boot: string,
  attempt: () => Promise<UnlockResult>,
): Promise<UnlockResult> {
  const title = `Becoming root by ${shell.by}`;
  const about = { target: alias, boot, user, name: 'become-root', title, grade: 'observe' } as const;
  // Without the nonce, so that the same command has the same sum.
  const script = shellCommand(shell, '');
  const entry = new ActivityEntry(
    about,
    { root: null, kind: 'question', preamble: '', script, cleanup: '' },
    activity,
  );
  try {
    const result = await attempt();
    if (result.end === 'root') entry.done();
    else entry.failed(result.end === 'given-up' ? 'stopped' : 'failed', 0);
    return result;
  } catch (error) {
    entry.failed(endOf(error), 0);
    throw error;
  }
}
