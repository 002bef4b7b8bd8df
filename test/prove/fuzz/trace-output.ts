/** The output of traces and of the watch for errors, from bytes to events. */
import { TRACE_KINDS } from '../../../src/core/tracing/kinds.ts';
import type { LineDecoder } from '../../../src/target/collector.ts';
import { type SessionParams, traceFunction } from '../../../src/target/collectors/trace-function.ts';
import { watchErrors } from '../../../src/target/collectors/watch-errors.ts';
import { EventDelivery } from '../../../src/target/event-delivery.ts';
import type { Random } from '../../support/random.ts';
import { broken, cut, each, type Series, soup } from './series.ts';

const ID = '5e71';
const HEAD = '            sync-4129    [001] .....   872.109649: ';
const ENTRY = `zil_commit_${ID}: (zil_commit+0x0/0x120 [zfs]) s=0xffffa0b1c2d3e4f0 a0=0xffff8881 a1=34 c="sync"\n`;
const RETURN = `zil_commit_${ID}_r: (zpl_fsync+0x6d/0xb0 [zfs] <- zil_commit) s=0xffffa0b1c2d3e4f8 r=5 c="sync"\n`;
const PIECES = [
  HEAD + ENTRY,
  HEAD + RETURN,
  HEAD,
  ENTRY,
  RETURN,
  `${HEAD}<stack trace>\n`,
  ' => zil_commit+0x5/0x120 [zfs]\n',
  ' => zpl_fsync+0x6d/0xb0 [zfs]\n',
  ' => entry_SYSCALL_64_after_hwframe+0x76/0x7e\n',
  ' => 0xffffffffffffffff\n',
  'CPU:3 [LOST 123 EVENTS]\n',
  'CPU:1 [LOST EVENTS]\n',
  `#zscope-${ID} started arguments\n`,
  `#zscope-${ID} refused no-probe Invalid argument\n`,
  `#zscope-${ID} counters 12 3 1\n`,
  `#zscope-${ID} limit rate 9000\n`,
  `#zscope-${ID} hist zil_commit_${ID}\n`,
  `#zscope-${ID} hist zil_commit_${ID}_t\n`,
  `#zscope-${ID} `,
  `${HEAD}tracing_mark_write: #zscope-${ID} counters 12 3 1\n`,
  `${HEAD}tracing_mark_write+0xda/0x270: #zscope-${ID} total 4 0\n`,
  '{ common_pid: sh              [       788] } hitcount:         24\n',
  '{ ns: ~ 2^18 } hitcount:         19  ns:    3412345\n',
  '{ common_stacktrace:\n',
  '         zil_commit+0x5/0x120 [zfs]\n',
  '} hitcount:          3\n',
  'Hits: 24\n',
  'Dropped: 1\n',
  `${HEAD}set_error_${ID}: (__set_error+0x4/0x80 [zfs]) l=12 e=5 n="spa_open" f="/b/module/zfs/spa.c" c="zpool"\n`,
  '\n',
  '\xff\xfe',
  ' '.repeat(40),
  '0x',
];

const FUNCTION: Omit<SessionParams, 'kind'> = {
  symbol: 'zil_commit',
  module: 'zfs',
  machine: 'x86_64',
  parameters: [
    { name: 'zilog', type: 'zilog_t *' },
    { name: 'foid', type: 'uint64_t' },
  ],
  returns: 'int',
  maxEvents: 100_000,
  maxSeconds: 600,
  sessionId: ID,
};

function decoder(which: number): LineDecoder<unknown> {
  const kind = TRACE_KINDS[which];
  if (kind === undefined) return watchErrors.decoder({ machine: 'x86_64', sessionId: ID });
  return traceFunction.decoder({ ...FUNCTION, kind });
}

