/** Text to frames: a long log of sysrq dumps, and text made to be slow. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** FlameGraph's script is in no package of Debian: it is used where it is on the PATH, or named here. */
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
    const peer = peerRate(fill(path.join(folder, 'perf'), golden('perf-script.txt'), SIZE));
    const memory = Math.max(...probes.map(({ memory }) => memory)) / 1024;
    const hostile = ['[', 'a+0x1/0x1 ', '#1 0x1234 in a ('].map((unit) =>
      read(fill(path.join(folder, 'hostile'), unit, HOSTILE_SIZE)),
    );
    return [
      {
        what: `text to frames, 100 MB of sysrq-t dumps with ${probes[0]?.frames ?? 0} frames (min / median / max of ${ROUNDS})`,
        measured: `${spread(probes.map(({ ms }) => ms))}: ${Math.round(rate)} MB/s${peer === null ? '' : `, ${(rate / peer).toFixed(1)} times the peer`}; at most ${Math.round(memory)} MiB`,
        peer:
          peer === null
            ? 'stackcollapse-perf.pl is not on this machine'
            : `stackcollapse-perf.pl on 100 MB of perf script: ${Math.round(peer)} MB/s`,
        goal: 'at least 100 MB/s, and 20 times the peer',
        missedBy: below(rate, Math.max(100, 20 * (peer ?? 0))),
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

/** MB/s of FlameGraph's script, null where it is not. */
function peerRate(file: string): number | null {
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
  return SIZE / 1000 / median(times);
}

/** For {@link Figure.missedBy}: how far a value is below the least that it may be. */
function below(value: number, limit: number): string | null {
  return value >= limit ? null : `${Math.ceil((1 - value / limit) * 100)} %`;
}
