/** What can befall a machine that runs test kernels, while every view of it is open. */
import { setTimeout as pause } from 'node:timers/promises';
import * as lab from '../lab/lab.ts';
import type { Random } from '../support/random.ts';
import { until } from '../vm/target.ts';
import { ClientProcess } from './client-process.ts';
import { Guest } from './guest.ts';
import type { Finding, Proof, ProofContext, Round } from './proof.ts';
import { randomSessions } from './sessions.ts';

const ROUNDS = 10;
const CONNECT_MS = 120_000;
/** The client gives up a machine that was not heard from for so long. */
const DEAD_AFTER_MS = 30_000;
/** From the connection to the moment. */
const LATEST_MS = 15_000;
/** What a client that has lost its connection may take to end what was under way, and itself. */
const END_MS = 30_000;
/** As for the kills: 20 s without a beat, and a slow machine. */
const GONE_MS = 60_000;
/** Longest time that the client's event loop may stand still, in milliseconds: it says that it is alive each half second. */
const STILL_MS = 5000;
/** The longest time limit of a question that the client asks (taskSnapshot), and what a slow machine adds. */
const ANSWER_MS = 60_000 + 15_000;

interface Scene {
  readonly guest: Guest;
  readonly client: ClientProcess;
  readonly random: Random;
}

interface Moment {
  readonly name: string;
  /** What is to be true, in words. */
  readonly truth: string;
  /** The machine has booted anew when it is over: what could be left is gone with the old boot. */
  readonly boots: boolean;
  /**
   * Does it, checks what the client says of it, and makes it good again.
   * @returns how long it took until the client knew, in milliseconds
   * @throws Error when the client says something else, or nothing
   */
  strike(scene: Scene): Promise<number>;
}

/** The client says that the connection is closed, and why, and everything of it ends. */
async function closes(client: ClientProcess, since: number, limitMs: number): Promise<number> {
  const closed = await client.word('state', limitMs, since, ({ state }) => state === 'closed');
  if (closed.why === '') throw new Error('the connection is closed and nobody says why');
  await until('the client has ended by itself', END_MS, () => (client.hasEnded ? true : undefined));
  const open = client
    .all('begun')
    .filter(({ stream }) => !client.all('ended').some((end) => end.stream === stream));
  if (open.length > 0) throw new Error(`streams without an end: ${open.map(({ stream }) => stream)}`);
  return closed.at - since;
}

/** The client stays connected: nothing of it ends, its questions are answered and its events come. */
async function goesOn(client: ClientProcess, since: number): Promise<void> {
  await client.word('snapshot', ANSWER_MS, since, ({ failure }) => failure === null);
  if (client.all('begun').length > 0) await client.word('events', 60_000, since);
  const ended = client.all('ended').filter(({ at }) => at >= since);
  if (ended.length > 0) throw new Error(`streams ended: ${JSON.stringify(ended)}`);
}

