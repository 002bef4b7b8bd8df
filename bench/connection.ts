/** The connection itself, against OpenSSH's client on loopback: the same sshd, the same machine, in turns. */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { StreamCollector } from '../src/target/collector.ts';
import { lines, reach } from '../test/ssh/client.ts';
import { HostileServer } from '../test/ssh/hostile.ts';
import { descendants, isRunning, kill, Server, until } from '../test/ssh/server.ts';
import type { Flooded } from './flood-probe.ts';
import { above, type Figure, median, spread } from './report.ts';

const ROUNDS = 15;
const STREAM_ROUNDS = 3;
const STREAM_BYTES = 200_000_000;
/** The supervisor's lease and what the issue of an orphan may take beyond it, in seconds. */
const LEASE = 20;
const IDLE_SECONDS = 10;
const MIB = 1024 * 1024;

export async function benchConnection(): Promise<Figure[]> {
  if (process.getuid?.() !== 0)
    throw new Error('the figures of the connection start an sshd: run them as root');
  process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const server = await Server.start();
  server.trust('ed25519');
  const agent = startAgent(server);
  try {
    server.writeClientConfig('root', [`IdentityAgent ${agent.socket}`, 'IdentitiesOnly no']);
    return [
      await connecting(server),
      await streaming(server),
      await flood(),
      await idle(server),
      await frozen(server),
      await orphan(server),
    ];
  } finally {
    kill(agent.pid, 'SIGTERM');
    await server.dispose();
  }
}

function startAgent(server: Server): { socket: string; pid: number } {
  const socket = server.path('agent');
  const said = execFileSync('ssh-agent', ['-a', socket], { encoding: 'utf8' });
  const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]);
  execFileSync('ssh-add', ['-q', server.path('id')], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  return { socket, pid };
}

/** From the call to the first collector's answer; ssh from its start to the end of `true`. */
async function connecting(server: Server): Promise<Figure> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < ROUNDS + 1; round += 1) {
    const began = performance.now();
    const connection = await reach(server);
    const took = performance.now() - began;
    connection.dispose();
    const peerBegan = performance.now();
    await once(spawn('ssh', ['-F', server.configFile, server.alias, 'true'], { stdio: 'ignore' }), 'exit');
    const peerTook = performance.now() - peerBegan;
    // The first round loads what is loaded once.
    if (round > 0) {
      ours.push(took);
      theirs.push(peerTook);
    }
  }
  const ratio = median(ours) / median(theirs);
  return {
    what: `connect to the first collector's answer, key in the agent, loopback (min / median / max of ${ROUNDS})`,
    measured: `${spread(ours)}: ${ratio.toFixed(2)} of ssh's time`,
    peer: `ssh host true: ${spread(theirs)}`,
    goal: 'at most 1.5 of its time',
    missedBy: above(ratio, 1.5),
  };
}

/** Bytes of a stream's lines as they reach its decoder. */
function counting(script: string, count: (bytes: number) => void): StreamCollector<null, never> {
  return {
    ...lines(script),
    decoder: () => ({
      line: (text) => {
        count(text.length + 1);
        return [];
      },
      end: () => [],
    }),
  };
}

