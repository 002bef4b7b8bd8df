import { inert, inertBlock } from '../core/text/inert.ts';
import type { StreamEnd } from './connection.ts';
import type { JobEnd } from './framing.ts';
import type { JobResult } from './remote-job.ts';
import { BEAT_SECONDS, MISSED_BEATS } from './supervisor.ts';

/** What a stream's end is to whoever started it. @param bug what broke on our side, null for nothing */
export function streamEnd(result: JobResult, bug: unknown): StreamEnd {
  const { end } = result;
  const stderr = bug === null ? result.stderr : `${String(bug)}\n${result.stderr}`;
  if (end === null) {
    return { reason: result.unanswered ? 'stopped' : 'lost', status: null, cleanUp: 'unknown', stderr };
  }
  const said = end.left === 'stuck' ? `a process could not be ended\n${stderr}` : stderr;
  const cleanUp = end.left === 'none' ? 'confirmed' : 'failed';
  if (end.why === 'silent') {
    const limit = BEAT_SECONDS * MISSED_BEATS;
    return {
      reason: 'lost',
      status: null,
      cleanUp,
      stderr: `nothing was heard from this side for ${limit} s\n${said}`,
    };
  }
  return end.why === 'finished'
    ? { reason: 'finished', status: end.status, cleanUp, stderr: said }
    : { reason: 'stopped', status: null, cleanUp, stderr: said };
}

/** For the Log. */
export function describe(result: JobResult): string {
  const { end } = result;
  if (end === null) return `ended without a word (shell status ${result.shellStatus ?? 'unknown'})`;
  return `${end.why} with status ${end.status}${LEFT[end.left]}`;
}

const LEFT: Readonly<Record<JobEnd['left'], string>> = {
  none: '',
  stuck: ', a process could not be ended',
  rests: ', its clean-up could not remove everything',
};

/** Bytes of each end of a long output that {@link account} shows. */
const SHOWN_END = 2048;

/** For the Log: what a target said, each as one entry; nothing for what is empty. Safe to show. */
export function account(stderr: string, output: readonly Buffer[]): string[] {
  const whole = Buffer.concat(output);
  const left = whole.length - 2 * SHOWN_END;
  const text =
    left <= 0
      ? whole.toString('utf8')
      : `${whole.toString('utf8', 0, SHOWN_END)}\n(${left} bytes left out)\n${whole.toString('utf8', whole.length - SHOWN_END)}`;
  // Room for both ends: each byte may be a character of its own.
  const limit = 2 * SHOWN_END + 100;
  return [
    ...(stderr.trim() === '' ? [] : [`on stderr:\n${inertBlock(stderr.trimEnd(), limit)}`]),
    ...(text.trim() === '' ? [] : [`its output:\n${inertBlock(text.trimEnd(), limit)}`]),
  ];
}

/** The first line of what a target said, safe to show. */
export function firstLine(text: string): string {
  return inert(text.trim().split('\n')[0] ?? '', 300);
}
