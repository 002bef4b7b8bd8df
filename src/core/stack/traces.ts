/**
 * The stacks of a text: which of its frames belong together, whose they are, and what the kernel says
 * of them. Works on what the readers of stack text found.
 */
import { type Frame, frameKey } from './frame.ts';
import { endsStack, isFolded, isPartOfStack, MAX_GAP } from './parting.ts';
import { type FrameItem, frameOf, type HeadingItem, type StackItem } from './text/items.ts';

/** A task as a text names it; null where it says nothing. */
export interface TextTask {
  readonly comm: string | null;
  readonly pid: number | null;
  /** State letter. */
  readonly state: string | null;
}

/** A frame at its place in the text. */
export interface PlacedFrame {
  readonly frame: Frame;
  /** 0-based. */
  readonly line: number;
  /** 0-based columns in UTF-16 units, end exclusive. */
  readonly start: number;
  readonly end: number;
}

/** One stack of a text, or a report or task that has none. */
export interface TextTrace {
  /** 0-based line it begins in: of its first heading, else of its first frame. */
  readonly firstLine: number;
  /** 0-based line of its last frame, or of its last heading. */
  readonly lastLine: number;
  /** Columns of the heading or frame in {@link firstLine}. */
  readonly start: number;
  readonly end: number;
  /** Those that have this stack; empty when the text does not say. */
  readonly tasks: readonly TextTask[];
  /** What the kernel calls it, shortened: `BUG: soft lockup`; empty when it says nothing. */
  readonly verdict: string;
  /** The line above the frames, where no heading was known; empty when there is none. */
  readonly title: string;
  /** Innermost first, so in a folded stack from the line's end to its beginning. */
  readonly frames: readonly PlacedFrame[];
}

/** Lines between a report's headings, and between its last heading and its frames. */
const MAX_HEAD = 48;

