import { Failure } from '../core/failure.ts';
import { inert } from '../core/text/inert.ts';
import type { ChannelSlots } from './channel-slots.ts';
import type { ConnectionState } from './connection.ts';
import { firstLine } from './job-outcome.ts';
import type { ChannelStage } from './job-pool.ts';
import type { JobResult, JobSpec } from './remote-job.ts';

/** What can go wrong on one connection, in words with the target's name. */
export class ConnectionFailures {
  constructor(private readonly target: { readonly alias: string; readonly user: string }) {}

  /** @param hop the jump host that is silent; null for the target itself */
  silent(hop: string | null): string {
    const { alias } = this.target;
    return hop === null
      ? `${alias} is not answering: paused in a debugger? panicked?`
      : `${hop}, the way to ${alias}, is not answering.`;
  }

  dead(hop: string | null, afterMs: number): string {
    const { alias } = this.target;
    const who = hop === null ? alias : `${hop}, the way to ${alias},`;
    return `${who} has not answered for ${afterMs / 1000} s.`;
  }

  /** @param why untrusted; null when nothing is known */
  closed(why: string | null): string {
    const { alias } = this.target;
    return why === null
      ? `${alias} closed the connection: it may be shutting down.`
      : `The connection to ${alias} broke: ${inert(why, 300).replace(/\.$/, '')}. Connect again when the machine is back.`;
  }

  flooded(): string {
    return `${this.target.alias} sends more than it was given room for; the connection was cut.`;
  }

  /** @param stage how far a question had come to a channel */
  timeout(title: string, state: ConnectionState, slots: ChannelSlots, stage: ChannelStage): Failure {
    const { alias } = this.target;
    if (state === 'silent') {
      return new Failure(
        'timeout',
        `${title}: ${alias} is not answering.`,
        'See whether it is paused in a debugger or has panicked.',
      );
    }
    if (stage === 'refused') return this.#noChannel(title, slots.taken - 1);
    const why =
      stage === 'waiting'
        ? `it had no turn on ${alias} in time beside ${slots.taken === 1 ? 'another' : `${slots.taken} others`}`
        : `no answer from ${alias} in time`;
    return new Failure('timeout', `${title}: ${why}.`, 'Try again; the machine may be overloaded.');
  }

  tooMuch(title: string, limit: number): Failure {
    return new Failure(
      'bad-output',
      `${title}: the answer is larger than ${limit / 1024 / 1024} MiB.`,
      'Ask for less.',
    );
  }

  tooManyStreams(title: string, slots: ChannelSlots): Failure {
    return new Failure(
      'bad-request',
      `${title}: ${slots.taken} things run on ${this.target.alias} already, and its SSH server allows ${slots.limit}.`,
      'Stop one of the running traces, or raise MaxSessions in sshd_config.',
    );
  }

  #noChannel(title: string, open: number): Failure {
    const server = `${title}: the SSH server of ${this.target.alias}`;
    if (open === 0) {
      return new Failure('timeout', `${server} allows no session.`, 'Raise MaxSessions in sshd_config.');
    }
    const beside = open === 1 ? 'the one that is open' : `the ${open} that are open`;
    return new Failure(
      'timeout',
      `${server} allows no further session beside ${beside}.`,
      'Stop one of the running traces, or raise MaxSessions in sshd_config.',
    );
  }

  /** @param said what the target said about it, already inert */
  notRoot(said = ''): Failure {
    const { alias, user } = this.target;
    return new Failure(
      'not-root',
      `On ${alias} this takes root, but ${user} is not root and cannot use sudo without a password${said === '' ? '' : ` (${said})`}.`,
      `Use Become Root..., connect as root, or allow it in sudoers there: ${user} ALL=(root) NOPASSWD: /bin/sh`,
    );
  }

  /** Null when the job finished by itself with status 0. @param lost why the connection is gone, if it is */
  ofResult(title: string, spec: JobSpec, result: JobResult, lost: Failure | null): Failure | null {
    const said = firstLine(result.stderr);
    const { alias, user } = this.target;
    const { end } = result;
    if (end === null) {
      if (lost !== null) return lost;
      if (result.wasReady) {
        return new Failure(
          'lost',
          `${title}: the answer broke off${said === '' ? '' : ` (${said})`}.`,
          'Try again; the machine may be shutting down or out of memory.',
        );
      }
      if (spec.root !== null) return this.notRoot(said);
      return new Failure(
        'script-failed',
        `${alias} ran no shell for ${user}${said === '' ? '' : `: ${said}`}.`,
        'The account needs a login shell that runs commands, without ForceCommand in sshd_config.',
      );
    }
    if (end.why !== 'finished') {
      return new Failure(
        'lost',
        `${title}: it was ended on ${alias} before it had the answer.`,
        'Try again.',
      );
    }
    if (end.status === 0) return null;
    return new Failure(
      'script-failed',
      `${title}: failed on ${alias} with status ${end.status}${said === '' ? '' : ` (${said})`}.`,
      'Show Log has the whole of it.',
    );
  }
}
