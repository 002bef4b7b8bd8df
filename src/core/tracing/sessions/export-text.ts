/** Sessions as text for people and for tools that read text. */
import { formatFrame, type Trace } from '../../stack/frame.ts';
import { inert } from '../../text/inert.ts';
import type { BelowCall, CallEvent, TraceEvent } from '../events.ts';
import type { KeptSession } from './session.ts';

/**
 * As bcc's `trace -K -t` prints calls: a line each, its stack indented below. The thread is named where bcc names
 * process and thread, since a session knows the thread alone.
 */
export function* textLines(session: KeptSession): Generator<string> {
  yield `${'TIME'.padEnd(12)} ${'TID'.padEnd(7)} ${'COMM'.padEnd(15)} ${'FUNC'.padEnd(16)} -`;
  for (const event of session.events) {
    if (event.kind === 'loss') {
      yield `Possibly lost ${event.count ?? 'some'} samples`;
      continue;
    }
    const time = event.time.toFixed(6).padEnd(12);
    const who = `${String(event.pid).padEnd(7)} ${inert(event.comm).padEnd(15)}`;
    yield `${time} ${who} ${inert(event.symbol).padEnd(16)} ${inert(callText(event))}`.trimEnd();
    yield* event.stack.map((frame) => `        ${inert(formatFrame(frame))}`);
    yield* (event.below ?? []).map((call) => `        ${inert(belowText(call))}`);
    if (event.stack.length > 0) {
      yield '';
    }
  }
}

/** `   12.5 us |   zil_commit_impl()`: indented by how deep it is, as function_graph prints it. */
function belowText({ depth, frame, durationNs }: BelowCall): string {
  const time = durationNs === null ? '' : `${durationNs / 1000} us`;
  return `${time.padStart(12)} | ${'  '.repeat(depth - 1)}${frame.symbol}()`;
}

/** `foid=34 = 5 EIO 12 us` */
function callText({ arguments: values, returned, durationNs }: CallEvent): string {
  return [
    ...values.map(({ name, value }) => `${name}=${value}`),
    ...(returned ? [`= ${returned.value}${returned.errno === null ? '' : ` ${returned.errno}`}`] : []),
    ...(typeof durationNs === 'number' ? [`${durationNs / 1000} us`] : []),
  ].join(' ');
}

/**
 * Comma-separated values (RFC 4180): a row for each call, the arguments in one cell, the stack, outermost function
 * first, in another. A text that a spreadsheet would take for a formula gets an apostrophe before it.
 */
export function* csvLines({ events }: KeptSession): Generator<string> {
  yield 'time,comm,tid,cpu,function,arguments,returned,error,duration_ns,stack';
  for (const event of events) {
    if (event.kind === 'call') {
      const values = event.arguments.map(({ name, value }) => `${name}=${value}`).join('; ');
      yield [
        event.time.toFixed(6),
        textCell(event.comm),
        event.pid,
        event.cpu,
        textCell(event.symbol),
        textCell(values),
        numberCell(event.returned?.value ?? ''),
        textCell(event.returned?.errno ?? ''),
        event.durationNs ?? '',
        textCell(chain(event.stack)),
      ].join(',');
    }
  }
}

/** A value from a file may be any text; a negative number is no formula. */
function numberCell(value: string): string {
  return /^-?\d+$/.test(value) ? value : textCell(value);
}

function textCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A JSON object a line (jsonlines.org): each event whole, its stack as text. */
export function* jsonLines({ events, tallies }: KeptSession): Generator<string> {
  for (const event of events) {
    yield JSON.stringify(event.kind === 'call' ? wholeCall(event) : event);
  }
  for (const tally of tallies) {
    yield JSON.stringify(
      tally.of === 'stacks'
        ? { ...tally, rows: tally.rows.map(({ stack, count }) => ({ stack: stack.map(formatFrame), count })) }
        : tally,
    );
  }
}

function wholeCall(event: CallEvent): object {
  return {
    ...event,
    arguments: event.arguments.map(({ name, value }) => ({ name, value })),
    stack: event.stack.map(formatFrame),
  };
}

/**
 * Folded stacks, as FlameGraph's stackcollapse scripts print them: functions from the outermost on, semicolons
 * between, then how often. Tasks are the first entry of each.
 */
export function* foldedLines(session: KeptSession): Generator<string> {
  for (const [stack, count] of countStacks(session)) {
    yield `${stack} ${count}`;
  }
}

function countStacks({ events, tallies }: KeptSession): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (key: string, count: number) => counts.set(key, (counts.get(key) ?? 0) + count);
  for (const event of events) {
    if (event.kind === 'call') {
      add(`${foldedName(event.comm)};${chain(stackOf(event))}`, 1);
    }
  }
  for (const tally of tallies) {
    for (const row of tally.of === 'stacks' ? tally.rows : []) {
      add(chain(row.stack), row.count);
    }
  }
  return counts;
}

/** A call without a stack is one of its function alone. */
export function stackOf({ stack, symbol }: CallEvent): Trace {
  return stack.length > 0 ? stack : [{ symbol, offset: 0, size: null, module: null, reliable: true }];
}

/** Names of the functions, outermost first. */
function chain(trace: Trace): string {
  return trace
    .filter(({ reliable }) => reliable)
    .map(({ symbol }) => foldedName(symbol))
    .reverse()
    .join(';');
}

function foldedName(name: string): string {
  return inert(name).replaceAll(/[;\s]/g, '_');
}

/** Whether there is a stack to be counted. */
export function hasStacks({ events, tallies }: KeptSession): boolean {
  const has = (event: TraceEvent) => event.kind === 'call' && event.stack.length > 0;
  return events.some(has) || tallies.some(({ of }) => of === 'stacks');
}
