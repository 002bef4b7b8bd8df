import { Failure } from '../../failure.ts';
import type { Frame, Trace } from '../../stack/frame.ts';
import {
  type ArgumentValue,
  type BelowCall,
  type CallEvent,
  type LatencyBucket,
  type LossEvent,
  MOST_BELOW,
  type ReturnedValue,
  type StackCount,
  type TaskCount,
  type TraceEvent,
  type TraceTally,
} from '../events.ts';
import { FORMAT, VERSION } from './format.ts';
import type { KeptSession, SessionEnd, SessionFunction, SessionHeader } from './session.ts';

/** More than any session writes: what is beyond it in a file is not read. */
const MOST_EVENTS = 1_000_000;
const MOST_FRAMES = 100_000;
const MOST_DEPTH = 512;
const MOST_ROWS = 10_000;
/** Units of a text. */
const MOST_TEXT = 4096;
const MOST_PROGRAM = 100_000;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a session's file, also one that was cut or damaged: lines that make no sense are counted, those of kinds
 * that a later version has are passed over.
 * @throws Failure `bad-request` when it is no such file at all, or of a later format
 */
export function readSession(text: string): KeptSession {
  const reader = new SessionReader();
  let from = 0;
  while (from < text.length) {
    const newline = text.indexOf('\n', from);
    reader.line(text.slice(from, newline < 0 ? undefined : newline), newline < 0);
    from = newline < 0 ? text.length : newline + 1;
  }
  return reader.session();
}

/** The first line of a file alone. @throws as {@link readSession} */
export function readHeader(firstLine: string): SessionHeader {
  const fields = parse(firstLine);
  if (fields === null || fields['format'] !== FORMAT) {
    throw new Failure(
      'bad-request',
      'This file is no trace session of ZScope.',
      'Choose one that ZScope saved: its first line names the format zscope-trace-session.',
    );
  }
  if (fields['version'] !== VERSION) {
    throw new Failure(
      'bad-request',
      'This trace session was kept by a later version of ZScope.',
      'Update ZScope to open it.',
    );
  }
  const target = record(fields['target']);
  return {
    name: text(fields['name']) ?? 'Trace',
    startedAt: number(fields['startedAt']) ?? 0,
    target: {
      alias: text(target['alias']) ?? '',
      hostname: text(target['hostname']) ?? '',
      kernel: text(target['kernel']) ?? '',
      machine: text(target['machine']) ?? '',
      bootId: text(target['bootId']) ?? '',
      zfsVersion: text(target['zfsVersion']),
    },
    modules: list(fields['modules'], 100).flatMap((item) => {
      const { module, buildId } = record(item);
      const name = text(module);
      return name !== null && typeof buildId === 'string' && /^[0-9a-f]{8,128}$/.test(buildId)
        ? [{ module: name, buildId }]
        : [];
    }),
    functions: list(fields['functions'], 1000).flatMap((item) => readFunction(record(item)) ?? []),
    // Files that were kept before there was another have no such key.
    tracer: text(fields['tracer']) ?? 'ftrace',
    program: readProgram(fields) ?? '',
  };
}

function readProgram({ program }: Fields): string | null {
  return typeof program === 'string' ? program.slice(0, MOST_PROGRAM) : null;
}

class SessionReader {
  #header: SessionHeader | null = null;
  readonly #frames: Frame[] = [];
  readonly #stacks: Trace[] = [];
  readonly #events: TraceEvent[] = [];
  readonly #tallies = new Map<string, TraceTally>();
  readonly #joined: SessionFunction[] = [];
  #program: string | null = null;
  #end: SessionEnd | null = null;
  #unread = 0;

  /** @param isCut the file ends in this line */
  line(content: string, isCut: boolean): void {
    if (this.#header === null) {
      this.#header = readHeader(content);
      return;
    }
    if (content === '') {
      return;
    }
    const fields = parse(content);
    if (fields === null || typeof fields['kind'] !== 'string' || !this.#take(fields)) {
      this.#unread += 1;
    } else if (isCut) {
      // Whole, but its end is missing: what came after it too.
      this.#unread += this.#end === null ? 1 : 0;
    }
  }

