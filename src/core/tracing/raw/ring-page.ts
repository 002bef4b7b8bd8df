import { uint64 } from '../../symbols/elf/bytes.ts';

/** One event as it lies in a page of the ring buffer. */
export interface RawEvent {
  /** Nanoseconds of the trace clock. */
  readonly ns: number;
  /** From `trace_entry` on. */
  readonly data: DataView;
}

/** What a page says. */
export interface RingPage {
  /** Nanoseconds at its beginning. */
  readonly ns: number;
  /** Events that were overwritten before it: null when the kernel does not say how many, 0 for none. */
  readonly lost: number | null;
  readonly events: readonly RawEvent[];
}

/** Before the data: time stamp and length (events/header_page). */
export const PAGE_HEADER = 16;

const MISSED_EVENTS = 0x8000_0000;
const MISSED_STORED = 0x4000_0000;
/** Bits of the first word of an event that are its kind or length; the rest is time since the event before. */
const TYPE_BITS = 5;
const PADDING = 29;
const TIME_EXTEND = 30;
const TIME_STAMP = 31;
const DELTA_UNITS = 2 ** 27;

/**
 * Reads a page as trace_pipe_raw gives it, of a 64-bit little-endian kernel (events/header_page and header_event;
 * include/linux/ring_buffer.h, enum ring_buffer_type; kernel/trace/ring_buffer.c, ring_buffer_read_page). Null when it is none.
 */
export function readRingPage(page: DataView): RingPage | null {
  if (page.byteLength < PAGE_HEADER) {
    return null;
  }
  const ns = uint64(page, 0);
  const commit = page.getUint32(8, true);
  const end = PAGE_HEADER + (commit % MISSED_STORED);
  if (end > page.byteLength || page.getUint32(12, true) !== 0) {
    return null;
  }
  const missed = commit >= MISSED_EVENTS;
  const hasCount = commit % MISSED_EVENTS >= MISSED_STORED && end + 8 <= page.byteLength;
  const events: RawEvent[] = [];
  let now = ns;
  for (let at = PAGE_HEADER; at + 4 <= end; ) {
    const head = page.getUint32(at, true);
    const type = head % 2 ** TYPE_BITS;
    const delta = head >>> TYPE_BITS;
    at += 4;
    if (type === TIME_EXTEND || type === TIME_STAMP) {
      if (at + 4 > end) {
        break;
      }
      const time = page.getUint32(at, true) * DELTA_UNITS + delta;
      now = type === TIME_STAMP ? time : now + time;
      at += 4;
      continue;
    }
    // Padding without time fills the page.
    if (type === PADDING && delta === 0) {
      break;
    }
    now += delta;
    const isLong = type === 0 || type === PADDING;
    if (isLong && at + 4 > end) {
      break;
    }
    const length = isLong ? page.getUint32(at, true) : type * 4;
    const next = at + Math.ceil(length / 4) * 4;
    if (next > end || (isLong && length < 4)) {
      break;
    }
    const start = isLong ? at + 4 : at;
    if (type !== PADDING) {
      events.push({ ns: now, data: new DataView(page.buffer, page.byteOffset + start, next - start) });
    }
    at = next;
  }
  return { ns, lost: missed ? (hasCount ? uint64(page, end) : null) : 0, events };
}