/** The number of a frame, as debuggers and sanitizers write it. */
const NUMBER = /^[^#]{0,80}?(?:^|\s|\[)#\s?(\d{1,4})\s/;
/** What ftrace draws before and behind a call in its graph (kernel/trace/trace_functions_graph.c). */
const CALL = /(?:\d\)|\d us|graph_entry:).*\|\s+\S.*\)(?: ?\{|;)(?: *(?:\/\*|\().*)?\s*$/;

/** Lines between two frames that are numbered: the variables of one; between two calls: the ends of others. */
const MAX_VARIABLES = 200;

/** The place where the kernel was, printed beside the registers and not in the stack. */
const REGISTER = /(?:\b[RE]?IP|\bpc|\bPC is at|\bNIP|\bepc|\bPSW)\b.{0,40}$/;

/** `sync:3198 state D`, as ZScope writes the tasks of a stack that it copies; without a state where that is not known. */
const TASK_LINE = /^\s*(\S.{0,63}?):(\d{1,10})(?: state ([A-Za-z]))?\s*$/;
/** What looks like a task's name and is a place in a file. */
const FILE_NAME = /\.\w{1,4}(?::\d+)?$/;
/** `==> /proc/3198/task/3201/stack <==`, as head and tail name a file; `/proc/3198/stack:` */
const PROC_LINE = /\/proc\/(\d{1,10})(?:\/task\/(\d{1,10}))?\/stack\b/;

/** Most lines above a stack that name its tasks. */
const MAX_TASK_LINES = 10_000;

interface Open {
  firstLine: number;
  lastLine: number;
  start: number;
  end: number;
  tasks: TextTask[];
  verdict: string;
  title: string;
  frames: PlacedFrame[];
  /** Line of the last heading or frame. */
  last: number;
  /** A heading said that a stack follows. */
  hasStack: boolean;
  /** Line of the last source reference. */
  lastSource: number;
}

/**
 * Parts the items of a text into stacks, in the order of the text.
 * @param items with 1-based lines, as the readers give them
 * @param lineAt a line of the text by its 0-based number
 */
export function readTraces(items: Iterable<StackItem>, lineAt: (line: number) => string): TextTrace[] {
  const reader = new TraceReader(lineAt);
  for (const item of items) {
    reader.take(item, item.line - 1);
  }
  return reader.end();
}

/** Takes the items of a text one by one. */
export class TraceReader {
  #traces: TextTrace[] = [];
  #open: Open | null = null;

  /** @param lineAt a line of the text by its 0-based number */
  constructor(private readonly lineAt: (line: number) => string) {}

  /** Those that are whole already. */
  get closed(): readonly TextTrace[] {
    return this.#traces;
  }

  /** Hands out {@link closed} and keeps none of them: so a text of any length can be read. */
  takeClosed(): readonly TextTrace[] {
    const traces = this.#traces;
    if (traces.length > 0) {
      this.#traces = [];
    }
    return traces;
  }

  /** Frames of what is not whole yet, in the order of the text. */
  get openFrames(): readonly PlacedFrame[] {
    return this.#open?.frames ?? [];
  }

  /**
   * @param line 0-based line of the text, whatever the item says
   * @returns whether something begins with the item: what it is depends on it, the lines above and what follows
   */
  take(item: StackItem, line: number): boolean {
    const before = this.#open;
    if (item.kind === 'heading') {
      this.#takeHeading(item, line);
    } else if (item.kind === 'frame') {
      this.#takeFrame(item, line);
    } else if (this.#open !== null && this.#open.frames.length > 0) {
      // A debugger may write a frame's place on a line of its own.
      if (line === Math.max(this.#open.last, this.#open.lastSource) + 1) {
        this.#open.lastSource = line;
      }
    }
    return this.#open !== before;
  }

  end(): TextTrace[] {
    this.#close();
    return this.#traces;
  }

  #takeHeading(heading: HeadingItem, line: number): void {
    if (this.#open === null || !joins(this.#open, heading, line, this.lineAt)) {
      this.#close();
      this.#open = begin(heading, line);
    }
    takeHeading(this.#open, heading, line);
  }

  #takeFrame(item: FrameItem, line: number): void {
    if (this.#open !== null && this.#open.frames.length === 0 && this.#open.last === line) {
      // A report that names a function where it happened: its stack follows.
      return;
    }
    if (this.#open !== null && !goesOn(this.#open, item, line, this.lineAt)) {
      this.#close();
    }
    this.#open ??= { ...begin(item, line), ...namesAbove(line, this.lineAt) };
    this.#open.frames.push(placed(item, line));
    this.#open.lastLine = line;
    this.#open.last = line;
  }

  #close(): void {
    const open = this.#open;
    this.#open = null;
    if (open === null) {
      return;
    }
    const { firstLine, lastLine, start, end, tasks, verdict, title } = open;
    const [first, second] = open.frames;
    const outermostFirst =
      first !== undefined &&
      first.line === second?.line &&
      isFolded(this.lineAt(first.line), first.end, second.start);
    const frames = outermostFirst ? open.frames.reverse() : open.frames;
    if (tasks.length === 0 && verdict === '') {
      // What stands beside the registers is told again by the stack.
      const isPlace =
        first !== undefined &&
        second === undefined &&
        REGISTER.test(this.lineAt(first.line).slice(0, first.start));
      if (first === undefined || isPlace) {
        return;
      }
    }
    this.#traces.push({ firstLine, lastLine, start, end, tasks, verdict, title, frames });
  }
}

/** A text that two stacks share exactly when they have the same frames, guesses left out. */
export function traceKey(frames: readonly PlacedFrame[]): string {
  return frames
    .filter(({ frame }) => frame.reliable)
    .map(({ frame }) => frameKey(frame))
    .join('\n');
}

function begin({ start, end }: StackItem, line: number): Open {
  return {
    firstLine: line,
    lastLine: line,
    start,
    end,
    tasks: [],
    verdict: '',
    title: '',
    frames: [],
    last: line,
    hasStack: false,
    lastSource: -1,
  };
}

function placed(item: FrameItem, line: number): PlacedFrame {
  const { start, end } = item;
  return { frame: frameOf(item), line, start, end };
}

/** Whether a heading tells more of what is open already. */
function joins(open: Open, heading: HeadingItem, line: number, lineAt: (line: number) => string): boolean {
  if (line - open.last > MAX_HEAD) {
    return false;
  }
  const [task] = open.tasks;
  const isOther = heading.pid !== null && task !== undefined && task.pid !== null && task.pid !== heading.pid;
  if (isOther) {
    return false;
  }
  if (open.frames.length > 0) {
    // An exception names the place where it was before its stack.
    const [first] = open.frames;
    return (
      heading.what === 'stack' &&
      open.frames.length === 1 &&
      !open.hasStack &&
      first !== undefined &&
      REGISTER.test(lineAt(first.line).slice(0, first.start))
    );
  }
  // One report in several lines: VERIFY and its PANIC, a blocked task and who owns what it wants.
  return heading.what !== 'report' || (line - open.last <= 4 && !open.hasStack);
}

function takeHeading(open: Open, heading: HeadingItem, line: number): void {
  const { comm, pid, state } = heading;
  if (comm !== null || pid !== null) {
    const [known] = open.tasks;
    open.tasks = [
      {
        comm: known?.comm ?? comm,
        pid: known?.pid ?? pid,
        state: state ?? known?.state ?? null,
      },
    ];
  }
  if (heading.what === 'report' && open.verdict === '') {
    open.verdict = verdictOf(heading.title);
  } else if (heading.what === 'stack') {
    open.hasStack = true;
    if (open.title === '' && !/^Call [Tt]race/.test(heading.title)) {
      open.title = heading.title.replace(/:$/, '');
    }
  }
  open.last = line;
  open.lastLine = Math.max(open.lastLine, open.last);
}

/** Whether a frame belongs to what is open. */
function goesOn(open: Open, item: FrameItem, line: number, lineAt: (line: number) => string): boolean {
  const { frames } = open;
  const last = frames.at(-1);
  if (last === undefined) {
    return line - open.last <= MAX_HEAD && (open.hasStack || !isApart(open.last, line, lineAt));
  }
  if (open.last > last.line) {
    // A heading joined what was open: its stack follows.
    return line - open.last <= MAX_HEAD;
  }
  if (line === last.line) {
    return true;
  }
  const [first] = frames;
  if (item.offset === null && first !== undefined && CALL.test(lineAt(line).slice(0, 400))) {
    // In a graph of calls, what a call calls is to the right of it.
    return item.start > first.start && line - last.line <= MAX_VARIABLES;
  }
  // What a kernel prints with sizes has no numbers.
  const number = item.size === null ? numberOf(lineAt(line)) : null;
  const before = number === null ? null : numberOf(lineAt(last.line));
  if (number !== null && before !== null) {
    return number >= before && number <= before + 1 && line - last.line <= MAX_VARIABLES;
  }
  // A line that holds a whole stack is one of folded ones: so is the next.
  const third = frames.at(-3);
  if (line - last.line > MAX_GAP || third?.line === last.line) {
    return false;
  }
  for (let between = Math.max(last.line, open.lastSource) + 1; between < line; between++) {
    if (endsStack(lineAt(between))) {
      return false;
    }
  }
  return true;
}

/** Whether a blank line stands between a report and a stack, which then has a heading of its own. */
function isApart(heading: number, frame: number, lineAt: (line: number) => string): boolean {
  let isBlank = false;
  for (let line = heading + 1; line < frame; line++) {
    isBlank ||= lineAt(line).trim() === '';
  }
  return isBlank && lineAt(frame - 1).trim() !== '';
}

function numberOf(line: string): number | null {
  const number = NUMBER.exec(line.slice(0, 120))?.[1];
  return number === undefined ? null : Number(number);
}

/** What the lines directly above a stack say of it. */
function namesAbove(line: number, lineAt: (line: number) => string): Partial<Open> {
  const tasks: TextTask[] = [];
  let above = line - 1;
  for (; above >= 0 && tasks.length < MAX_TASK_LINES; above--) {
    const match = TASK_LINE.exec(lineAt(above).slice(0, 120));
    const [, comm = '', pid, state] = match ?? [];
    if (match === null || (state === undefined && FILE_NAME.test(comm))) {
      break;
    }
    tasks.push({ comm, pid: Number(pid), state: state ?? null });
  }
  if (tasks.length > 0) {
    return { tasks: tasks.reverse(), firstLine: above + 1, ...columns(lineAt(above + 1)) };
  }
  const text = above < 0 ? '' : lineAt(above).slice(0, 200).trim();
  const proc = PROC_LINE.exec(text);
  if (proc !== null) {
    const pid = Number(proc[2] ?? proc[1]);
    return { tasks: [{ comm: null, pid, state: null }], firstLine: above, ...columns(lineAt(above)) };
  }
  if (text === '' || text.length > 120 || !/\w/.test(text) || isPartOfStack(text)) {
    return {};
  }
  return { title: text, firstLine: above, ...columns(lineAt(above)) };
}

function columns(line: string): { start: number; end: number } {
  return { start: 0, end: Math.min(line.length, 200) };
}

/** The kernel's words for what happened, without the numbers of this one case. */
function verdictOf(title: string): string {
  const text = title.replace(/^watchdog: /, '');
  const short =
    /^(?:BUG: (?:soft lockup|workqueue lockup|[^,:(]{1,40})|INFO: task|INFO: rcu\w*|PANIC at \S+|Kernel panic|Oops|general protection fault|WARNING|UBSAN: [^ ]+)/.exec(
      text,
    )?.[0];
  if (short === 'INFO: task') {
    return (
      /blocked on an? \w+/.exec(text)?.[0] ??
      'blocked for more than '.concat(/\d+ seconds/.exec(text)?.[0] ?? '')
    );
  }
  return (short ?? text).slice(0, 80).trim();
}
