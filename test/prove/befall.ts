/** What can befall a machine that runs test kernels, and what is to be shown of it then. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectionState } from '../../src/target/connection.ts';
import * as lab from '../lab/lab.ts';
import type { Random } from '../support/random.ts';
import type { Guest } from './guest.ts';

/** Who has the views of a target open: a client process, or a window. Times are those of Date.now(). */
export interface Onlooker {
  /** It gives up a machine that was not heard from for so long, in milliseconds. */
  readonly deadAfterMs: number;
  /** Waits until it says, at or after a time, that the target is in a state. @returns when it said so */
  says(state: ConnectionState, since: number, limitMs: number): Promise<number>;
  /** It says that the connection is closed, and why; what ran over it ends or waits. @returns when it said so */
  closes(since: number, limitMs: number): Promise<number>;
  /** The connection stood all the time: no stream has ended, a question is answered, and events come. */
  goesOn(since: number): Promise<void>;
  /** Where it reads the kernel's log: waits until it has done so, at or after a time. */
  hasReadLog?(since: number): Promise<void>;
  /** The kernel does not answer: it says and shows what that said last. */
  tellsLastWords?(words: string): Promise<void>;
  /** What it said since then that a machine which is well gives no reason for. */
  complaints(since: number): Promise<readonly string[]>;
}

export interface Scene {
  readonly guest: Guest;
  readonly onlooker: Onlooker;
  readonly random: Random;
}

export interface Moment {
  readonly name: string;
  /** What is to be true, in words. */
  readonly truth: string;
  /** What ends: nothing, the connection, or all that runs there; what could be left is gone with the old boot. */
  readonly ends: 'nothing' | 'connection' | 'boot';
  /**
   * Does it, checks what the onlooker says of it, and makes it good again.
   * @returns how long it took until the onlooker knew, in milliseconds; null where there is nothing to know
   * @throws Error when the onlooker says something else, or nothing
   */
  strike(scene: Scene): Promise<number | null>;
}

/** sshd and all its processes die; a new one is started. The one that does it ends its own connection as well. */
const KILL_SSHD = `setsid sh -c 'sleep 0.2
    for p in /proc/[0-9]*; do
      read -r comm <$p/comm; case $comm in sshd*) kill -KILL \${p#/proc/} ;; esac
    done
    systemctl restart ssh' </dev/null >/dev/null 2>&1 &`;

/** With new disks. On a machine that is busy with other work a boot may take longer than the lab waits: then it waits on. */
async function bootAnew(guest: Guest): Promise<void> {
  await lab.reset().catch(() => {});
  await guest.begin();
}

/** Those whose rounds are short come first. */
export const MOMENTS: readonly Moment[] = [
  {
    name: 'stopped in its tracks (SIGSTOP of the emulator), then going on',
    truth: 'silent, then connected again; no stream ends',
    ends: 'nothing',
    async strike({ onlooker, random }) {
      const since = Date.now();
      await lab.freeze();
      let thawed: number;
      let silentAt: number;
      try {
        silentAt = await onlooker.says('silent', since, 20_000);
        await pause(random.below(15_000));
      } finally {
        thawed = Date.now();
        await lab.thaw();
      }
      await onlooker.says('connected', thawed, 30_000);
      await onlooker.goesOn(Date.now());
      return silentAt - since;
    },
  },
  {
    name: 'the disk of its root file system hangs, then answers again',
    truth: 'no stream ends and no question is without an answer or a sentence; after it all goes on',
    ends: 'nothing',
    async strike({ onlooker, random }) {
      const since = Date.now();
      await lab.holdRootDisk();
      try {
        await pause(random.between(5000, 25_000));
      } finally {
        await lab.releaseRootDisk();
      }
      const closed = (await onlooker.complaints(since)).filter((complaint) => complaint.includes('closed'));
      if (closed.length > 0) throw new Error(`while the machine answered: ${closed.join('; ')}`);
      await onlooker.goesOn(Date.now());
      return null;
    },
  },
  {
    name: 'its clock set back',
    truth: 'connected all the time; no stream ends, no question fails',
    ends: 'nothing',
    async strike({ onlooker, guest, random }) {
      const seconds = random.between(3600, 30 * 86_400);
      const since = Date.now();
      const turn = (by: number) => guest.ask(`date -s @$(($(date +%s) + ${by})) >/dev/null`);
      await turn(-seconds);
      try {
        // Longer than a lease, so that a beat that is taken for an old one would show.
        await pause(25_000);
        await onlooker.goesOn(Date.now() - 10_000);
      } finally {
        await turn(seconds);
      }
      const complaints = await onlooker.complaints(since);
      if (complaints.length > 0) throw new Error(complaints.join('; '));
      return null;
    },
  },
  {
    name: 'sshd and all its sessions killed',
    truth: 'closed, with a reason; all streams end',
    ends: 'connection',
    async strike({ onlooker, guest }) {
      const since = Date.now();
      await guest.ask(KILL_SSHD);
      const closedAt = await onlooker.closes(since, 30_000);
      await guest.reconnect();
      return closedAt - since;
    },
  },
  {
    name: 'gone (SIGKILL of the emulator)',
    truth: 'closed, with a reason; all streams end',
    ends: 'boot',
    async strike({ onlooker, guest }) {
      const since = Date.now();
      await lab.crash();
      const closedAt = await onlooker.closes(since, 20_000);
      await bootAnew(guest);
      return closedAt - since;
    },
  },
  {
    name: 'kernel panic (sysrq c)',
    truth: 'silent, then given up with a reason; all streams end',
    ends: 'boot',
    async strike({ onlooker, guest, random }) {
      // A panic's own lines seldom get out; those of the fault that led to it do.
      const words = `BUG: said by a proof (${random.below(1e6)})`;
      await guest.ask(`echo '<2>${words}' >/dev/kmsg`);
      await onlooker.hasReadLog?.(Date.now());
      const since = Date.now();
      await guest.sysrq('c');
      const silentAt = await onlooker.says('silent', since, 30_000);
      await onlooker.tellsLastWords?.(words);
      await onlooker.closes(since, onlooker.deadAfterMs + 30_000);
      await lab.crash();
      await bootAnew(guest);
      return silentAt - since;
    },
  },
  {
    name: 'reboot without warning (sysrq b)',
    truth: 'closed, with a reason, by the time it is up again or given up; all streams end',
    ends: 'boot',
    async strike({ onlooker, guest }) {
      const { bootId } = guest.observer.facts;
      const since = Date.now();
      await guest.sysrq('b');
      const closedAt = await onlooker.closes(since, onlooker.deadAfterMs + 60_000);
      await guest.afterReboot(bootId);
      return closedAt - since;
    },
  },
];
