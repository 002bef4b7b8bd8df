import { formatFrame, type Trace } from '../../stack/frame.ts';
import { inert } from '../../text/inert.ts';
import { isIncomplete, type KeptSession } from './session.ts';
import { type FunctionSummary, secondsOf, summarize } from './summary.ts';

/** One of something is less than this many times the other: no difference worth a line. */
const FACTOR = 1.5;

/** Latencies are measured in whole microseconds: below, a factor means nothing. In nanoseconds. */
const LEAST_LATENCY = 2000;

/** Calls below which a factor is chance. */
const LEAST_CALLS = 10;

/** Stacks of one side that are written out. */
const MOST_STACKS = 20;

/**
 * What differs between two sessions, as text: the first line is the most important difference. First come functions
 * that were called in one and not in the other, then errors, counts and latencies, then stacks, whose frames stand
 * as the kernel prints them.
 * @param names what the sessions are called in the text
 */
export function compareSessions(
  before: KeptSession,
  after: KeptSession,
  names: readonly [string, string] = ['before', 'after'],
): string {
  const [a, b] = names.map((name) => inert(name, 100)) as [string, string];
  const [one, two] = [summarize(before), summarize(after)];
  const functions = [...new Set([...one.keys(), ...two.keys()])].sort();
  const pairs = functions.map((name) => ({
    name: inert(name, 200),
    before: one.get(name) ?? null,
    after: two.get(name) ?? null,
  }));
  const shared = pairs.flatMap(({ name, before, after }) =>
    before !== null && after !== null ? [{ name, before, after }] : [],
  );
  const findings = [
    ...shared.flatMap((pair) => calledInOne(pair, a, b)),
    ...shared.flatMap((pair) => errorsInOne(pair, a, b)),
    ...shared.flatMap((pair) => countsDiffer(pair, a, b)),
    ...shared.flatMap((pair) => latencyDiffers(pair, a, b)),
    ...shared.flatMap((pair) => stacksInOne(pair, a, b)),
  ];
  const onlyTraced = pairs.flatMap(({ name, before, after }) =>
    before === null
      ? [`${name} was traced in ${b} only.`]
      : after === null
        ? [`${name} was traced in ${a} only.`]
        : [],
  );
  const lines = [
    findings[0] ??
      onlyTraced[0] ??
      `No difference in what was traced: ${functions.map((name) => inert(name, 200)).join(', ') || 'nothing'}.`,
    ...buildsDiffer(before, after, a, b),
    '',
    ...(findings.length + onlyTraced.length > 1 ? ['Differences', ''] : []),
    ...(findings.length + onlyTraced.length > 1
      ? [...[...findings, ...onlyTraced].map((finding) => `  ${finding}`), '']
      : []),
    ...about(before, a),
    ...about(after, b),
    ...table(pairs, a, b),
    ...shared.flatMap(({ name, before, after }) => [
      ...stackBlock(name, before, after, `only in ${a}`),
      ...stackBlock(name, after, before, `only in ${b}`),
    ]),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Modules of which another build ran: what differs may come of that. */
function buildsDiffer(before: KeptSession, after: KeptSession, a: string, b: string): string[] {
  const later = new Map(after.header.modules.map(({ module, buildId }) => [module, buildId]));
  return before.header.modules.flatMap(({ module, buildId }) => {
    const other = later.get(module);
    return other === undefined || other === buildId
      ? []
      : [`The builds of ${inert(module, 64)} differ: ${idText(buildId)} in ${a}, ${idText(other)} in ${b}.`];
  });
}

/** So much of a build-id as people compare by eye. */
function idText(buildId: string): string {
  return inert(buildId.slice(0, 12));
}

interface Pair {
  readonly name: string;
  readonly before: FunctionSummary;
  readonly after: FunctionSummary;
}

function calledInOne({ name, before, after }: Pair, a: string, b: string): string[] {
  if (before.calls > 0 && after.calls === 0) {
    return [`${name} is called ${times(before.calls)} in ${a} and never in ${b}.`];
  }
  return after.calls > 0 && before.calls === 0
    ? [`${name} is called ${times(after.calls)} in ${b} and never in ${a}.`]
    : [];
}

function errorsInOne({ name, before, after }: Pair, a: string, b: string): string[] {
  return [...new Set([...before.errors.keys(), ...after.errors.keys()])].sort().flatMap((key) => {
    const [one, two] = [before.errors.get(key) ?? 0, after.errors.get(key) ?? 0];
    const error = inert(key, 60);
    if (one === 0) {
      return [`${name} returns ${error} ${times(two)} in ${b} and never in ${a}.`];
    }
    if (two === 0) {
      return [`${name} returns ${error} ${times(one)} in ${a} and never in ${b}.`];
    }
    return differ(one / before.calls, two / after.calls) && Math.max(one, two) >= LEAST_CALLS
      ? [`${name} returns ${error} ${times(one)} in ${a} and ${times(two)} in ${b}.`]
      : [];
  });
}

function countsDiffer({ name, before, after }: Pair, a: string, b: string): string[] {
  const [one, two] = [before.calls, after.calls];
  if (one === 0 || two === 0 || Math.max(one, two) < LEAST_CALLS) {
    return [];
  }
  const rates = before.rate !== null && after.rate !== null;
  const differs = differ(one, two) && (!rates || differ(before.rate ?? 0, after.rate ?? 0));
  return differs
    ? [
        `${name} is called ${times(one)}${rateText(before)} in ${a} and ${times(two)}${rateText(after)} in ${b}.`,
      ]
    : [];
}

function latencyDiffers({ name, before, after }: Pair, a: string, b: string): string[] {
  return (['p50', 'p99'] as const).flatMap((part) => {
    const [one, two] = [before[part], after[part]];
    return one !== null && two !== null && Math.max(one, two) >= LEAST_LATENCY && differ(one, two)
      ? [
          `${name} takes ${quantileText(before, part)} in ${a} and ${quantileText(after, part)} in ${b} (${part}).`,
        ]
      : [];
  });
}

/** `2.5 ms`, `≈ 16 us` where the target summed durations up. */
function quantileText(summary: FunctionSummary, part: 'p50' | 'p99'): string {
  const value = summary[part];
  return value === null ? '-' : `${summary.isEstimate ? '≈ ' : ''}${duration(value)}`;
}

function stacksInOne({ name, before, after }: Pair, a: string, b: string): string[] {
  if (before.stacks.size === 0 || after.stacks.size === 0) {
    return []; // One of them kept no stacks, or it was not called: that was said.
  }
  const [lost, come] = [missing(before, after), missing(after, before)];
  const text = (count: number, where: string, other: string) =>
    count === 0
      ? []
      : [
          `${name} is reached by ${count} ${count === 1 ? 'way' : 'ways'} in ${where} that ${other} does not have.`,
        ];
  return [...text(lost.length, a, b), ...text(come.length, b, a)];
}

/** Stacks of one that the other does not have, the most frequent first. */
function missing(of: FunctionSummary, than: FunctionSummary): { trace: Trace; count: number }[] {
  return [...of.stacks]
    .filter(([chain]) => !than.stacks.has(chain))
    .map(([, stack]) => ({ ...stack }))
    .sort((x, y) => y.count - x.count);
}

function about(session: KeptSession, name: string): string[] {
  const { header, end } = session;
  const seconds = secondsOf(session);
  const builds = header.modules.map(({ module, buildId }) => `${module} ${idText(buildId)}`).join(', ');
  const parts = [
    inert(header.name, 200),
    `on ${inert(header.target.alias, 100)} (${inert(header.target.hostname, 100)})`,
    `kernel ${inert(header.target.kernel, 100)}`,
    header.target.zfsVersion === null ? 'ZFS not loaded' : `ZFS ${inert(header.target.zfsVersion, 100)}`,
    builds === '' ? '' : inert(builds, 200),
    header.startedAt === 0 ? '' : new Date(header.startedAt).toISOString(),
    seconds === null ? '' : `${seconds.toFixed(1)} s`,
  ].filter((part) => part !== '');
  const why =
    end === null ? 'it was cut off' : end.isCut ? 'what came last may be missing' : 'events were lost';
  const whole = isIncomplete(session) ? [`  Not whole: ${why}, so counts are lower bounds.`] : [];
  return [`${name}: ${parts.join(', ')}`, ...whole, ''];
}

function table(
  pairs: readonly {
    readonly name: string;
    readonly before: FunctionSummary | null;
    readonly after: FunctionSummary | null;
  }[],
  a: string,
  b: string,
): string[] {
  const cells = (one: FunctionSummary | null): string[] =>
    one === null
      ? ['-', '-', '-', '-']
      : [
          one.calls.toLocaleString('en-US'),
          quantileText(one, 'p50'),
          quantileText(one, 'p99'),
          [...one.errors].map(([error, count]) => `${inert(error, 30)} ×${count}`).join(' ') || '-',
        ];
  const rows = [
    ['function', '', 'calls', 'p50', 'p99', 'errors'],
    ...pairs.flatMap(({ name, before, after }) => [
      [name, a, ...cells(before)],
      ['', b, ...cells(after)],
    ]),
  ];
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, i) => Math.max(most[i] ?? 0, cell.length)),
    [],
  );
  return [
    ...rows.map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
    '',
  ];
}

