/** Trace sessions that end in every way but the intended one. */
import { setTimeout as pause } from 'node:timers/promises';
import * as lab from '../lab/lab.ts';
import type { Random } from '../support/random.ts';
import { Relay } from '../vm/relay.ts';
import { until } from '../vm/target.ts';
import { ClientProcess } from './client-process.ts';
import { Guest } from './guest.ts';
import type { Finding, Proof, ProofContext, Round } from './proof.ts';
import { findingOf, longest, type RoundResult, series, struck, times } from './series.ts';
import { randomSession, randomSessions } from './sessions.ts';

/** Sessions of one client: a connection takes a few. */
const SESSIONS = 4;
/**
 * A target ends what has lost its client after 20 s without a beat; the rest is for a machine that emulates its
 * processor beside other work.
 */
const GONE_MS = 60_000;
const CONNECT_MS = 300_000;
/** sshd's own processes for a connection, in the lines of {@link Guest.look}. */
const SSHD = /^process \d+ \d+ sshd-/;
/** Longest time from the connection to the start of a session. */
const LATEST_START_MS = 3000;
/** From the connection to the moment while sessions are being set up, and from the start of the first of them while they run. */
const EARLY_MS = 5000;
const LATE_MS = 15_000;
/** A session that has not begun by then, on a busy machine, is struck as it is. */
const BEGIN_MS = 60_000;

interface Scene {
  readonly guest: Guest;
  readonly client: ClientProcess;
  /** The client's way to the VM. */
  readonly relay: Relay;
  readonly random: Random;
}

interface Way {
  readonly name: string;
  /** How many rounds of {@link SESSIONS} sessions. */
  readonly rounds: number;
  /** sshd is told nothing, and keeps its own process of the connection until it is, as with any other client. */
  readonly isSilent?: boolean;
  /** While the client connects. */
  before?(guest: Guest): Promise<void>;
  /** What happens at the moment. The client is killed after it where it still runs. */
  strike(scene: Scene): Promise<void>;
  /** Afterwards, before it is looked what is left. */
  after?(guest: Guest, random: Random): Promise<void>;
}

const WAYS: readonly Way[] = [
  {
    name: 'kill -9 of the client',
    rounds: 8,
    strike: ({ client }) => client.kill(),
  },
  {
    name: 'the link was reset',
    rounds: 5,
    async strike({ client, relay }) {
      relay.cut();
      await until('the client has ended by itself', CONNECT_MS, () => (client.hasEnded ? true : undefined));
    },
  },
  {
    name: 'the link fell silent (sshd keeps its own process until it is told)',
    rounds: 3,
    isSilent: true,
    async strike({ relay }) {
      // The client goes on, and cannot tell the target anything.
      relay.hold();
    },
  },
  {
    name: 'the VM was frozen, the client killed meanwhile, the VM thawed',
    rounds: 3,
    async strike({ client, random }) {
      await lab.freeze();
      try {
        await pause(random.below(10_000));
        await client.kill();
        await pause(random.below(15_000));
      } finally {
        await lab.thaw();
      }
    },
  },
  {
    name: 'the disk was full, and the client killed',
    rounds: 2,
    async before(guest) {
      // Not /tmp: what is in memory there would be missing elsewhere. Nothing of ours writes anyhow.
      await guest.ask(
        `for dir in / /run; do
          size=$(($(df -Pk $dir | awk 'NR == 2 { print $4 }') - 8192))
          fallocate -l \${size}k $dir/zscope-prove-fill
          dd if=/dev/zero of=$dir/zscope-prove-more bs=64k 2>/dev/null
        done
        ! echo x >/zscope-prove-probe || exit 1`,
      );
    },
    strike: ({ client }) => client.kill(),
    async after(guest) {
      await guest.ask('rm -f /zscope-prove-* /run/zscope-prove-*');
    },
  },
  {
    name: 'the module was unloaded meanwhile, and the client killed',
    rounds: 2,
    async strike({ guest, client, random }) {
      await guest.stopWork();
      const refused = await guest.ask('rmmod zfs 2>&1; true');
      await pause(random.below(3000));
      await client.kill();
      if (refused.trim() !== '') {
        // A probe that is enabled may hold it: then it must let go of it when the session ends.
        await until('the module can be unloaded', GONE_MS, async () =>
          (await guest.ask('rmmod zfs 2>&1; true')).trim() === '' ? true : undefined,
        );
      }
    },
    async after(guest) {
      await guest.ask('modprobe zfs');
      await guest.startWork();
    },
  },
  {
    name: 'the target was rebooted without warning',
    rounds: 2,
    async strike({ guest, client }) {
      const { bootId } = guest.observer.facts;
      await guest.sysrq('b');
      await guest.afterReboot(bootId);
      await client.kill();
    },
  },
];

