import { type DocumentSymbol, type FoldingRange, SymbolKind } from 'vscode-languageserver/node';
import { sourceName } from '../core/stack/frame.ts';
import { endsTrace } from '../core/stack/parting.ts';
import type { TextTask, TextTrace } from '../core/stack/traces.ts';
import { inert } from '../core/text/inert.ts';
import { isSleepHelper } from '../core/zfs/wait-points.ts';
import type { OutlineEntry, StackOutlineChange } from '../protocol/server.ts';
import type { StackDocument } from './stack-documents.ts';

/** Stacks that an outline lists: nobody reads more, and the editor draws them all. */
const MAX_LISTED = 20_000;

/** Tasks that are named of a stack that many have. */
const MAX_NAMED = 3;

/** What entries say, all but the line; most stacks of a document stay the same when it is edited. */
const entries = new WeakMap<TextTrace, OutlineEntry>();

/** The outlines of documents; after an edit, only the entries around it are sent. */
export class DocumentOutlines {
  /** By document the last answer: its stacks, and the line that each was on. */
  readonly #last = new WeakMap<
    StackDocument,
    { readonly id: number; readonly traces: readonly TextTrace[]; readonly lines: readonly number[] }
  >();
  #answered = 0;

  /** @param known the answer that the client has; null for none */
  changes(document: StackDocument, known: number | null): StackOutlineChange {
    const last = this.#last.get(document);
    const before = last === undefined || last.id !== known ? { traces: [], lines: [] } : last;
    const traces = document.traces.slice(0, MAX_LISTED);
    const lines = traces.map(({ firstLine }) => firstLine);
    const most = Math.min(traces.length, before.traces.length);
    let head = 0;
    while (head < most && traces[head] === before.traces[head] && lines[head] === before.lines[head]) {
      head++;
    }
    const moved = (lines.at(-1) ?? 0) - (before.lines.at(-1) ?? 0);
    const stays = (tail: number) =>
      traces.at(-1 - tail) === before.traces.at(-1 - tail) &&
      (lines.at(-1 - tail) ?? 0) - (before.lines.at(-1 - tail) ?? 0) === moved;
    let tail = 0;
    while (tail < most - head && stays(tail)) {
      tail++;
    }
    this.#answered++;
    this.#last.set(document, { id: this.#answered, traces, lines });
    return {
      id: this.#answered,
      head,
      tail,
      moved,
      entries: traces.slice(head, traces.length - tail).map(entryOf),
      rest: restOf(document.traces),
    };
  }
}

/** The whole outline as the protocol's own request gives it. */
export function stackSymbols({ traces }: StackDocument): DocumentSymbol[] {
  return [...traces.slice(0, MAX_LISTED).map(entryOf), ...[restOf(traces) ?? []].flat()].map(symbolOf);
}

function symbolOf({ name, detail, isReport, heading, end }: OutlineEntry): DocumentSymbol {
  const [line, first, last] = heading;
  const [lines, column] = end;
  return {
    name,
    detail,
    kind: isReport ? SymbolKind.Event : SymbolKind.Function,
    range: { start: { line, character: 0 }, end: { line: line + lines, character: column } },
    selectionRange: { start: { line, character: first }, end: { line, character: last } },
  };
}

function entryOf(trace: TextTrace): OutlineEntry {
  const known = entries.get(trace);
  const line = trace.firstLine;
  if (known !== undefined) {
    const [, start, end] = known.heading;
    return known.heading[0] === line ? known : { ...known, heading: [line, start, end] };
  }
  const { lastLine, start, end, verdict, frames } = trace;
  const lines = lastLine - line;
  // The last in the text; of a folded stack that is the innermost.
  const last = Math.max(
    ...[frames[0], frames.at(-1)].map((frame) => (frame?.line === lastLine ? frame.end : 0)),
  );
  const column = last > 0 ? last : lines === 0 ? end : 0;
  const made: OutlineEntry = {
    name: traceName(trace),
    detail: inert(verdict === '' ? innermost(trace) : verdict, 200),
    isReport: verdict !== '',
    heading: [line, start, lines === 0 ? Math.min(end, column) : end],
    end: [lines, column],
  };
  entries.set(trace, made);
  return made;
}

/** One entry for the stacks that are not listed. */
function restOf(traces: readonly TextTrace[]): OutlineEntry | null {
  const [first, last] = [traces[MAX_LISTED], traces.at(-1)];
  return first === undefined || last === undefined
    ? null
    : {
        name: `${traces.length - MAX_LISTED} more stacks`,
        detail: `the outline lists ${MAX_LISTED}`,
        isReport: false,
        heading: [first.firstLine, 0, 0],
        end: [last.lastLine - first.firstLine, 0],
      };
}

/** A fold for each stack, from its heading to its last frame and the mark that ends it. */
export function stackFolds(document: StackDocument): FoldingRange[] {
  return document.traces.slice(0, MAX_LISTED).flatMap(({ firstLine, lastLine }) => {
    const endLine = endsTrace(document.lineAt(lastLine + 1)) ? lastLine + 1 : lastLine;
    return endLine > firstLine ? [{ startLine: firstLine, endLine }] : [];
  });
}

/** `sync (3198) D`; for a stack of nobody the kernel's words, the line above it, or its innermost function. */
function traceName(trace: TextTrace): string {
  const { tasks, verdict, title } = trace;
  const named = tasks.slice(0, MAX_NAMED).map(taskName);
  const more = tasks.length > MAX_NAMED ? ` and ${tasks.length - MAX_NAMED} more` : '';
  const name = [`${named.join(', ')}${more}`, title, verdict, innermost(trace), 'stack'].find(
    (one) => one.trim() !== '',
  );
  return inert(name ?? 'stack', 200);
}

function taskName({ comm, pid, state }: TextTask): string {
  const who = comm === null ? `pid ${pid ?? '?'}` : pid === null ? comm : `${comm} (${pid})`;
  return state === null ? who : `${who} ${state}`;
}

/** The innermost function that says what the stack is in. */
function innermost({ frames }: TextTrace): string {
  const reliable = frames.filter(({ frame }) => frame.reliable);
  const found = reliable.find(({ frame }) => !isSleepHelper(frame.symbol)) ?? reliable[0] ?? frames[0];
  return found === undefined ? '' : sourceName(found.frame.symbol);
}
