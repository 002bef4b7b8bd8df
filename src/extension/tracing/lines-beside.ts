import { type Frame, formatFrame, type Trace } from '../../core/stack/frame.ts';
import type { Place } from '../../core/symbols/location.ts';
import { inert } from '../../core/text/inert.ts';
import { type CallNode, treeItems } from '../../core/tracing/call-tree.ts';
import type { StackLine, ToTraceView } from '../../protocol/trace-view.ts';
import type { Connection } from '../../target/connection.ts';
import { howText, sourceText } from '../hung-tasks/labels.ts';
import type { FrameOpener } from '../source/open-frame.ts';
import type { PlaceService } from '../source/place-service.ts';
import { RunningBuilds } from '../source/running-builds.ts';
import { MOST_TREE_LINES, treeLines } from './tree-lines.ts';

/** What a click on a line opens. */
interface Line {
  readonly trace: Trace;
  /** 0-based position of its frame in the stack. */
  readonly index: number;
  readonly place: Place | null;
}

/** A line of a stack. */
interface ShownLine extends Line {
  readonly shown: StackLine;
}

/** What stands beside the table of a trace view, or in its place: a stack or a tree of calls, with its places. */
export class LinesBeside {
  #lines: {
    readonly id: number;
    readonly connection: Connection | null;
    readonly lines: readonly Line[];
  } | null = null;
  /** What is wanted by now. */
  #selected: number | null = null;
  /** The builds that ran when the session began on a connection: its stacks are theirs, also when a module is loaded anew. */
  readonly #builds = new Map<Connection | null, RunningBuilds>();

  /**
   * @param session its target, and the builds that its stacks are of unless those are what the target runs
   * @param post sends to the page
   */
  constructor(
    private readonly session: { readonly connection: Connection | null; readonly builds?: RunningBuilds },
    private readonly places: PlaceService,
    private readonly frames: FrameOpener,
    private readonly post: (message: ToTraceView) => void,
  ) {
    this.noteBuilds();
  }

  /** To be called when the session goes on over another connection: other builds may run there. */
  noteBuilds(): void {
    this.#buildsOf(this.session.connection);
  }

  #buildsOf(connection: Connection | null): RunningBuilds {
    let builds = this.#builds.get(connection);
    if (builds === undefined) {
      builds =
        this.session.builds ?? (connection === null ? new RunningBuilds() : this.places.builds(connection));
      this.#builds.set(connection, builds);
    }
    return builds;
  }

  /**
   * @param id of the event, or another number that was not given before
   * @param connection over which it came
   */
  showStack(id: number, trace: Trace, connection = this.session.connection): Promise<void> {
    return this.#show(id, trace, connection, async (resolving) => {
      const places = await this.places.known(connection, trace, this.#buildsOf(connection));
      const lines = trace.flatMap((frame, i) => stackLines(trace, frame, i, places[i] ?? []));
      return { lines, message: { type: 'stack', id, lines: lines.map(({ shown }) => shown), resolving } };
    });
  }

  /** Says that an event is not kept any more: of a session that goes on only the newest are. */
  showGone(id: number): void {
    this.#selected = id;
    this.#lines = null;
    const label = 'This event is older than those that are kept, and so is its stack.';
    const line = { label, source: '', note: '', inlined: false, canOpen: false };
    this.post({ type: 'stack', id, lines: [line], resolving: false });
  }

  /**
   * @param roots null for what is not there
   * @param connection over which it came
   */
  showTree(
    id: number,
    heading: string,
    roots: readonly (CallNode | null)[],
    connection = this.session.connection,
  ): Promise<void> {
    const trees = roots.flatMap((root) => (root === null ? [] : [treeItems(root, MOST_TREE_LINES)]));
    const isCut = trees.some(({ length }) => length >= MOST_TREE_LINES);
    const about = isCut ? `${heading} (only the first ${MOST_TREE_LINES} lines are here)` : heading;
    const traces = [...new Set(trees.flat().map(({ node }) => node.trace))];
    return this.#show(id, traces.flat(), connection, async (resolving) => {
      const known = await Promise.all(
        traces.map((trace) => this.places.known(connection, trace, this.#buildsOf(connection))),
      );
      const places = new Map(traces.map((trace, i) => [trace, known[i] ?? []]));
      const lines = trees.flatMap((items) => treeLines(items, (trace) => places.get(trace) ?? []));
      return {
        lines,
        message: { type: 'tree', id, heading: about, rows: lines.map(({ shown }) => shown), resolving },
      };
    });
  }

  /**
   * Shows lines with what is known of their places, and again when more is.
   * @param frames whose places they are
   */
  async #show(
    id: number,
    frames: Trace,
    connection: Connection | null,
    linesOf: (resolving: boolean) => Promise<{
      readonly lines: readonly Line[];
      readonly message: ToTraceView;
    }>,
  ): Promise<void> {
    this.#selected = id;
    const builds = this.#buildsOf(connection);
    // The person may choose another event while this one's places are looked up.
    const show = async (resolving: boolean) => {
      const { lines, message } = await linesOf(resolving);
      if (this.#selected === id) {
        this.#lines = { id, connection, lines };
        this.post(message);
      }
    };
    const asked =
      connection !== null &&
      connection.state !== 'closed' &&
      this.places.incomplete(connection, frames, builds)
        ? connection
        : null;
    await show(asked !== null);
    if (asked !== null) {
      try {
        await this.places.learn(asked, frames, builds);
      } finally {
        await show(false);
      }
    }
  }

  /** Opens a line of what was shown with this id; nothing when something else is on show by now. */
  async open(id: number, line: number): Promise<void> {
    const shown = this.#lines?.id === id ? this.#lines : null;
    const chosen = shown?.lines[line];
    if (shown !== null && chosen?.place) {
      const { connection } = shown;
      const { trace, index, place } = chosen;
      await this.frames.open({ connection, builds: this.#buildsOf(connection), trace, index, place });
    }
  }
}

function stackLines(trace: Trace, frame: Frame, index: number, places: readonly Place[]): ShownLine[] {
  const found: readonly (Place | null)[] = places.length === 0 ? [null] : places;
  return found.map((place) => ({
    place,
    index,
    trace,
    shown: {
      label: inert(place?.inlined ? place.function : formatFrame(frame)),
      source: place === null ? '' : sourceText(place),
      note: place === null ? '' : howText(place),
      inlined: place?.inlined ?? false,
      canOpen: place !== null && place.uri !== null,
    },
  }));
}