const MOMENTS: readonly Moment[] = [
  {
    name: 'stopped in its tracks (SIGSTOP of the emulator), then going on',
    truth: 'silent, then connected again; no stream ends',
    boots: false,
    async strike({ client, random }) {
      const since = Date.now();
      await lab.freeze();
      try {
        const { at } = await client.word('state', 20_000, since, ({ state }) => state === 'silent');
        await pause(random.below(DEAD_AFTER_MS - 15_000));
        return at - since;
      } finally {
        const thawed = Date.now();
        await lab.thaw();
        await client.word('state', 30_000, thawed, ({ state }) => state === 'connected');
        await goesOn(client, Date.now());
      }
    },
  },
  {
    name: 'gone (SIGKILL of the emulator)',
    truth: 'closed, with a reason; all streams end',
    boots: true,
    async strike({ client, guest }) {
      const since = Date.now();
      await lab.crash();
      const took = await closes(client, since, 20_000);
      await lab.reset();
      await guest.begin();
      return took;
    },
  },
  {
    name: 'kernel panic (sysrq c)',
    truth: `silent, then after ${DEAD_AFTER_MS / 1000} s closed, with a reason; all streams end`,
    boots: true,
    async strike({ client, guest }) {
      const since = Date.now();
      void guest.ask('echo c >/proc/sysrq-trigger').catch(() => {});
      const { at } = await client.word('state', 30_000, since, ({ state }) => state === 'silent');
      await closes(client, since, DEAD_AFTER_MS + 30_000);
      await lab.crash();
      await lab.reset();
      await guest.begin();
      return at - since;
    },
  },
  {
    name: 'reboot without warning (sysrq b)',
    truth: 'closed, with a reason, by the time it is up again or given up; all streams end',
    boots: true,
    async strike({ client, guest }) {
      const { bootId } = guest.observer.facts;
      const since = Date.now();
      void guest.ask('echo b >/proc/sysrq-trigger').catch(() => {});
      const took = await closes(client, since, DEAD_AFTER_MS + 60_000);
      await guest.afterReboot(bootId);
      return took;
    },
  },
  {
    name: 'the disk of its root file system hangs, then answers again',
    truth: 'no stream ends and no question is without an answer or a sentence; after it all goes on',
    boots: false,
    async strike({ client, random }) {
      const since = Date.now();
      await lab.holdRootDisk();
      try {
        await pause(random.between(5000, 25_000));
      } finally {
        await lab.releaseRootDisk();
      }
      if (client.all('state').some(({ state, at }) => state === 'closed' && at >= since)) {
        throw new Error('the connection was closed while the machine answered');
      }
      await goesOn(client, Date.now());
      return 0;
    },
  },
  {
    name: 'sshd and all its sessions killed',
    truth: 'closed, with a reason; all streams end',
    boots: false,
    async strike({ client, guest }) {
      const since = Date.now();
      // It ends its own way there as well.
      await guest.ask(
        `setsid sh -c 'sleep 0.2
          for p in /proc/[0-9]*; do
            read -r comm <$p/comm; case $comm in sshd*) kill -KILL \${p#/proc/} ;; esac
          done
          systemctl restart ssh' </dev/null >/dev/null 2>&1 &`,
      );
      const took = await closes(client, since, 30_000);
      await guest.reconnect();
      return took;
    },
  },
  {
    name: 'its clock set back',
    truth: 'connected all the time; no stream ends, no question fails',
    boots: false,
    async strike({ client, guest, random }) {
      const seconds = random.between(3600, 30 * 86_400);
      const since = Date.now();
      const turn = (by: number) => guest.ask(`date -s @$(($(date +%s) + ${by})) >/dev/null`);
      await turn(-seconds);
      try {
        // Longer than a lease, so that a beat that is taken for an old one would show.
        await pause(25_000);
        await goesOn(client, Date.now() - 10_000);
      } finally {
        await turn(seconds);
      }
      const states = client.all('state').filter(({ at, state }) => at >= since && state !== 'connected');
      const failed = client.all('snapshot').filter(({ at, failure }) => at >= since && failure !== null);
      if (states.length + failed.length > 0) throw new Error(JSON.stringify([...states, ...failed]));
      return 0;
    },
  },
];

interface Seen {
  readonly knownMs: number;
  readonly cleanMs: number;
  readonly againMs: number;
  readonly stillMs: number;
  readonly faults: readonly string[];
}

/** The longest time between two signs of life of the client's event loop. */
function longestStill(client: ClientProcess): number {
  const times = client.all('alive').map(({ at }) => at);
  return Math.max(0, ...times.slice(1).map((at, index) => at - (times[index] ?? at)));
}

function begin(random: Random): ClientProcess {
  return new ClientProcess({
    user: random.pick(['root', 'dev']),
    deadAfterMs: DEAD_AFTER_MS,
    sessions: [
      ...randomSessions(random, 2, 1000),
      { kind: 'watch', symbol: '', condition: '', sessionId: random.below(2 ** 32).toString(16), afterMs: 0 },
    ],
    dbgmsg: true,
  });
}

