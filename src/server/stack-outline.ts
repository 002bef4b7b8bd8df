import { type DocumentSymbol, type FoldingRange, SymbolKind } from 'vscode-languageserver/node';
import { sourceName } from '../core/stack/frame.ts';
import type { TextTask, TextTrace } from '../core/stack/traces.ts';
import { inert } from '../core/text/inert.ts';
import { isSleepHelper } from '../core/zfs/wait-points.ts';
import type { StackDocument } from './stack-documents.ts';

/** Entries that an outline has at most: nobody reads more, and the editor draws them all. */
const MAX_SYMBOLS = 20_000;

/** Tasks that are named of a stack that many have. */
const MAX_NAMED = 3;

/** What entries say; most stacks of a document stay the same when it is edited. */
const labels = new WeakMap<TextTrace, Pick<DocumentSymbol, 'name' | 'detail' | 'kind'>>();

/** One entry for each task, report or stack. */
export function stackSymbols(document: StackDocument): DocumentSymbol[] {
  return document.traces.slice(0, MAX_SYMBOLS).map((trace) => {
    const { firstLine, lastLine, start, end } = trace;
    let label = labels.get(trace);
    if (label === undefined) {
      label = labelOf(trace);
      labels.set(trace, label);
    }
    // The last in the text; of a folded stack that is the innermost.
    const lastColumn = Math.max(
      ...[trace.frames[0], trace.frames.at(-1)].map((frame) => (frame?.line === lastLine ? frame.end : 0)),
    );
    return {
      ...label,
      range: {
        start: { line: firstLine, character: 0 },
        end: {
          line: lastLine,
          character: lastColumn > 0 ? lastColumn : lastLine === firstLine ? end : 0,
        },
      },
      selectionRange: {
        start: { line: firstLine, character: start },
        end: {
          line: firstLine,
          character: lastLine === firstLine && lastColumn > 0 ? Math.min(end, lastColumn) : end,
        },
      },
    };
  });
}

function labelOf(trace: TextTrace): Pick<DocumentSymbol, 'name' | 'detail' | 'kind'> {
  const { verdict } = trace;
  return {
    name: traceName(trace),
    detail: inert(verdict === '' ? innermost(trace) : verdict, 200),
    kind: verdict === '' ? SymbolKind.Function : SymbolKind.Event,
  };
}

/** A fold for each stack, from its heading to its last frame. */
export function stackFolds(document: StackDocument): FoldingRange[] {
  return document.traces.flatMap(({ firstLine, lastLine }) =>
    lastLine > firstLine ? [{ startLine: firstLine, endLine: lastLine }] : [],
  );
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
