import type { FtraceProgram, TraceParams } from '../../core/tracing/ftrace-program.ts';
import { GRAPH_ROOM, KINDS } from '../../core/tracing/kinds.ts';
import type { Step } from '../../core/tracing/program/steps.ts';
import { shellWord } from '../collector.ts';

const call = (...words: readonly string[]): string => words.map(shellWord).join(' ');

/** The mark at the start of what a session says of itself. */
export const markOf = (sessionId: string): string => `#zscope-${sessionId}`;

/** Machines whose kernels have 64-bit little-endian ring buffers, by `uname -m`. */
const READS_PAGES = ['x86_64', 'aarch64', 'riscv64', 'ppc64le', 'loongarch64'];

/** Whether calls of their own, without their ends, are read as pages there. */
const readerOn = (machine: string): string => (READS_PAGES.includes(machine) ? 'pages' : 'lines');

/** What a shell does for a session that is likely to come, with what it most often is: calls with their stacks. */
export function aheadScript({ sessionId, machine }: Pick<TraceParams, 'sessionId' | 'machine'>): string {
  return `${call('ahead', markOf(sessionId), sessionId, readerOn(machine))}\n`;
}

/** The script that runs a session, in the words of trace-run-shell.ts and trace-set-up-shell.ts. */
export function sessionScript(
  program: FtraceProgram,
  { sessionId, machine }: Pick<TraceParams, 'sessionId' | 'machine'>,
): string {
  const { kind, maxEvents, maxSeconds, maxRate } = program;
  const { how, pairs } = KINDS[kind];
  // A call and its stack, or its two ends and theirs.
  const shares = (pairs ? 2 : 1) * (program.stacks ? 2 : 1);
  // Pages are of one processor each: what is told by the order of calls on several comes as text, which the kernel orders.
  const reader = pairs || kind === 'graph' ? 'lines' : readerOn(machine);
  return `${[
    call('begin', markOf(sessionId), sessionId),
    // What belongs together may be of several processors.
    ...setUp(program, pairs || kind === 'graph' ? 'global' : 'local'),
    how === 'tally'
      ? call('tally', `${maxSeconds}`)
      : call(
          'record',
          `${kind === 'graph' ? maxEvents * GRAPH_ROOM : maxEvents}`,
          `${maxSeconds}`,
          `${maxRate}`,
          `${shares}`,
          reader,
        ),
  ].join('\n')}\n`;
}

/** The script that adds functions to a session that runs; each answers for itself, in their order. */
export function joinScript(programs: readonly FtraceProgram[], sessionId: string): string {
  const lines = [call('join', markOf(sessionId), sessionId)];
  for (const program of programs) {
    const { event, returnEvent, kind } = program;
    const events = returnEvent === null ? [event] : [returnEvent, event];
    // A refusal ends its own shell only.
    lines.push(
      '(',
      ...setUp(program, 'local'),
      ...(KINDS[kind].how === 'event' ? events.map((name) => call('enable', name)) : []),
      'say started $how',
      ')',
    );
  }
  return `${lines.join('\n')}\n`;
}

function setUp({ steps, stacks }: FtraceProgram, clock: string): string[] {
  const isProbe = (step: Step) => step.do === 'probe';
  return [
    ...steps.filter(isProbe).map(stepCall),
    call('ready', clock, stacks ? '1' : '0'),
    ...steps.filter((step) => !isProbe(step)).map(stepCall),
  ];
}

function stepCall(step: Step): string {
  switch (step.do) {
    case 'probe':
      return call('attach', step.type, step.event, step.fetches, step.lesser, ...step.places);
    case 'synthetic':
      return call('synthetic', step.event, step.fields);
    case 'graph':
      return call('graph', step.symbol, step.names.join(' '));
    case 'filter':
      return call('filter', step.event, step.filter);
    case 'trigger':
      return call('trigger', step.group, step.event, ...step.texts);
    case 'measure':
      return call('measure', step.from, step.to, step.into, step.filter === null ? '' : ` if ${step.filter}`);
  }
}
