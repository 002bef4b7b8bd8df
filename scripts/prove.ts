/**
 * `npm run prove`: the long proofs; words after it choose some: `npm run prove -- kills fuzz`. `--seed N`
 * and `--round N` run again what failed, `--part PATTERN` only the series whose names the regular expression fits, `--most N` runs no more rounds of a series, `--short` the least of each. With `--write` the tables
 * also replace those in docs/proofs.md. Exits with 1 when something does not hold.
 */
import { randomInt } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import * as lab from '../test/lab/lab.ts';
import { argumentPlaces } from '../test/prove/arguments.ts';
import { damaged } from '../test/prove/damaged.ts';
import { fuzz } from '../test/prove/fuzz.ts';
import { kills } from '../test/prove/kills.ts';
import { modules } from '../test/prove/modules.ts';
import { moments } from '../test/prove/moments.ts';
import { type Proof, ProofContext, type ProofResult } from '../test/prove/proof.ts';
import { tracers } from '../test/prove/tracers.ts';
import { vmlinux } from '../test/prove/vmlinux.ts';
import { window } from '../test/prove/window.ts';
import { repository } from '../test/support/paths.ts';
import { elapsedProgress } from '../test/support/progress.ts';

const proofs: readonly Proof[] = [
  moments,
  window,
  kills,
  fuzz,
  damaged,
  tracers,
  modules,
  vmlinux,
  argumentPlaces,
];

const progress = elapsedProgress();

interface Outcome {
  readonly proof: Proof;
  /** What was found; of a proof that was broken off, why. */
  readonly result: ProofResult | Error;
  readonly seconds: number;
}

const { values, positionals } = parseArgs({
  options: {
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    round: { type: 'string' },
    part: { type: 'string' },
    most: { type: 'string' },
    short: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const seed = Number(values.seed);
const replay = [
  `--seed ${seed}`,
  ...(values.round === undefined ? [] : [`--round ${values.round}`]),
  ...(values.part === undefined ? [] : [`--part '${values.part}'`]),
  ...(values.most === undefined ? [] : [`--most ${values.most}`]),
].join(' ');

async function run(proof: Proof): Promise<Outcome> {
  progress(`${proof.name} (${replay}): ${proof.shows}`);
  const started = Date.now();
  const context = new ProofContext(proof.name, {
    progress,
    seed,
    short: values.short,
    ...(values.round !== undefined && { onlyRound: Number(values.round) }),
    ...(values.part !== undefined && { part: values.part }),
    ...(values.most !== undefined && { most: Number(values.most) }),
  });
  let result: ProofResult | Error;
  try {
    result = await proof.run(context);
  } catch (error) {
    result = error instanceof Error ? error : new Error(String(error));
  }
  return { proof, result, seconds: Math.round((Date.now() - started) / 1000) };
}

/** What does not hold, in words; empty for a proof that holds. */
function faults({ result }: Outcome): string[] {
  if (result instanceof Error) return [`broken off: ${result.stack ?? result.message}`];
  if (result.findings.length === 0) return ['it looked at nothing'];
  return result.findings.filter(({ holds }) => !holds).map(({ what, measured }) => `${what}: ${measured}`);
}

/** The section of docs/proofs.md, without its heading. */
function section(outcome: Outcome, vm: lab.LabInfo | undefined): string {
  const { proof, result, seconds } = outcome;
  const cpus = os.cpus();
  const machine = `${cpus[0]?.model.trim() ?? 'unknown processor'}, ${cpus.length} cores`;
  const target =
    vm === undefined
      ? ''
      : `; VM ${vm.accelerator === 'kvm' ? 'with KVM' : 'emulated'}, kernel ${vm.image.kernelRelease}, ZFS ${vm.image.zfsVersion}`;
  const date = new Date().toISOString().slice(0, 10);
  const head = `${proof.shows}\n\n${date}, ${seconds} s, \`${replay}${values.short ? ' --short' : ''}\`; ${machine}, Node ${process.versions.node}${target}.`;
  if (result instanceof Error) return `${head}\n\n**Broken off**: ${result.message}`;
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const rows = result.findings.map(
    ({ what, measured, holds }) => `| ${cell(what)} | ${cell(measured)} | ${holds ? 'yes' : '**no**'} |`,
  );
  const table = ['| what | measured | holds |', '|---|---|---|', ...rows].join('\n');
  return [head, table, ...(result.notes ?? [])].join('\n\n');
}

/** Puts the new sections in the place of those of the same name; those of other proofs stay as they are. */
function write(sections: ReadonlyMap<string, string>): void {
  const file = path.join(repository, 'docs', 'proofs.md');
  const before = existsSync(file) ? readFileSync(file, 'utf8').split(/^## /m).slice(1) : [];
  const kept = new Map(
    before.map((text) => [text.split('\n', 1)[0] ?? '', text.replace(/^.*\n/, '').trim()]),
  );
  const all = proofs.flatMap(({ name }) => {
    const text = sections.get(name) ?? kept.get(name);
    return text === undefined ? [] : [`## ${name}\n\n${text}\n`];
  });
  const intro =
    'Each made by `npm run prove -- NAME --write`, with what was measured in that run. The seed runs it again.';
  writeFileSync(file, ['# Long proofs\n', `${intro}\n`, ...all].join('\n'));
  progress(`written: ${path.relative(repository, file)}`);
}

async function main(): Promise<number> {
  const unknown = positionals.filter((word) => !proofs.some(({ name }) => name === word));
  if (unknown.length > 0 || !Number.isSafeInteger(seed)) {
    console.error(
      `usage: npm run prove -- [--seed N] [--round N] [--part PATTERN] [--most N] [--short] [--write] [NAME...]`,
    );
    for (const { name, shows } of proofs) console.error(`  ${name.padEnd(12)} ${shows}`);
    return 2;
  }
  const chosen = proofs.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const endsVm = chosen.some(({ needsVm }) => needsVm === true) && (await lab.info()) === undefined;
  const sections = new Map<string, string>();
  const failed: string[] = [];
  try {
    for (const proof of chosen) {
      const vm = proof.needsVm === true ? await lab.ensureUp(progress) : undefined;
      const outcome = await run(proof);
      const text = section(outcome, vm);
      sections.set(proof.name, text);
      console.log(`\n## ${proof.name}\n\n${text}\n`);
      failed.push(...faults(outcome).map((fault) => `${proof.name}: ${fault}`));
    }
  } finally {
    if (endsVm && (await lab.info()) !== undefined) await lab.down(progress);
  }
  for (const fault of failed) console.log(`does not hold: ${fault}`);
  if (failed.length > 0) console.log(`Again: npm run prove -- ${replay}`);
  // A part of a proof does not take the place of the whole.
  if (values.write && values.part === undefined && values.round === undefined) write(sections);
  return failed.length > 0 || sections.size === 0 ? 1 : 0;
}

process.exitCode = await main();