function told(which: number, pieces: readonly Buffer[], input: Buffer): string {
  const events: unknown[] = [];
  const delivery = new EventDelivery<unknown>(
    decoder(which),
    { events: (batch) => events.push(...batch) },
    (what) => {
      throw broken(`the decoder broke: ${what}`, input);
    },
  );
  for (const piece of pieces) delivery.push(piece);
  delivery.end();
  return JSON.stringify(events);
}

function one(random: Random): number {
  const bytes = Buffer.from(soup(random, PIECES, 24), random.oneIn(3) ? 'latin1' : 'utf8');
  const which = random.below(TRACE_KINDS.length + 1);
  const whole = told(which, [bytes], bytes);
  const pieces = cut(random, bytes);
  if (told(which, pieces, bytes) !== whole) throw broken('told otherwise when cut', bytes, which);
  return bytes.length;
}

const fed = (kind: number, text: string) => {
  const bytes = Buffer.from(text);
  return () => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 32768) pieces.push(bytes.subarray(at, at + 32768));
    told(kind, pieces, bytes);
  };
};
const repeated = (text: string, bytes: number) => text.repeat(Math.ceil(bytes / text.length));
const [CALLS, RETURNS, COUNT, STACKS] = (['calls', 'returns', 'count', 'stacks'] as const).map((kind) =>
  TRACE_KINDS.indexOf(kind),
) as [number, number, number, number];

export const traceOutput: Series = {
  name: 'trace output',
  property: 'no error, and the same events come however the bytes are cut',
  batches: 1000,
  batch: (random) => each(random, one),
  slow: [
    { what: 'calls without their stacks', of: (bytes) => fed(CALLS, repeated(HEAD + ENTRY, bytes)) },
    {
      what: 'calls with their stacks',
      of: (bytes) =>
        fed(CALLS, repeated(`${HEAD}${ENTRY}${HEAD}<stack trace>\n => a+0x1/0x2\n => b+0x1/0x2\n`, bytes)),
    },
    {
      what: 'stacks without an end',
      of: (bytes) => fed(CALLS, `${HEAD}${ENTRY}${HEAD}<stack trace>\n${repeated(' => a+0x1/0x2\n', bytes)}`),
    },
    { what: 'calls that never return', of: (bytes) => fed(RETURNS, repeated(HEAD + ENTRY, bytes)) },
    {
      what: 'calls that never return, each of another task',
      of: (bytes) =>
        fed(
          RETURNS,
          Array.from({ length: bytes / 150 }, (_, i) => HEAD.replace('4129', String(i)) + ENTRY).join(''),
        ),
    },
    { what: 'returns without their calls', of: (bytes) => fed(RETURNS, repeated(HEAD + RETURN, bytes)) },
    { what: 'one line of blanks', of: (bytes) => fed(CALLS, ' '.repeat(bytes)) },
    { what: 'one line of digits', of: (bytes) => fed(CALLS, `a-${'1'.repeat(bytes)}`) },
    { what: 'lines of blanks', of: (bytes) => fed(CALLS, repeated(`${' '.repeat(60_000)}\n`, bytes)) },
    {
      what: 'a call with many values',
      of: (bytes) => fed(CALLS, HEAD + ENTRY.replace(' c=', `${repeated(' a1=5', bytes)} c=`)),
    },
    {
      what: 'a call with quotes',
      of: (bytes) => fed(CALLS, HEAD + ENTRY.replace('"sync"', repeated('" c="', bytes))),
    },
    {
      what: 'sums of tasks',
      of: (bytes) =>
        fed(
          COUNT,
          `#zscope-${ID} hist zil_commit_${ID}\n${repeated('{ common_pid: sh [ 788] } hitcount: 24\n', bytes)}`,
        ),
    },
    {
      what: 'sums of stacks',
      of: (bytes) =>
        fed(
          STACKS,
          `#zscope-${ID} hist zil_commit_${ID}\n${repeated('{ stacktrace:\n a+0x1/0x2\n} hitcount: 2\n', bytes)}`,
        ),
    },
  ],
};
