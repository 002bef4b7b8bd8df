/** Whatever befalls a machine while every view of it is open in a client process. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectionState } from '../../src/target/connection.ts';
import * as lab from '../lab/lab.ts';
import type { Random } from '../support/random.ts';
import { until } from '../vm/target.ts';
import { MOMENTS, type Moment, type Onlooker } from './befall.ts';
import { ClientProcess } from './client-process.ts';
import { Guest } from './guest.ts';
import type { Finding, Proof, ProofContext, Round } from './proof.ts';
import { findingOf, longest, type RoundResult, series, struck, times } from './series.ts';
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

class ClientOnlooker implements Onlooker {
  readonly deadAfterMs = DEAD_AFTER_MS;

  constructor(private readonly client: ClientProcess) {}

  async says(wanted: ConnectionState, since: number, limitMs: number): Promise<number> {
    const { at } = await this.client.word('state', limitMs, since, ({ state }) => state === wanted);
    return at;
  }

  async closes(since: number, limitMs: number): Promise<number> {
    const { client } = this;
    const { at, why } = await client.word('state', limitMs, since, ({ state }) => state === 'closed');
    if (why === '') throw new Error('the connection is closed and nobody says why');
    await until('the client has ended by itself', END_MS, () => (client.hasEnded ? true : undefined));
    const open = client
      .all('begun')
      .filter(({ stream }) => !client.all('ended').some((end) => end.stream === stream));
    if (open.length > 0) throw new Error(`streams without an end: ${open.map(({ stream }) => stream)}`);
    return at;
  }

  async goesOn(since: number): Promise<void> {
    const { client } = this;
    await client.word('snapshot', ANSWER_MS, since, ({ failure }) => failure === null);
    if (client.all('begun').length > 0) await client.word('events', 60_000, since);
    const ended = client.all('ended').filter(({ at }) => at >= since);
    if (ended.length > 0) throw new Error(`streams ended: ${JSON.stringify(ended)}`);
  }

  async complaints(since: number): Promise<string[]> {
    const states = this.client.all('state').filter(({ state }) => state !== 'connected');
    const failed = this.client.all('snapshot').filter(({ failure }) => failure !== null);
    return [...states, ...failed].filter(({ at }) => at >= since).map((word) => JSON.stringify(word));
  }
}

interface Seen extends RoundResult {
  /** Null where there was nothing to know. */
  readonly knownMs: number | null;
  readonly cleanMs: number;
  readonly againMs: number;
  readonly stillMs: number;
}

/** The longest time between two signs of life of the client's event loop. */
function longestStill(client: ClientProcess): number {
  const at = client.all('alive').map((word) => word.at);
  return Math.max(0, ...at.slice(1).map((time, index) => time - (at[index] ?? time)));
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

async function round(moment: Moment, guest: Guest, { random }: Round): Promise<Seen> {
  const client = begin(random);
  let knownMs: number | null = null;
  const faults = await struck(client, async () => {
    await client.word('connected', CONNECT_MS);
    await pause(random.below(LATEST_MS));
    knownMs = await moment.strike({ guest, onlooker: new ClientOnlooker(client), random });
    const unanswered = client.all('snapshot').filter(({ tookMs }) => tookMs > ANSWER_MS);
    return [
      ...unanswered.map((word) => `a question without an end in time: ${JSON.stringify(word)}`),
      ...(longestStill(client) > STILL_MS ? [`the client stood still for ${longestStill(client)} ms`] : []),
    ];
  });
  // A round that went wrong is not to be the next one's.
  if (faults.length > 0 && moment.ends === 'boot') await lab.reset().then(() => guest.begin());
  const { tookMs: cleanMs, rests } = await guest.untilClean(GONE_MS);
  if (rests.length > 0) faults.push(`left: ${rests.join(', ')}`);
  const again = begin(random);
  const began = Date.now();
  let againMs = 0;
  const lateFaults = await struck(again, async () => {
    await again.word('snapshot', CONNECT_MS, 0, ({ failure }) => failure === null);
    againMs = Date.now() - began;
    const isThere = again.all('connected')[0]?.bootId === guest.observer.facts.bootId;
    return isThere ? [] : ['the new connection is to another boot'];
  });
  faults.push(...lateFaults.map((fault) => `connecting again: ${fault}`));
  await guest.untilClean(GONE_MS);
  return { knownMs, cleanMs, againMs, stillMs: longestStill(client), faults };
}

async function momentSeries(
  moment: Moment,
  guest: Guest,
  context: ProofContext,
): Promise<readonly Finding[]> {
  const seen = await series(
    context,
    { name: moment.name, rounds: ROUNDS },
    (each) => round(moment, guest, each),
    ({ cleanMs, againMs }) => `clean after ${cleanMs} ms, connected again after ${againMs} ms`,
  );
  const known = seen.some(({ knownMs }) => knownMs !== null)
    ? `known after at most ${longest(seen, ({ knownMs }) => knownMs ?? 0)}; `
    : '';
  const clean =
    moment.ends === 'boot' ? '' : `nothing left after at most ${longest(seen, ({ cleanMs }) => cleanMs)}; `;
  return findingOf(
    `${moment.name}: ${moment.truth}`,
    seen,
    `${times(seen.length)}; ${known}${clean}connected again with an answer in at most ${longest(seen, ({ againMs }) => againMs)}; ` +
      `client never still for more than ${longest(seen, ({ stillMs }) => stillMs)}`,
  );
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
        if (context.short && moment.ends === 'boot') continue;
        findings.push(...(await momentSeries(moment, guest, context)));
      }
    } finally {
      await guest.close();
    }
    return {
      findings,
      notes: [
        'The views are those of a client in a process of its own: looks at all stacks, one after the other, dbgmsg, two traces of random kinds and the watch for errors, as root or by sudo. A machine that is silent is given up after 30 s. The disk of the root file system hangs in the emulator, which answers one byte a second: it is not on device mapper. What a client process does after its end cannot hang: it must end by itself once its connection is closed.',
      ],
    };
  },
};
