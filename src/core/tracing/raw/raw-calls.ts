import type { Frame } from '../../stack/frame.ts';
import { MAX_FRAMES } from '../../stack/proc-stack.ts';
import { int64 } from '../../symbols/elf/bytes.ts';
import { readCallFields } from '../call-fields.ts';
import type { CallQueue } from '../call-queue.ts';
import type { Programs } from '../program/programs.ts';
import { type EventFormat, readFormat } from './event-format.ts';
import type { KernelSymbols } from './kernel-symbols.ts';
import type { CpuPage } from './page-stream.ts';
import { fieldsText, numberAt, textAt } from './raw-fields.ts';
import { readRingPage } from './ring-page.ts';

/** Events that wait for the names of addresses: with more than these, addresses are shown. */
const MOST_WAITING = 500_000;

/** What is held at most till a round ends: somewhat more than all processors' buffers together. What goes beyond is lost. */
const MOST_HELD = { records: 3_000_000, bytes: 256 * 1024 ** 2 } as const;

/** An address that stands for the end of a stack (ULONG_MAX), and one for the tracer's own code (FTRACE_TRAMPOLINE_MARKER). */
const END_OF_STACK = -1;
const TRAMPOLINE = 0x7fff_ffff;

interface RawRecord {
  readonly ns: number;
  readonly cpu: number;
  /** Null where events were lost. */
  readonly data: DataView | null;
  /** How many were lost; null when that is not known. */
  readonly lost: number | null;
  /** Its part of the page that it keeps in memory. */
  readonly bytes: number;
}

/**
 * Makes calls of the ring buffer's pages. These come in rounds, in each of which all processors are read one after
 * another: an event is taken once all processors that had events were read beyond it. One that had none when a round
 * began may have had some before those of the others that it read last: these wait for the next round. So calls come in
 * the order of their times. A call whose stack has addresses without a name waits, and all behind it, till these are known.
 */
export class RawCalls {
  readonly #formats = new Map<number, EventFormat>();
  /** What was not taken yet, since the last round in the order of their times. */
  #records: RawRecord[] = [];
  /** How many of them may be taken. */
  #free = 0;
  /** In how many of those the addresses without a name were looked for. */
  #looked = 0;
  /** The newest event of each processor in this round. */
  readonly #newest = new Map<number, number>();
  /** The newest event of the rounds before. */
  #seen = Number.NEGATIVE_INFINITY;
  /** Bytes of the pages of what was not taken yet. */
  #bytes = 0;
  /** Whether pages of this round were let go. */
  #isFull = false;

  /**
   * @param said is given what the session wrote into its own trace
   * @param most is held till a round ends
   */
  constructor(
    private readonly programs: Programs,
    private readonly queue: CallQueue,
    private readonly symbols: KernelSymbols,
    private readonly said: (text: string) => void,
    private readonly most: { readonly records: number; readonly bytes: number } = MOST_HELD,
  ) {}

  /** A line with a layout. */
  format(text: string): void {
    const read = readFormat(text);
    if (read !== null && this.#formats.size < 1000) {
      this.#formats.set(read.id, read.format);
    }
  }

  add({ cpu, page }: CpuPage): void {
    if (this.#isFull) {
      return;
    }
    const read = readRingPage(page);
    this.#isFull = this.#records.length >= this.most.records || this.#bytes >= this.most.bytes;
    if (read === null || this.#isFull) {
      this.#records.push({ ns: read?.ns ?? 0, cpu, data: null, lost: null, bytes: 0 });
      return;
    }
    if (read.lost !== 0) {
      this.#records.push({ ns: read.ns, cpu, data: null, lost: read.lost, bytes: 0 });
    }
    const bytes = Math.ceil(page.byteLength / read.events.length);
    for (const { ns, data } of read.events) {
      this.#records.push({ ns, cpu, data, lost: null, bytes });
      this.#bytes += bytes;
    }
    this.#newest.set(cpu, read.events.at(-1)?.ns ?? read.ns);
  }