async function streaming(server: Server): Promise<Figure> {
  const line = 'x'.repeat(199);
  const script = `yes ${line} | head -c ${STREAM_BYTES}`;
  const ours: number[] = [];
  const theirs: number[] = [];
  const connection = await reach(server);
  for (let round = 0; round < STREAM_ROUNDS; round += 1) {
    let bytes = 0;
    const began = performance.now();
    const collector = counting(script, (more) => {
      bytes += more;
    });
    const stream = await connection.stream(collector, null, { events: () => {} });
    await stream.ended;
    ours.push(STREAM_BYTES / MIB / ((performance.now() - began) / 1000));
    if (bytes !== STREAM_BYTES) throw new Error(`${bytes} bytes of ${STREAM_BYTES} came`);
    const peerBegan = performance.now();
    const peer = spawn('ssh', ['-F', server.configFile, server.alias, `${script} | cat`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let heard = 0;
    peer.stdout.on('data', (piece: Buffer) => {
      heard += piece.length;
    });
    await once(peer, 'close');
    if (heard !== STREAM_BYTES) throw new Error(`ssh gave ${heard} bytes of ${STREAM_BYTES}`);
    theirs.push(STREAM_BYTES / MIB / ((performance.now() - peerBegan) / 1000));
  }
  connection.dispose();
  const ratio = median(ours) / median(theirs);
  return {
    what: `one stream of ${STREAM_BYTES / 1e6} MB in lines of 200 bytes, decoded (median of ${STREAM_ROUNDS})`,
    measured: `${median(ours).toFixed(0)} MiB/s: ${ratio.toFixed(2)} of ssh's`,
    peer: `ssh host cat, read by the same process: ${median(theirs).toFixed(0)} MiB/s`,
    goal: 'at least 0.7 of it',
    missedBy: ratio >= 0.7 ? null : `${Math.ceil((1 - ratio / 0.7) * 100)} %`,
  };
}

/** Memory of a client of its own, which the hostile server floods. */
async function flood(): Promise<Figure> {
  const server = await HostileServer.start();
  try {
    const probe = fileURLToPath(new URL('./flood-probe.ts', import.meta.url));
    const child = fork(probe, [String(server.port)], { execArgv: ['--import', 'tsx'] });
    await once(child, 'message');
    server.floodNext();
    child.send('go');
    const [{ idle, most, ms }] = (await once(child, 'message')) as [Flooded];
    return floodFigure((most - idle) / MIB, ms, server.sent);
  } finally {
    server.dispose();
  }
}

function floodFigure(grown: number, ms: number, sent: number): Figure {
  return {
    what: 'memory while a hostile server floods a channel that is not read, above idle',
    measured: `${grown.toFixed(0)} MiB, cut off after ${(ms / 1000).toFixed(1)} s and ${(sent / MIB).toFixed(0)} MiB`,
    peer: '',
    goal: 'at most 64 MiB',
    missedBy: above(grown, 64),
  };
}

/** ssh without a command, asking for a sign of life as often as ZScope does. */
function quietSsh(server: Server): ChildProcess {
  const alive = ['-o', 'ServerAliveInterval=2', '-o', 'ServerAliveCountMax=2'];
  return spawn('ssh', ['-F', server.configFile, ...alive, '-N', server.alias], { stdio: 'ignore' });
}

/** What a connection that nobody uses costs: processes that begin on the target, and bytes that reach it. */
async function idle(server: Server): Promise<Figure> {
  const connection = await reach(server);
  const ours = await cost(server);
  connection.dispose();
  await until('its end', 20_000, () => server.processes.length === 0);
  const peer = quietSsh(server);
  const theirs = await cost(server);
  peer.kill();
  await until('its end', 20_000, () => server.processes.length === 0);
  return {
    what: `an idle connection: processes started on the target in ${IDLE_SECONDS} s, and bytes that reach it`,
    measured: `${ours.processes} processes, ${ours.rate.toFixed(0)} bytes/s`,
    peer: `ssh -N with ServerAliveInterval 2: ${theirs.processes} processes, ${theirs.rate.toFixed(0)} bytes/s`,
    goal: 'no process',
    missedBy: above(ours.processes, 0),
  };
}

async function cost(server: Server): Promise<{ processes: number; rate: number }> {
  await until('only the session is there', 60_000, () => server.processes.length === 1);
  await sleep(3000); // The end of the sign-in.
  const before = new Set(server.processes);
  const [session] = before;
  const read = () => Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${session}/io`, 'utf8'))?.[1]);
  const from = read();
  const begun = new Set<number>();
  for (let tick = 0; tick < IDLE_SECONDS * 5; tick += 1) {
    await sleep(200);
    for (const pid of server.processes) if (!before.has(pid)) begun.add(pid);
  }
  return { processes: begun.size, rate: (read() - from) / IDLE_SECONDS };
}

async function frozen(server: Server): Promise<Figure> {
  const times: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const connection = await reach(server);
    times.push(await stopped(server, () => connection.state === 'silent'));
    connection.dispose();
    await until('its end', 20_000, () => server.processes.length === 0);
  }
  const peer = quietSsh(server);
  await until('ssh is connected', 20_000, () => server.processes.length === 1);
  const theirs = await stopped(server, () => peer.exitCode !== null);
  const worst = Math.max(...times);
  return {
    what: 'a server that is stopped is said to be silent (worst of 3), the connection kept',
    measured: `${worst.toFixed(1)} s`,
    peer: `ssh with ServerAliveInterval 2, ServerAliveCountMax 2 ends: ${theirs.toFixed(1)} s`,
    goal: 'at most 5 s',
    missedBy: above(worst, 5),
  };
}

/** Seconds from the stop of a server's sessions until that is seen; they go on after it. */
async function stopped(server: Server, isSeen: () => boolean): Promise<number> {
  const sessions = descendants(server.pid);
  const began = performance.now();
  for (const pid of sessions) kill(pid, 'SIGSTOP');
  await until('the stop is seen', 60_000, isSeen);
  const seconds = (performance.now() - began) / 1000;
  for (const pid of sessions) kill(pid, 'SIGCONT');
  return seconds;
}

/** A client is stopped for ever, which no end of a connection tells: what it ran ends with its lease. */
async function orphan(server: Server): Promise<Figure> {
  const name = `zscopebench${process.pid}`;
  const victim = fileURLToPath(new URL('../test/ssh/victim.ts', import.meta.url));
  const client = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      victim,
      server.configFile,
      server.alias,
      `sh -c 'while :; do sleep 1; done' ${name}`,
      '',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(client.stdout, 'data');
  await until('it runs', 20_000, () => isRunning(name));
  const began = performance.now();
  client.kill('SIGSTOP');
  // The client itself has the word among its arguments.
  const left = () => descendants(server.pid).some((pid) => argumentsOf(pid).includes(name));
  await until('the orphan is gone', 120_000, () => !left());
  const seconds = (performance.now() - began) / 1000;
  client.kill('SIGKILL');
  return {
    what: 'what a client ran is gone after it was stopped without a word',
    measured: `${seconds.toFixed(1)} s`,
    peer: '',
    goal: `the lease (${LEASE} s) and 5 s`,
    missedBy: above(seconds, LEASE + 5),
  };
}

function argumentsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
