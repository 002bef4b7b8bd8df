/** A million inputs for each parser of what others write: hosts' keys, configurations, targets' output, conditions. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Random } from '../support/random.ts';
import { ComparedConfigurations, directives, WholeConfigurations } from './fuzz/configuration.ts';
import { framing } from './fuzz/framing.ts';
import { knownHosts } from './fuzz/known-hosts.ts';
import { programs } from './fuzz/programs.ts';
import { BATCH, type Series, type Slow } from './fuzz/series.ts';
import { toolPrograms } from './fuzz/tools.ts';
import { traceOutput } from './fuzz/trace-output.ts';
import type { Finding, Proof, ProofContext } from './proof.ts';

/** Heap that may be in use after a series more than before it, in MiB: what the engine itself keeps of its code. */
const MOST_KEPT = 16;
/** The heap's size that no series may reach between two batches, in MiB above where it began. */
const MOST_HELD = 256;
/** Largest input of those made to be slow; the whole form's, and the short one's. */
const LARGEST = { whole: 1 << 20, short: 1 << 18 } as const;
/**
 * Four times the input may take this much longer: linear is 4, quadratic 16. What is faster is not judged: there the
 * engine's own work counts for more, and what is quadratic takes many times longer at a mebibyte.
 */
const MOST_GROWTH = 8;
const FAST_MS = 250;
/** Nothing may take longer for the largest input, in milliseconds. */
const SLOWEST_MS = 10_000;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const mebibytes = (bytes: number): number => bytes / 2 ** 20;
const heap = (): number => mebibytes(process.memoryUsage().heapUsed);

async function millions(series: Series, context: ProofContext): Promise<Finding> {
  const what = `${series.name}: ${series.property}`;
  let before = 0;
  let highest = 0;
  let bytes = 0;
  let inputs = 0;
  const started = performance.now();
  for (const { number, random } of context.rounds(series.batches, 2, series.name)) {
    try {
      if (before === 0) {
        // Once before memory is looked at: code that is compiled stays.
        await series.batch(new Random(0));
        collect();
        before = heap();
      }
      bytes += await series.batch(random);
    } catch (error) {
      return {
        what,
        measured: `round ${number}: ${error instanceof Error ? error.message : error}`,
        holds: false,
      };
    }
    inputs += BATCH;
    highest = Math.max(highest, heap());
    if (number % 100 === 0) context.progress(`  ${series.name}: ${inputs.toLocaleString('en')} inputs`);
  }
  const seconds = (performance.now() - started) / 1000;
  collect();
  const kept = heap() - before;
  return {
    what,
    measured:
      `${inputs.toLocaleString('en')} inputs, ${mebibytes(bytes).toFixed(0)} MiB, in ${seconds.toFixed(0)} s; ` +
      `heap between batches at most ${(highest - before).toFixed(0)} MiB more, ${Math.max(0, kept).toFixed(1)} MiB more at the end`,
    holds: kept <= MOST_KEPT && highest - before <= MOST_HELD,
  };
}

/** The least processor time of three tries, in milliseconds: other work on the machine makes it longer, never shorter. */
function leastTime(run: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 3 && least > FAST_MS / 8; turn++) {
    const started = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(started);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

interface Growth {
  readonly slow: Slow;
  /** Milliseconds for the largest input that was tried. */
  readonly took: number;
  readonly bytes: number;
  /** How much longer that took than a quarter of it. */
  readonly growth: number;
  readonly holds: boolean;
}

function growth(slow: Slow, largest: number): Growth {
  let before = 0;
  for (let bytes = largest / 64; ; bytes *= 4) {
    const took = leastTime(slow.of(bytes));
    const times = before === 0 ? 0 : took / before;
    const holds = took <= FAST_MS || before === 0 || (times <= MOST_GROWTH && took <= SLOWEST_MS);
    if (bytes >= largest || !holds) return { slow, took, bytes, growth: times, holds };
    before = took;
  }
}

function linear(series: Series, context: ProofContext): Finding[] {
  if (series.slow.length === 0) return [];
  const results = series.slow.map((slow) => growth(slow, context.short ? LARGEST.short : LARGEST.whole));
  const worst = results.reduce((one, other) => (other.took > one.took ? other : one));
  const bad = results.filter(({ holds }) => !holds);
  const text = ({ slow, took, bytes, growth: times }: Growth) =>
    `${slow.what}, ${Math.round(bytes / 1024)} KiB: ${took.toFixed(1)} ms, ${times.toFixed(1)} times a quarter of it`;
  return [
    {
      what: `${series.name}: time for ${results.length} inputs made to be slow grows as their size does`,
      measured: bad.length > 0 ? bad.map(text).join('; ') : `slowest: ${text(worst)}`,
      holds: bad.length === 0,
    },
  ];
}

export const fuzz: Proof = {
  name: 'fuzz',
  shows:
    'Parsers of what others write neither break nor hang nor grow: a million random inputs each, and inputs made to be slow.',
  async run(context) {
    const whole = new WholeConfigurations();
    const compared = new ComparedConfigurations();
    const findings: Finding[] = [];
    try {
      for (const series of [
        knownHosts,
        directives,
        whole,
        compared,
        framing,
        traceOutput,
        programs,
        toolPrograms,
      ]) {
        if (context.rounds(series.batches, 2, series.name).length === 0) continue;
        context.progress(`  ${series.name}`);
        findings.push(await millions(series, context), ...linear(series, context));
      }
    } finally {
      whole.dispose();
      compared.dispose();
    }
    return {
      findings,
      notes: [
        'known_hosts and configurations are read as whole files, so there is nothing to cut in them. A configuration from file to host takes 20,000 inputs, each written to a file, and beside ssh, which is started for each, 5,000.',
      ],
    };
  },
};
