/** Text to frames: a long log of sysrq dumps, and text made to be slow. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import esbuild from 'esbuild';
import { repository } from '../test/support/paths.ts';
import { type Figure, median, spread } from './report.ts';

const ROUNDS = 5;
const PEER_ROUNDS = 3;

/** Bytes of the logs. */
const SIZE = 100_000_000;
const HOSTILE_SIZE = 50_000_000;

/**
 * FlameGraph's script is in no package of Debian: it is used where it is on the PATH, or named here; else
 * the script of the same task that is part of perf.
 */
const STACKCOLLAPSE = process.env['STACKCOLLAPSE_PERF'] ?? 'stackcollapse-perf.pl';

interface Probe {
  readonly ms: number;
  readonly frames: number;
  readonly memory: number;
}

export async function benchStackText(): Promise<Figure[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-stack-text-'));
  try {
    const probe = path.join(folder, 'probe.cjs');
    await esbuild.build({
      entryPoints: ['bench/stack-text-probe.ts'],
      ...{ bundle: true, minify: true, platform: 'node', format: 'cjs', target: 'node20', outfile: probe },
    });
    const read = (file: string) =>
      JSON.parse(execFileSync(process.execPath, [probe, file], { encoding: 'utf8' })) as Probe;
    const log = fill(path.join(folder, 'log'), golden('linux-sysrq-t.txt'), SIZE);
    const probes = Array.from({ length: ROUNDS }, () => read(log));
    const rate = SIZE / 1000 / median(probes.map(({ ms }) => ms));
    const peer =
      flameGraph(fill(path.join(folder, 'perf'), golden('perf-script.txt'), SIZE)) ??
      ownOfPerf(folder, [process.execPath, probe, log]);
    const memory = Math.max(...probes.map(({ memory }) => memory)) / 1024;
    const hostile = ['[', 'a+0x1/0x1 ', '#1 0x1234 in a ('].map((unit) =>
      read(fill(path.join(folder, 'hostile'), unit, HOSTILE_SIZE)),
    );
    return [
      {
        what: `text to frames, 100 MB of sysrq-t dumps with ${probes[0]?.frames ?? 0} frames (min / median / max of ${ROUNDS})`,
        measured: `${spread(probes.map(({ ms }) => ms))}: ${Math.round(rate)} MB/s${peer === null ? '' : `, ${(rate / peer.rate).toFixed(1)} times the peer`}; at most ${Math.round(memory)} MiB`,
        peer:
          peer === null
            ? 'neither stackcollapse-perf.pl nor perf is on this machine'
            : `${peer.what}: ${Math.round(peer.rate)} MB/s`,
        goal: 'at least 100 MB/s, and 20 times the peer',
        missedBy: below(rate, Math.max(100, 20 * (peer?.rate ?? 0))),
      },
      {
        what: 'a line of 50 MB, of three kinds made to be slow (min / median / max)',
        measured: spread(hostile.map(({ ms }) => ms)),
        peer: '',
        goal: '',
        missedBy: null,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function golden(name: string): string {
  return readFileSync(path.join(repository, 'test/unit/core/stack/text/golden/captured', name), 'utf8');
}

/** Writes `text` over and over. */
function fill(file: string, text: string, size: number): string {
  writeFileSync(file, text.repeat(Math.ceil(size / text.length)).slice(0, size));
  return file;
}

/** What else makes frames of text, and its MB/s. */
interface Peer {
  readonly what: string;
  readonly rate: number;
}

/** FlameGraph's script, null where it is not. */
function flameGraph(file: string): Peer | null {
  const times: number[] = [];
  for (let round = 0; round < PEER_ROUNDS; round++) {
    const input = openSync(file, 'r');
    const started = performance.now();
    const { status, error } = spawnSync(STACKCOLLAPSE, { stdio: [input, 'ignore', 'ignore'] });
    times.push(performance.now() - started);
    closeSync(input);
    if (error !== undefined || status !== 0) {
      return null;
    }
  }
  return { what: 'stackcollapse-perf.pl on 100 MB of perf script', rate: SIZE / 1000 / median(times) };
}

/**
 * perf's own stackcollapse.py (linux-perf): it takes the samples from perf itself, so its input is counted
 * as the text that `perf script` prints of them. Null where it cannot run.
 */
function ownOfPerf(folder: string, workload: readonly string[]): Peer | null {
  const data = path.join(folder, 'perf.data');
  const text = path.join(folder, 'perf.txt');
  const record = ['record', '-q', '-e', 'cpu-clock', '-F', '4000', '-g', '-o', data, '--', ...workload];
  if (spawnSync('perf', record, { stdio: 'ignore' }).status !== 0) {
    return null;
  }
  const output = openSync(text, 'w');
  spawnSync('perf', ['script', '-i', data], { stdio: ['ignore', output, 'ignore'] });
  closeSync(output);
  const times: number[] = [];
  for (let round = 0; round < PEER_ROUNDS; round++) {
    const started = performance.now();
    const { status } = spawnSync('perf', ['script', 'report', 'stackcollapse', '-i', data], {
      stdio: 'ignore',
    });
    times.push(performance.now() - started);
    if (status !== 0) {
      return null;
    }
  }
  const size = statSync(text).size;
  const what = `perf script report stackcollapse (stackcollapse.py of linux-perf) on what perf script prints as ${Math.round(size / 1e6)} MB`;
  return { what, rate: size / 1000 / median(times) };
}

/** For {@link Figure.missedBy}: how far a value is below the least that it may be. */
function below(value: number, limit: number): string | null {
  return value >= limit ? null : `${Math.ceil((1 - value / limit) * 100)} %`;
}
