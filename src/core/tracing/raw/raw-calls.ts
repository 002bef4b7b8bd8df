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
}

/**
 * Makes calls of the ring buffer's pages. These come in rounds, in each of which all processors are read one after
 * another: an event is taken once all processors that had events were read beyond it, so that calls come in the
 * order of their times. A call whose stack has addresses without a name waits, and all behind it, till these are known.
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

  /** @param said is given what the session wrote into its own trace */
  constructor(
    private readonly programs: Programs,
    private readonly queue: CallQueue,
    private readonly symbols: KernelSymbols,
    private readonly said: (text: string) => void,
  ) {}

  /** A line with a layout. */
  format(text: string): void {
    const read = readFormat(text);
    if (read !== null && this.#formats.size < 1000) {
      this.#formats.set(read.id, read.format);
    }
  }

  add({ cpu, page }: CpuPage): void {
    const read = readRingPage(page);
    if (read === null) {
      this.#records.push({ ns: 0, cpu, data: null, lost: null });
      return;
    }
    if (read.lost !== 0) {
      this.#records.push({ ns: read.ns, cpu, data: null, lost: read.lost });
    }
    for (const { ns, data } of read.events) {
      this.#records.push({ ns, cpu, data, lost: null });
    }
    this.#newest.set(cpu, read.events.at(-1)?.ns ?? read.ns);
  }

  /** A round ended. @param isLast nothing of an older time is to come */
  round(isLast: boolean): void {
    const until = isLast ? Number.POSITIVE_INFINITY : Math.min(...this.#newest.values());
    this.#newest.clear();
    this.#records.sort((a, b) => a.ns - b.ns);
    const later = this.#records.findIndex(({ ns }) => ns > until);
    this.#free = later < 0 ? this.#records.length : later;
    this.take();
  }

  /** Hands over what can be: up to the first stack that has addresses without a name. */
  take(): void {
    let taken = 0;
    while (taken < this.#free && this.#take(this.#records[taken])) {
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
    for (const { data } of this.#records.slice(this.#looked, this.#free)) {
      const format = this.#formatOf(data);
      if (data !== null && format?.event === 'kernel_stack') {
        this.#frames(data, format);
      }
    }
    this.#looked = this.#free;
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
