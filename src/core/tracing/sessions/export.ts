import { perfettoPieces, speedscopePieces } from './export-profile.ts';
import { csvLines, foldedLines, hasStacks, jsonLines, textLines } from './export-text.ts';
import type { KeptSession } from './session.ts';

/** A form that other programs take a session in. */
export interface ExportFormat {
  /** In a person's words. */
  readonly title: string;
  /** What reads it. */
  readonly about: string;
  /** How the name of such a file ends, without the first dot. */
  readonly extension: string;
  /** False for a session that has nothing of what the form shows. */
  readonly fits: (session: KeptSession) => boolean;
  /** The file's text, in pieces. */
  readonly pieces: (session: KeptSession) => Iterable<string>;
}

const hasCalls = ({ events }: KeptSession): boolean => events.some(({ kind }) => kind === 'call');

export const EXPORT_FORMATS: readonly ExportFormat[] = [
  {
    title: 'Text',
    about: 'As trace -K of bcc prints it',
    extension: 'txt',
    fits: hasCalls,
    pieces: (session) => withNewlines(textLines(session)),
  },
  {
    title: 'CSV',
    about: 'For spreadsheets: a row for each call',
    extension: 'csv',
    fits: hasCalls,
    pieces: (session) => withNewlines(csvLines(session), '\r\n'),
  },
  {
    title: 'JSON lines',
    about: 'For programs: an object for each event',
    extension: 'jsonl',
    fits: () => true,
    pieces: (session) => withNewlines(jsonLines(session)),
  },
  {
    title: 'Folded stacks',
    about: 'For flamegraph.pl and its like',
    extension: 'folded',
    fits: hasStacks,
    pieces: (session) => withNewlines(foldedLines(session)),
  },
  {
    title: 'Perfetto',
    about: 'Trace events in JSON: Perfetto, chrome://tracing',
    extension: 'perfetto.json',
    fits: hasCalls,
    pieces: perfettoPieces,
  },
  {
    title: 'speedscope',
    about: 'A profile of the stacks',
    extension: 'speedscope.json',
    fits: hasStacks,
    pieces: speedscopePieces,
  },
];

function* withNewlines(lines: Iterable<string>, newline = '\n'): Generator<string> {
  for (const line of lines) {
    yield line + newline;
  }
}