async function round(moment: Moment, guest: Guest, { number, random }: Round): Promise<Seen> {
  const faults: string[] = [];
  const client = begin(random);
  let knownMs = 0;
  try {
    await client.word('connected', CONNECT_MS);
    await pause(random.below(LATEST_MS));
    knownMs = await moment.strike({ guest, client, random });
    faults.push(...client.bugs());
    const unanswered = client.all('snapshot').filter(({ tookMs }) => tookMs > ANSWER_MS);
    if (unanswered.length > 0) faults.push(`questions without an end in time: ${JSON.stringify(unanswered)}`);
    if (longestStill(client) > STILL_MS) faults.push(`the client stood still for ${longestStill(client)} ms`);
  } catch (error) {
    faults.push(`${error instanceof Error ? error.message : error}; it said: ${client.last()}`);
    // A round that went wrong is not to be the next one's.
    if (moment.boots) await lab.reset().then(() => guest.begin());
  } finally {
    if (!client.hasEnded) await client.kill();
  }
  const { tookMs: cleanMs, rests } = await guest.untilClean(GONE_MS);
  if (rests.length > 0) faults.push(`left: ${rests.join(', ')}`);
  const again = begin(random);
  const began = Date.now();
  let againMs = 0;
  try {
    await again.word('snapshot', CONNECT_MS, 0, ({ failure }) => failure === null);
    againMs = Date.now() - began;
    const bootId = again.all('connected')[0]?.bootId;
    if (bootId !== guest.observer.facts.bootId) faults.push('the new connection is to another boot');
  } catch (error) {
    faults.push(`no new connection: ${error instanceof Error ? error.message : error}`);
  } finally {
    await again.kill();
  }
  await guest.untilClean(GONE_MS);
  const stillMs = longestStill(client);
  return { knownMs, cleanMs, againMs, stillMs, faults: faults.map((fault) => `round ${number}: ${fault}`) };
}

async function series(moment: Moment, guest: Guest, context: ProofContext): Promise<Finding[]> {
  const seen: Seen[] = [];
  for (const each of context.rounds(ROUNDS, 1, moment.name)) {
    context.progress(`  ${moment.name}, round ${each.number} of ${ROUNDS}`);
    const one = await round(moment, guest, each);
    for (const fault of one.faults) context.progress(`    ${fault}`);
    seen.push(one);
  }
  if (seen.length === 0) return [];
  const longest = (of: (one: Seen) => number) => `${(Math.max(0, ...seen.map(of)) / 1000).toFixed(1)} s`;
  const faults = seen.flatMap((one) => one.faults);
  const known = seen.some(({ knownMs }) => knownMs > 0)
    ? `known after at most ${longest(({ knownMs }) => knownMs)}; `
    : '';
  const clean = moment.boots ? '' : `nothing left after at most ${longest(({ cleanMs }) => cleanMs)}; `;
  return [
    {
      what: `${moment.name}: ${moment.truth}`,
      measured:
        `${seen.length === 1 ? 'once' : `${seen.length} times`}; ${known}${clean}connected again with an answer in at most ${longest(({ againMs }) => againMs)}; ` +
        `client never still for more than ${longest(({ stillMs }) => stillMs)}${faults.map((fault) => `; ${fault}`).join('')}`,
      holds: faults.length === 0,
    },
  ];
}

export const moments: Proof = {
  name: 'moments',
  shows:
    'Whatever befalls a target at a random moment while every view is open: what is shown of it is true, nothing hangs, it can be connected to again, and nothing is left on it.',
  needsVm: true,
  async run(context) {
    const guest = await Guest.open();
    const findings: Finding[] = [];
    try {
      for (const moment of MOMENTS) {
        if (context.short && moment.boots) continue;
        findings.push(...(await series(moment, guest, context)));
      }
    } finally {
      await guest.close();
    }
    return {
      findings,
      notes: [
        'The views are those of a client in a process of its own: looks at all stacks, one after the other, dbgmsg, two traces of random kinds and the watch for errors, as root or by sudo. The disk of the root file system hangs in the emulator, which answers one byte a second: it is not on device mapper. What a client process does after its end cannot hang: it must end by itself once its connection is closed.',
      ],
    };
  },
};
