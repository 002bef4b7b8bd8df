import { inert } from '../../core/text/inert.ts';
import type { ActivityRecord } from '../../target/activity.ts';

/** What stands in one column; the last one is not filled up. */
type Column = readonly [title: string, text: (record: ActivityRecord) => string];

const columns: readonly Column[] = [
  ['when', ({ at }) => at.replace('T', ' ')],
  ['target', ({ target }) => target],
  ['as', ({ user }) => user],
  ['what', ({ name }) => name],
  ['grade', ({ grade }) => grade],
  ['end', ({ end, status }) => (status === null || status === 0 ? end : `${end} (${status})`)],
  ['ms', ({ ms }) => String(ms)],
  ['bytes', ({ bytes }) => String(bytes)],
  ['script', ({ script }) => script],
  ['boot', ({ boot }) => boot?.slice(0, 8) ?? '-'],
  ['why', ({ title }) => title],
];

/** The records as a table, newest first. @param file where all of them are */
export function activityText(records: readonly ActivityRecord[], file: string): string {
  const rows = [...records].reverse().map((record) => columns.map(([, text]) => inert(text(record), 200)));
  const all = [columns.map(([title]) => title), ...rows];
  const widths = columns.map((_column, at) =>
    all.reduce((most, row) => Math.max(most, row[at]?.length ?? 0), 0),
  );
  const lines = all.map((row) =>
    row
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [
    'All that ZScope ran on targets, newest first. observe: reads only; trace: adds probes that are removed',
    'at the end; change: leaves something behind. A stream has a line for its start and one for its end.',
    `This is the newest part of ${file}`,
    '',
    ...(records.length === 0 ? ['Nothing has run yet.'] : lines),
    '',
  ].join('\n');
}
