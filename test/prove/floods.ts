/** Floods of calls against what traces tell of them: all, in order, or how many are missing. */
import type { Connection } from '../../src/target/connection.ts';
import { type Flood, type FloodTraceOptions, quickestPace, traceFlood } from '../vm/floods.ts';
import type { Finding, ProofContext } from './proof.ts';

interface Row {
  readonly what: string;
  readonly trace: FloodTraceOptions;
  readonly flood: Flood;
  /** Whether the kernel is to have no room for some; absent where it is to have for all. */
  readonly loses?: true;
}

/** Single calls, which come as lines; then as many as two processes can, which come as pages. */
const FLOODS: Flood = { calls: 5000, processes: 2, slow: 10, rate: null };

const ROWS: readonly Row[] = [
  { what: 'with stacks', trace: { stacks: true }, flood: FLOODS },
  { what: 'without stacks', trace: { stacks: false }, flood: FLOODS },
  {
    what: 'with stacks, where the kernel has little room',
    trace: { stacks: true, bufferKiB: 16 },
    flood: FLOODS,
    loses: true,
  },
  {
    what: 'without stacks, where the kernel has little room',
    trace: { stacks: false, bufferKiB: 16 },
    flood: FLOODS,
    loses: true,
  },
];

/** Calls a second with stacks that are to come without a loss: more than three times what bcc's `trace -K` tells of on such a machine. */
const LEAST_PACE = 1200;

/** @param folder on a pool of the VM */
export async function floods(
  context: ProofContext,
  connection: Connection,
  observer: Connection,
  folder: string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const isChosen = (name: string) => context.rounds(1, 1, name).length > 0;
  for (const { what, trace, flood, loses } of ROWS) {
    const name = `ftrace, a flood of calls, ${what}`;
    if (!isChosen(name)) continue;
    context.progress(name);
    const { trace: running, faults, rate } = await traceFlood(connection, observer, folder, trace, flood);
    const wrong = [
      ...faults,
      ...(running.pages > 0 ? [] : ['no pages were read']),
      ...(running.lost > 0 === (loses ?? false) ? [] : ['the kernel had room for another number']),
    ];
    const lost = running.lost === 0 ? 'none lost' : `${running.lost} entries lost, and it is said`;
    const calls = `${running.calls.length} of ${flood.calls * flood.processes} calls`;
    const measured = [`${calls} at ${perSecond(rate)}, ${lost}`, ...wrong].join('; ');
    findings.push({ what: name, measured, holds: wrong.length === 0 });
    context.progress(`  ${measured}`);
  }
  const name = 'ftrace, calls at a steady pace, with stacks: the quickest without a loss';
  if (isChosen(name)) {
    context.progress(name);
    const { quickest, found } = await quickestPace(connection, observer, folder, true);
    findings.push({
      what: name,
      measured: `${perSecond(quickest)} (${found.join('; ')})`,
      holds: quickest >= LEAST_PACE,
    });
  }
  return findings;
}

const perSecond = (rate: number) => `${Math.round(rate).toLocaleString('en')}/s`;
