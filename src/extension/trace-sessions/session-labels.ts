/** The words of Trace Sessions. */
import { inert, inertBlock } from '../../core/text/inert.ts';
import { textLines } from '../../core/tracing/sessions/export-text.ts';
import { isIncomplete, type KeptSession, type SessionHeader } from '../../core/tracing/sessions/session.ts';
import { secondsOf, summarize } from '../../core/tracing/sessions/summary.ts';

/** Events that are written out in a document; beyond it an editor does not follow. */
const MOST_EVENTS = 5000;

/** `2026-01-02 03:04:05` in the local time zone. */
export function timeText(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number) => String(value).padStart(2, '0');
  return [
    [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-'),
    [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':'),
  ].join(' ');
}

/** `today 03:04`, `2026-01-02 03:04` */
function whenText(milliseconds: number, now: number): string {
  const [day = '', time = ''] = timeText(milliseconds).split(' ');
  const [today] = timeText(now).split(' ');
  return `${day === today ? 'today' : day} ${time.slice(0, 5)}`;
}

/** On which target a session was, and when, for a row of the list. */
export function whereAndWhen({ target, startedAt }: SessionHeader, now: number): string {
  return `${inert(target.alias, 100)}, ${whenText(startedAt, now)}`;
}

/** What a document about a session is called: `zil_commit (calls) on vm at 2026-01-02 03.04.05.678`. */
export function sessionTitle(header: SessionHeader): string {
  return `${whatAndWhere(header)} at ${fileTime(header)}`;
}

/** The same of two: `zil_commit (calls) on vm at 2026-01-02 03.04.05.678 and 2026-01-02 04.05.06.789`. */
export function comparisonTitle(before: SessionHeader, after: SessionHeader): string {
  const isSame = whatAndWhere(before) === whatAndWhere(after);
  return `${sessionTitle(before)} and ${isSame ? fileTime(after) : sessionTitle(after)}`;
}

function whatAndWhere({ name, target }: SessionHeader): string {
  return `${inert(name, 60)} on ${inert(target.alias, 40)}`;
}

/** Names of files hold no colons. With milliseconds, since sessions of one second are to have a document each. */
function fileTime({ startedAt }: SessionHeader): string {
  const milliseconds = String(new Date(startedAt).getMilliseconds()).padStart(3, '0');
  return `${timeText(startedAt).replaceAll(':', '.')}.${milliseconds}`;
}

/** What a session is, as lines of plain text. */
export function headerLines(header: SessionHeader): string[] {
  const { name, startedAt, target, modules, functions, tracer } = header;
  return [
    name,
    timeText(startedAt),
    `${target.alias} (${target.hostname}), kernel ${target.kernel} ${target.machine}`,
    target.zfsVersion === null ? 'ZFS not loaded' : `ZFS ${target.zfsVersion}`,
    ...modules.map(({ module, buildId }) => `${module}: build ${buildId}`),
    ...functions.map(
      ({ symbol, module, kind, condition }) =>
        `${kind} of ${symbol}${module === null ? '' : ` [${module}]`}${condition === '' ? '' : ` if ${condition}`}`,
    ),
    ...(tracer === 'ftrace' ? [] : [`Traced by ${tracer}`]),
  ].map((line) => inert(line, 500));
}

/** What a view says of a session that was kept: `Kept session of 2026-01-02 03:04:05, 10.2 s; counts are lower bounds`. */
export function keptText(session: KeptSession): string {
  const seconds = secondsOf(session);
  const time = seconds === null ? '' : `, ${seconds.toFixed(1)} s`;
  const whole = isIncomplete(session) ? '; calls may be missing' : '';
  const zfs = session.header.target.zfsVersion;
  const version = zfs === null ? '' : `, ZFS ${inert(zfs, 100)}`;
  return `Kept session of ${timeText(session.header.startedAt)}${time}${version}${whole}`;
}

/** A whole session as a document: what it was, each function in a line, then the calls with their stacks, then what ran. */
export function sessionText(session: KeptSession): string {
  const seconds = secondsOf(session);
  const whole = isIncomplete(session) ? ['Not whole: calls may be missing, so counts are lower bounds.'] : [];
  const functions = [...summarize(session).values()].map(({ name, calls, errors }) => {
    const failed = [...errors].map(([error, count]) => `, ${error} ×${count}`).join('');
    return inert(`${name}: ${calls.toLocaleString('en-US')} calls${failed}`, 500);
  });
  const lines = textLines({ ...session, events: session.events.slice(0, MOST_EVENTS) });
  const more = session.events.length - MOST_EVENTS;
  return [
    ...headerLines(session.header),
    ...(seconds === null ? [] : [`${seconds.toFixed(1)} seconds, ${session.end?.reason ?? 'cut off'}`]),
    ...whole,
    ...functions,
    '',
    ...lines,
    ...(more > 0 ? [`${more.toLocaleString('en-US')} more events: export the session to have them all`] : []),
    '',
    ...programLines(session.header),
  ].join('\n');
}

function programLines({ program }: SessionHeader): string[] {
  return program === '' ? [] : ['Program that ran on the target:', '', inertBlock(program, program.length)];
}

/** The name of a file for an export. */
export function fileName({ functions, startedAt }: SessionHeader, extension: string): string {
  const symbol = (functions[0]?.symbol ?? 'trace').replace(/[^\w.]/g, '_').slice(0, 60);
  return `${symbol}-${timeText(startedAt).replace(' ', '-').replaceAll(':', '')}.${extension}`;
}