function stackBlock(name: string, of: FunctionSummary, than: FunctionSummary, where: string): string[] {
  // Where the other was never called, all of them are what is missing there.
  if (than.stacks.size === 0 && than.calls > 0) {
    return [];
  }
  const stacks = missing(of, than);
  return [
    ...stacks
      .slice(0, MOST_STACKS)
      .flatMap(({ trace, count }) => [
        `${name}: ${where}, ${times(count)}`,
        ...trace.map((frame) => `  ${inert(formatFrame(frame), 600)}`),
        '',
      ]),
    ...(stacks.length > MOST_STACKS
      ? [`${name}: ${stacks.length - MOST_STACKS} more stacks ${where}`, '']
      : []),
  ];
}

function differ(one: number, two: number): boolean {
  const [low, high] = one < two ? [one, two] : [two, one];
  return high >= low * FACTOR && high > low;
}

function rateText({ rate }: FunctionSummary): string {
  return rate === null
    ? ''
    : ` (${rate >= 10 ? Math.round(rate).toLocaleString('en-US') : rate.toFixed(1)}/s)`;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count.toLocaleString('en-US')} times`;
}

/** `850 ns`, `12 us`, `1.4 ms`, `2.0 s` */
function duration(nanoseconds: number): string {
  const units: readonly (readonly [number, string])[] = [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'us'],
  ];
  const [size, unit] = units.find(([least]) => nanoseconds >= least) ?? [1, 'ns'];
  const value = nanoseconds / size;
  return `${value >= 10 || size === 1 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}
