import { inert } from '../core/text/inert.ts';
import type { StreamEnd } from './connection.ts';
import type { JobResult } from './remote-job.ts';
import { BEAT_SECONDS, MISSED_BEATS } from './supervisor.ts';

/** What a stream's end is to whoever started it. @param bug what broke on our side, null for nothing */
export function streamEnd(result: JobResult, bug: unknown): StreamEnd {
  const { end } = result;
  const stderr = bug === null ? result.stderr : `${String(bug)}\n${result.stderr}`;
  if (end === null) return { reason: 'lost', status: null, stderr };
  if (end.why === 'silent') {
    const limit = BEAT_SECONDS * MISSED_BEATS;
    return {
      reason: 'lost',
      status: null,
      stderr: `nothing was heard from this side for ${limit} s\n${stderr}`,
    };
  }
  return end.why === 'finished'
    ? { reason: 'finished', status: end.status, stderr }
    : { reason: 'stopped', status: null, stderr };
}

/** For the Log. */
export function describe(result: JobResult): string {
  const { end } = result;
  if (end === null) return `ended without a word (shell status ${result.shellStatus ?? 'unknown'})`;
  return `${end.why} with status ${end.status}${end.stuck ? ', a process could not be ended' : ''}`;
}

/** The first line of what a target said, safe to show. */
export function firstLine(text: string): string {
  return inert(text.trim().split('\n')[0] ?? '', 300);
}
