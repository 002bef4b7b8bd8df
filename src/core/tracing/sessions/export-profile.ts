/** Sessions for viewers of profiles: whole JSON documents, in pieces of a line or so. */
import { formatFrame, type Trace } from '../../stack/frame.ts';
import { inert } from '../../text/inert.ts';
import type { BelowCall, CallEvent } from '../events.ts';
import { stackOf } from './export-text.ts';
import type { KeptSession } from './session.ts';

/** A process id for all threads: a session does not know their processes. */
const PROCESS = 1;

/**
 * Trace events in JSON ("Trace Event Format", the object form), which Perfetto's UI and chrome://tracing open. A call
 * with a duration is a complete event (`X`) of its thread, others are instants (`i`). Times are microseconds.
 */
export function* perfettoPieces({ header, events }: KeptSession): Generator<string> {
  const threads = new Map<number, string>();
  yield '{"displayTimeUnit":"ns","traceEvents":[\n';
  yield JSON.stringify({
    ph: 'M',
    name: 'process_name',
    pid: PROCESS,
    tid: 0,
    args: { name: inert(`${header.target.alias}: ${header.name}`) },
  });
  for (const event of events) {
    if (event.kind === 'call') {
      if (!threads.has(event.pid)) {
        threads.set(event.pid, event.comm);
        const args = { name: inert(event.comm) };
        yield `,\n${JSON.stringify({ ph: 'M', name: 'thread_name', pid: PROCESS, tid: event.pid, args })}`;
      }
      yield `,\n${JSON.stringify(traceEvent(event))}`;
      for (const below of event.below ?? []) {
        yield `,\n${JSON.stringify(belowEvent(event, below))}`;
      }
    }
  }
  yield '\n]}\n';
}

function traceEvent(event: CallEvent): object {
  const { time, pid, cpu, symbol, returned, durationNs } = event;
  const args: Record<string, string | number> = { cpu };
  for (const { name, value } of event.arguments) {
    args[inert(name)] = inert(value);
  }
  if (returned) {
    args['returned'] = inert(
      returned.errno === null ? returned.value : `${returned.value} ${returned.errno}`,
    );
  }
  if (event.stack.length > 0) {
    args['stack'] = event.stack.map((frame) => inert(formatFrame(frame))).join('\n');
  }
  const common = { name: inert(symbol), cat: 'call', pid: PROCESS, tid: pid, ts: microseconds(time), args };
  return typeof durationNs === 'number'
    ? { ...common, ph: 'X', dur: durationNs / 1000 }
    : { ...common, ph: 'i', s: 't' };
}

function belowEvent({ time, pid }: CallEvent, { frame, startNs, durationNs }: BelowCall): object {
  const common = {
    name: inert(frame.symbol),
    cat: 'below',
    pid: PROCESS,
    tid: pid,
    ts: microseconds(time) + startNs / 1000,
  };
  return durationNs === null
    ? { ...common, ph: 'i', s: 't' }
    : { ...common, ph: 'X', dur: durationNs / 1000 };
}

/** Three digits behind the point: nanoseconds. */
function microseconds(seconds: number): number {
  return Math.round(seconds * 1e9) / 1000;
}

/**
 * A sampled profile in speedscope's file format (its file-format-schema.json): each stack once, weighed by how often
 * it came, or by how long its calls took where that was measured.
 */
export function* speedscopePieces(session: KeptSession): Generator<string> {
  const frames: { readonly name: string }[] = [];
  const numbers = new Map<string, number>();
  const numberOf = (name: string): number => {
    let number = numbers.get(name);
    if (number === undefined) {
      number = frames.length;
      numbers.set(name, number);
      frames.push({ name });
    }
    return number;
  };
  const weights = new Map<string, { readonly sample: readonly number[]; weight: number }>();
  const add = (trace: Trace, weight: number): void => {
    const sample = trace
      .filter(({ reliable }) => reliable)
      .map(({ symbol, module }) => numberOf(inert(module === null ? symbol : `${symbol} [${module}]`)))
      .reverse();
    const key = sample.join();
    const known = weights.get(key);
    if (known === undefined) {
      weights.set(key, { sample, weight });
    } else {
      known.weight += weight;
    }
  };
  const calls = session.events.filter((event) => event.kind === 'call');
  const byTime = calls.length > 0 && calls.every(({ durationNs }) => typeof durationNs === 'number');
  for (const event of calls) {
    add(stackOf(event), byTime ? (event.durationNs ?? 0) : 1);
  }
  for (const tally of byTime ? [] : session.tallies) {
    for (const { stack, count } of tally.of === 'stacks' ? tally.rows : []) {
      add(stack, count);
    }
  }
  const all = [...weights.values()];
  const name = inert(session.header.name);
  yield `${JSON.stringify({
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    name,
    exporter: 'ZScope',
    activeProfileIndex: 0,
    shared: { frames },
    profiles: [
      {
        type: 'sampled',
        name,
        unit: byTime ? 'nanoseconds' : 'none',
        startValue: 0,
        endValue: all.reduce((sum, { weight }) => sum + weight, 0),
        samples: all.map(({ sample }) => sample),
        weights: all.map(({ weight }) => weight),
      },
    ],
  })}\n`;
}