interface Struck extends RoundResult {
  readonly sessions: number;
  /** Of these, how many the client knew to run. */
  readonly running: number;
  /** Instances that were made ahead of sessions which had not begun. */
  readonly ahead: number;
  /** From the moment (its end) until nothing was left, in milliseconds. */
  readonly tookMs: number;
}

async function round(way: Way, guest: Guest, { random }: Round): Promise<Struck> {
  const vm = await lab.requireUp();
  const relay = await Relay.to(vm.port);
  const sessions = randomSessions(random, SESSIONS, LATEST_START_MS);
  // One that nobody begins, in every other round after one of these: where all run there is room for none.
  const first = random.oneIn(2) ? sessions.filter(({ kind }) => kind !== 'watch').slice(0, 1) : [];
  const ahead = [...first, randomSession(random, 0)].map(({ sessionId }) => sessionId);
  const client = new ClientProcess({
    user: random.pick(['root', 'dev']),
    port: relay.port,
    deadAfterMs: 60_000,
    sessions,
    dbgmsg: false,
    ahead,
  });
  let running = 0;
  let made = 0;
  let tookMs = 0;
  const faults = await struck(client, async () => {
    await way.before?.(guest);
    await client.word('connected', CONNECT_MS);
    if (random.oneIn(2)) {
      await pause(random.below(EARLY_MS));
    } else {
      await client.word('begun', BEGIN_MS).catch(() => {});
      await pause(random.below(LATE_MS));
    }
    const instances = (await guest.look()).filter((line) => line.startsWith('instances/'));
    const begun = client.all('begun').map(({ stream }) => stream);
    const waiting = ahead.filter((id) => !begun.includes(id));
    running = begun.length;
    made = waiting.filter((id) => instances.some((line) => line.endsWith(`_${id}`))).length;
    await way.strike({ guest, client, relay, random });
    const clean = await guest.untilClean(GONE_MS, way.isSilent === true ? SSHD : undefined);
    tookMs = clean.tookMs;
    const left = clean.rests.length > 0 ? [`left: ${clean.rests.join(', ')}`] : [];
    if (way.isSilent !== true) return left;
    relay.cut();
    const { rests: last } = await guest.untilClean(GONE_MS);
    return last.length > 0 ? [...left, `left once sshd was told: ${last.join(', ')}`] : left;
  });
  await relay.stop();
  await way.after?.(guest, random);
  return { sessions: SESSIONS, running, ahead: made, tookMs, faults };
}

async function waySeries(way: Way, guest: Guest, context: ProofContext): Promise<readonly Finding[]> {
  const results = await series(
    context,
    way,
    (each) => round(way, guest, each),
    ({ running, ahead, tookMs }) => `${running} under way, ${ahead} made ahead, clean after ${tookMs} ms`,
  );
  const sum = (of: (one: Struck) => number) => results.reduce((all, one) => all + of(one), 0);
  return findingOf(
    way.name,
    results,
    `${sum(({ sessions }) => sessions)} sessions, ${sum(({ running }) => running)} of them under way, ${sum(({ ahead }) => ahead)} more instances made ahead; ` +
      `nothing left after at most ${longest(results, ({ tookMs }) => tookMs)}`,
  );
}

export const kills: Proof = {
  name: 'kills',
  shows:
    'A hundred trace sessions that end at a random moment in any way but the intended one leave no instance, probe, process or file on the target.',
  needsVm: true,
  async run(context) {
    const guest = await Guest.open();
    const findings: Finding[] = [];
    try {
      const files = new Set<string>();
      let looks = 0;
      // In the short form those that take seconds only.
      for (const way of context.short ? WAYS.slice(0, 2) : WAYS) {
        const found = await waySeries(way, guest, context);
        findings.push(...found);
        if (context.short || found.length === 0) continue;
        // After each: what is in memory is gone with a boot, and so is the time since when files are new.
        for (const file of await guest.newFiles()) files.add(file);
        looks += 1;
      }
      if (looks > 0) {
        findings.push({
          what: 'files that are new in any file system of the target after each of these, after a reboot since that',
          measured: files.size === 0 ? `none, looked for ${times(looks)}` : [...files].join(', '),
          holds: files.size === 0,
        });
      }
    } finally {
      await guest.close();
    }
    return {
      findings,
      notes: [
        `Each round is a client in a process of its own with ${SESSIONS} sessions of random kinds on functions that a workload calls all the time, as root or by sudo, struck up to ${EARLY_MS / 1000} s after it is connected or up to ${LATE_MS / 1000} s after the first of them has begun. A shell that stands by makes an instance ahead of one that nobody begins, in every other round after it has made one of these. Looked at are instances, probes and synthetic events, the settings of tracing at the top level, the kernel's list of kprobes, and all processes.`,
      ],
    };
  },
};