  /** A round ended. @param isLast nothing of an older time is to come */
  round(isLast: boolean): void {
    const newest = [...this.#newest.values()];
    const until = isLast ? Number.POSITIVE_INFINITY : Math.min(this.#seen, ...newest);
    this.#seen = Math.max(this.#seen, ...newest);
    this.#newest.clear();
    this.#isFull = false;
    this.#records.sort((a, b) => a.ns - b.ns);
    const later = this.#records.findIndex(({ ns }) => ns > until);
    this.#free = later < 0 ? this.#records.length : later;
    this.take();
  }

  /** Hands over what can be: up to the first stack that has addresses without a name. */
  take(): void {
    let taken = 0;
    while (taken < this.#free && this.#take(this.#records[taken])) {
      this.#bytes -= this.#records[taken]?.bytes ?? 0;
      taken += 1;
    }
    this.#free -= taken;
    this.#records = this.#records.slice(taken);
    this.#looked = Math.max(0, this.#looked - taken);
    if (this.#free > MOST_WAITING && !this.symbols.isGivenUp) {
      this.symbols.giveUp('for good');
      this.take();
    } else {
      this.#look();
    }
  }

  /** Whether calls wait for the names of addresses. */
  get isWaiting(): boolean {
    return this.#free > 0;
  }

  /** All that is missing further on, so that it is asked for at once. */
  #look(): void {
    while (this.#looked < this.#free && !this.symbols.isFull) {
      const { data = null } = this.#records[this.#looked] ?? {};
      const format = this.#formatOf(data);
      if (data !== null && format?.event === 'kernel_stack') {
        this.#frames(data, format);
      }
      this.#looked += 1;
    }
  }

  #formatOf(data: DataView | null): EventFormat | undefined {
    return data === null || data.byteLength < 8 ? undefined : this.#formats.get(data.getUint16(0, true));
  }

  /** @returns false when its stack cannot be named yet */
  #take(record: RawRecord | undefined): boolean {
    if (record === undefined) {
      return true;
    }
    const { data, cpu, ns, lost } = record;
    if (data === null) {
      this.queue.lose({ kind: 'loss', cpu, count: lost });
      return true;
    }
    const format = this.#formatOf(data);
    if (format?.event === 'kernel_stack') {
      const frames = this.#frames(data, format);
      if (frames === null) {
        return false;
      }
      const waiting = this.queue.takeStackless(cpu);
      if (waiting !== null) {
        this.queue.finish(waiting, frames);
      }
    } else if (format?.event === 'print') {
      const at = format.fields.get('buf')?.offset ?? data.byteLength;
      this.said(textAt(data, at, data.byteLength).trimEnd());
    } else if (format !== undefined) {
      this.#call(data, format, cpu, ns);
    }
    return true;
  }

  #call(data: DataView, format: EventFormat, cpu: number, ns: number): void {
    const role = this.programs.find(format.event);
    if (role === undefined) {
      return;
    }
    const pid = format.fields.get('common_pid');
    const fields = readCallFields(fieldsText(data, format, role), role);
    this.queue.add({
      role,
      pointer: fields.pointer,
      call: {
        kind: 'call',
        // As the kernel prints it (kernel/trace/trace.h, ns2usecs).
        time: Math.round(ns / 1000) / 1e6,
        comm: fields.comm ?? '',
        pid: Number((pid && numberAt(data, pid)) ?? 0),
        cpu,
        symbol: role.program.name,
        arguments: fields.values,
        stack: [],
        ...(fields.returned === null ? {} : { returned: fields.returned }),
      },
    });
  }

  /** Null while an address has no name. */
  #frames(data: DataView, { fields }: EventFormat): Frame[] | null {
    const size = fields.get('size');
    const at = fields.get('caller')?.offset ?? data.byteLength;
    const count = Math.min(
      Number((size && numberAt(data, size)) ?? 0),
      MAX_FRAMES,
      (data.byteLength - at) / 8,
    );
    const frames: Frame[] = [];
    let isWhole = true;
    for (let i = 0; i + 1 <= count; i++) {
      const from = at + i * 8;
      const address = int64(data, from);
      if (address === END_OF_STACK) {
        break;
      }
      if (address !== TRAMPOLINE) {
        const frame = this.symbols.at(address, () => hexAt(data, from));
        isWhole &&= frame !== null;
        frames.push(...(frame === null ? [] : [frame]));
      }
    }
    return isWhole ? frames : null;
  }
}

function hexAt(data: DataView, at: number): string {
  return data.getBigUint64(at, true).toString(16).padStart(16, '0');
}
