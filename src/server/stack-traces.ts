import type { StackItem } from '../core/stack/text/items.ts';
import { type TextTrace, TraceReader } from '../core/stack/traces.ts';
import { commonEnds } from './common-ends.ts';
import type { Block } from './stack-lines.ts';

/** Items that follow each other and belong together. */
interface Run {
  readonly first: StackItem;
  /** 0-based line of the document that {@link first} is on. */
  line: number;
  /** What they make; null when that is nothing. */
  trace: TextTrace | null;
}

/** The stacks of a document; after an edit, only those around it are read again. */
export class StackTraces {
  #blocks: readonly Block[] = [];
  #runs: readonly Run[] = [];
  #traces: readonly TextTrace[] = [];

  /** @param lineAt a line of the document by its 0-based number */
  constructor(private readonly lineAt: (line: number) => string) {}

  /**
   * The stacks in the order of the text. One stays the same object as long as what is said of it does; its
   * line numbers are good until the next call.
   * @param blocks what the document's lines hold now
   */
  of(blocks: readonly Block[]): readonly TextTrace[] {
    if (blocks !== this.#blocks) {
      this.#runs = this.#read(blocks);
      this.#blocks = blocks;
      this.#traces = this.#runs.flatMap(({ trace }) => trace ?? []);
    }
    return this.#traces;
  }

  #read(blocks: readonly Block[]): Run[] {
    const before = this.#runs;
    const { head, tail } = commonEnds(this.#blocks, blocks);
    const sameBefore = linesOf(blocks.slice(0, head));
    const sameFrom = linesOf(blocks.slice(0, blocks.length - tail));
    const moved = linesOf(blocks) - linesOf(this.#blocks);
    // What begins with the last run above the change may go on into it.
    const from = lastBefore(before, sameBefore);
    const runs = before.slice(0, Math.max(from, 0));
    const start = before[from] ?? null;
    const startLine = start?.line ?? 0;

    const reader = new TraceReader(this.lineAt);
    let closed = 0;
    let run: Run | null = null;
    const close = () => {
      const trace = reader.closed[closed];
      if (run !== null && trace !== undefined) {
        closed++;
        run.trace = trace;
      }
    };
    let base = 0;
    for (const { lines, items } of blocks) {
      for (const item of base + lines > startLine ? (items ?? []) : []) {
        const line = base + item.line - 1;
        // Several may stand on one line.
        const isAbove = start !== null && run === null && item !== start.first;
        if (isAbove || !reader.take(item, line)) {
          continue;
        }
        close();
        // From a run on that was there before, and looks no further up than to the one before it, all is as it was.
        if (run !== null && run.line >= sameFrom) {
          const known = runOf(before, item, line - moved);
          const trace = before[known]?.trace;
          if (trace !== undefined && trace !== null && trace.firstLine + moved > run.line) {
            return [...runs, ...before.slice(known).map((one) => move(one, moved))];
          }
        }
        run = { first: item, line, trace: null };
        runs.push(run);
      }
      base += lines;
    }
    reader.end();
    close();
    return runs;
  }
}

function linesOf(blocks: readonly Block[]): number {
  return blocks.reduce((count, { lines }) => count + lines, 0);
}

/** The last run that begins before a line; -1 when there is none. */
function lastBefore(runs: readonly Run[], line: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs[middle]?.line ?? 0) < line) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low - 1;
}

/** The run that begins with an item; -1 when there is none. */
function runOf(runs: readonly Run[], item: StackItem, line: number): number {
  for (let at = lastBefore(runs, line) + 1; runs[at]?.line === line; at++) {
    if (runs[at]?.first === item) {
      return at;
    }
  }
  return -1;
}

/** Moves a run by a number of lines. Nobody else holds its numbers; copies of all would cost more than the reading. */
function move(run: Run, by: number): Run {
  if (by !== 0) {
    run.line += by;
    const trace = run.trace as { firstLine: number; lastLine: number; frames: TextTrace['frames'] } | null;
    if (trace !== null) {
      trace.firstLine += by;
      trace.lastLine += by;
      for (const frame of trace.frames) {
        (frame as { line: number }).line += by;
      }
    }
  }
  return run;
}