  /** False when it is not what its kind has to be. */
  #take(fields: Fields): boolean {
    switch (fields['kind']) {
      case 'frame':
        return push(this.#frames, readFrame(fields), MOST_FRAMES);
      case 'stack':
        return push(this.#stacks, this.#readStack(fields), MOST_FRAMES);
      case 'call':
        return push(this.#events, this.#readCall(fields), MOST_EVENTS);
      case 'loss':
        return push(this.#events, readLoss(fields), MOST_EVENTS);
      case 'function':
        return push(this.#joined, readFunction({ ...fields, kind: fields['traced'] }), 1000);
      case 'program':
        this.#program = readProgram(fields);
        return this.#program !== null;
      case 'tally': {
        const tally = this.#readTally(fields);
        if (tally !== null && this.#tallies.size < 1000) {
          this.#tallies.set(`${tally.of} ${tally.symbol}`, tally);
        }
        return tally !== null;
      }
      case 'end':
        this.#end = {
          endedAt: number(fields['endedAt']) ?? 0,
          reason: text(fields['reason']) ?? '',
          calls: count(fields['calls']),
          overrun: count(fields['overrun']) ?? 0,
          missed: count(fields['missed']) ?? 0,
          dropped: count(fields['dropped']) ?? 0,
          // Of a session that was lost earlier versions do not say so.
          isCut: fields['isCut'] === true || fields['reason'] === 'lost',
        };
        return true;
      default:
        return true;
    }
  }

  session(): KeptSession {
    const header = this.#header ?? readHeader('');
    return {
      header: {
        ...header,
        functions: [...header.functions, ...this.#joined],
        program: this.#program ?? header.program,
      },
      events: this.#events,
      tallies: [...this.#tallies.values()],
      end: this.#end,
      unread: this.#unread,
    };
  }

  #readStack(fields: Fields): Trace | null {
    const frames = list(fields['frames'], MOST_DEPTH).map((at) => this.#frames[count(at) ?? -1]);
    return frames.every((frame) => frame !== undefined) && frames.length > 0 ? frames : null;
  }

  #readCall(fields: Fields): CallEvent | null {
    const time = number(fields['time']);
    const comm = text(fields['comm']);
    const pid = count(fields['pid']);
    const symbol = text(fields['symbol']);
    const stack = fields['stack'] === undefined ? [] : this.#stacks[count(fields['stack']) ?? -1];
    if (time === null || comm === null || pid === null || symbol === null || stack === undefined) {
      return null;
    }
    const { returned, durationNs, below } = fields;
    return {
      kind: 'call',
      time,
      comm,
      pid,
      cpu: count(fields['cpu']) ?? 0,
      symbol,
      arguments: list(fields['arguments'], 200).flatMap((item) => readArgument(item) ?? []),
      stack,
      ...(returned === undefined ? {} : { returned: readReturned(returned) }),
      ...(durationNs === undefined ? {} : { durationNs: count(durationNs) }),
      ...(below === undefined ? {} : { below: this.#readBelow(below) }),
    };
  }

  /** A call is at most one deeper than the one before it; what is not ends the list. */
  #readBelow(value: unknown): BelowCall[] {
    const calls: BelowCall[] = [];
    let most = 1;
    for (const item of list(value, MOST_BELOW)) {
      const [depth, at, start, duration] = list(item, 4).map(count);
      const frame = this.#frames[at ?? -1];
      if (depth == null || depth < 1 || depth > most || frame === undefined || start == null) {
        break;
      }
      calls.push({ depth, frame, startNs: start, durationNs: duration ?? null });
      most = depth + 1;
    }
    return calls;
  }

  #readTally(fields: Fields): TraceTally | null {
    const symbol = text(fields['symbol']);
    const hits = count(fields['hits']);
    if (symbol === null || hits === null) {
      return null;
    }
    const common = {
      kind: 'tally' as const,
      symbol,
      hits,
      dropped: count(fields['dropped']) ?? 0,
      isCut: fields['isCut'] === true,
    };
    const rows = list(fields['rows'], MOST_ROWS).map(record);
    switch (fields['of']) {
      case 'count':
        return { ...common, of: 'count', rows: rows.flatMap((row) => readTask(row) ?? []) };
      case 'latency':
        return { ...common, of: 'latency', rows: rows.flatMap((row) => readBucket(row) ?? []) };
      case 'stacks':
        return { ...common, of: 'stacks', rows: rows.flatMap((row) => this.#readStackCount(row) ?? []) };
      default:
        return null;
    }
  }

  #readStackCount(row: Fields): StackCount | null {
    const stack = this.#stacks[count(row['stack']) ?? -1];
    const calls = count(row['count']);
    return stack === undefined || calls === null ? null : { stack, count: calls };
  }
}

function readFunction(fields: Fields): SessionFunction | null {
  const symbol = text(fields['symbol']);
  return symbol === null
    ? null
    : {
        symbol,
        module: text(fields['module']),
        kind: text(fields['kind']) ?? 'calls',
        condition: text(fields['condition']) ?? '',
      };
}

function readFrame(fields: Fields): Frame | null {
  const symbol = text(fields['symbol']);
  const offset = count(fields['offset']);
  return symbol === null || offset === null
    ? null
    : {
        symbol,
        offset,
        size: count(fields['size']),
        module: text(fields['module']),
        reliable: fields['reliable'] !== false,
      };
}

function readLoss(fields: Fields): LossEvent {
  const loss: LossEvent = { kind: 'loss', cpu: count(fields['cpu']), count: count(fields['count']) };
  const { gap } = fields;
  return gap === 'connection' || gap === 'reboot' ? { ...loss, gap } : loss;
}

function readArgument(item: unknown): ArgumentValue | null {
  const [name, value] = list(item, 2);
  return typeof name === 'string' && typeof value === 'string'
    ? { name: name.slice(0, MOST_TEXT), value: value.slice(0, MOST_TEXT) }
    : null;
}

function readReturned(item: unknown): ReturnedValue | null {
  const [value, errno] = list(item, 2);
  return typeof value === 'string' ? { value: value.slice(0, MOST_TEXT), errno: text(errno) } : null;
}

function readTask(row: Fields): TaskCount | null {
  const comm = text(row['comm']);
  const pid = count(row['pid']);
  const calls = count(row['count']);
  return comm === null || pid === null || calls === null ? null : { comm, pid, count: calls };
}

function readBucket(row: Fields): LatencyBucket | null {
  const log2 = count(row['log2']);
  const calls = count(row['count']);
  return log2 === null || log2 > 63 || calls === null
    ? null
    : { log2, count: calls, sumNs: count(row['sumNs']) ?? 0 };
}

function push<T>(items: T[], item: T | null, most: number): boolean {
  if (item === null || items.length >= most) {
    return false;
  }
  items.push(item);
  return true;
}

function parse(content: string): Fields | null {
  try {
    const value: unknown = JSON.parse(content);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? record(value) : null;
  } catch {
    return null;
  }
}

function record(value: unknown): Fields {
  // Whatever has keys can be asked for them; each value is checked where it is used.
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list(value: unknown, most: number): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, most) : [];
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value.slice(0, MOST_TEXT) : null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** A whole number from 0 on. */
function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
