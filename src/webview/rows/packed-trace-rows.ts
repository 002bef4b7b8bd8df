import type { TraceRow } from '../../protocol/trace-view.ts';
import type { RowBuffer } from './ring.ts';

/** Rows of one part: the oldest are dropped in parts. */
const PART = 8192;
/** Between the texts of a row. */
const BETWEEN = '\0';

const CALL = 1;
const FAILED = 2;

/** Some rows in a row: numbers in columns, the texts of each row as one. */
class Part {
  readonly id = new Float64Array(PART);
  readonly pid = new Float64Array(PART);
  readonly cpu = new Float64Array(PART);
  /** NaN where it is not known. */
  readonly durationNs = new Float64Array(PART);
  readonly flags = new Uint8Array(PART);
  readonly texts: string[] = [];
}

/** Rows of a trace in a sixth of the memory that they take as objects: a view keeps a million. */
export class PackedTraceRows implements RowBuffer<TraceRow> {
  #parts: Part[] = [];
  /** Sequence number of the first row of the first part. */
  #start = 0;
  #end = 0;

  /** @param capacity as many are kept at least, and at most two parts more */
  constructor(readonly capacity: number) {}

  get first(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  push(row: TraceRow): void {
    const at = (this.#end - this.#start) % PART;
    let part = this.#parts.at(-1);
    if (at === 0 || part === undefined) {
      if (this.length - PART >= this.capacity) {
        this.#parts.shift();
        this.#start += PART;
      }
      part = new Part();
      this.#parts.push(part);
    }
    part.id[at] = row.id;
    part.pid[at] = row.pid;
    part.cpu[at] = row.cpu;
    part.durationNs[at] = row.durationNs ?? Number.NaN;
    part.flags[at] = (row.kind === 'call' ? CALL : 0) + (row.failed ? FAILED : 0);
    const texts = [row.time, row.comm, row.function, row.returned, row.text];
    for (const { name, value } of row.arguments) {
      texts.push(name, value);
    }
    part.texts.push(texts.map((text) => text.replaceAll(BETWEEN, '\ufffd')).join(BETWEEN));
    this.#end += 1;
  }

  idAt(sequence: number): number | undefined {
    return this.#partOf(sequence)?.id[(sequence - this.#start) % PART];
  }

  at(sequence: number): TraceRow | undefined {
    const part = this.#partOf(sequence);
    if (part === undefined) {
      return undefined;
    }
    const at = (sequence - this.#start) % PART;
    const [time = '', comm = '', symbol = '', returned = '', text = '', ...pairs] = (
      part.texts[at] ?? ''
    ).split(BETWEEN);
    const durationNs = part.durationNs[at] ?? Number.NaN;
    const flags = part.flags[at] ?? 0;
    return {
      id: part.id[at] ?? 0,
      kind: (flags & CALL) === 0 ? 'loss' : 'call',
      time,
      comm,
      pid: part.pid[at] ?? 0,
      cpu: part.cpu[at] ?? 0,
      function: symbol,
      arguments: Array.from({ length: pairs.length / 2 }, (_, i) => ({
        name: pairs[i * 2] ?? '',
        value: pairs[i * 2 + 1] ?? '',
      })),
      durationNs: Number.isNaN(durationNs) ? null : durationNs,
      returned,
      failed: (flags & FAILED) !== 0,
      text,
    };
  }

  #partOf(sequence: number): Part | undefined {
    return sequence >= this.#start && sequence < this.#end
      ? this.#parts[Math.floor((sequence - this.#start) / PART)]
      : undefined;
  }

  clear(): void {
    this.#parts = [];
    this.#start = 0;
    this.#end = 0;
  }
}
