/** What bpftrace says of a place in a program. */
export interface BpftraceMessage {
  readonly severity: 'error' | 'warning';
  /** Untrusted. */
  readonly text: string;
  /** 0-based. */
  readonly line: number;
  /** 0-based columns; `end` is behind the last character. The whole line when they are not told. */
  readonly start: number;
  readonly end: number;
}

/** Columns that stand for the end of a line. */
export const LINE_END = 10_000;

/** `stdin:3:5-9: ERROR: Undefined ...`; over several lines `stdin:3-5: ERROR: ...` (bpftrace, src/log.cpp). */
const PLACED = /^stdin:(\d{1,7})(?:-\d{1,7})?(?::(\d{1,7})(?:-(\d{1,7}))?)?: (ERROR|WARNING): (.*)$/;

/** A line that tells of a place of a program given by `-e`; null for any other. */
export function bpftraceMessage(text: string): BpftraceMessage | null {
  const match = text.length > 4000 ? null : PLACED.exec(text);
  if (match === null) {
    return null;
  }
  const [, line, from, to, severity, said = ''] = match;
  const start = from === undefined ? 0 : Math.max(0, Number(from) - 1);
  return {
    severity: severity === 'WARNING' ? 'warning' : 'error',
    text: said.trim(),
    line: Math.max(0, Number(line) - 1),
    start,
    // Columns are counted from 1, the last is the one behind.
    end: from === undefined ? LINE_END : Math.max(start + 1, Number(to ?? from) - 1),
  };
}
