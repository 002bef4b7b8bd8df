import { inert } from '../../core/text/inert.ts';
import { LINE_LIMIT } from '../../core/text/lines.ts';
import type { ModuleOf, ToolOutput } from '../../core/tracers/tool-trace.ts';
import type { TraceLimit, TraceRefused, TraceStreamEvent } from '../../core/tracing/events.ts';
import {
  checkSessionId,
  type TraceParams,
  type TraceSessionId,
  timeLimit,
} from '../../core/tracing/ftrace-program.ts';
import { ZFS_MODULES } from '../../core/zfs/zfs-modules.ts';
import { type LineDecoder, type StreamCollector, shellWord } from '../collector.ts';
import type { SessionParams } from './trace-function.ts';
import { markOf } from './trace-script.ts';

/** A trace as one tool makes it. */
export interface ToolRun {
  /** The program and its arguments. */
  readonly words: readonly string[];
  /** Variables of its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whether it ends by itself when calls come too often. */
  readonly endsAtLimits: boolean;
  /** Whether it has printed all that it recorded when it ends with status 0, also where it was asked to. */
  readonly drains: boolean;
  /** What the script does before it is started; empty for nothing. */
  readonly before: string;
  /** What it prints is read by this. */
  output(moduleOf: ModuleOf): ToolOutput;
}

/** Longest that is kept of what a tool says of itself, in lines. */
const MOST_SAID = 40;

/** Symbols whose modules are kept: ZFS has some ten thousand. */
const MOST_SYMBOLS = 100_000;

/** A tool that is asked to end gets this long before it is killed, in seconds. */
const GRACE = 10;

/**
 * - `modules MARK` says which symbols of ZFS's modules there are: bpftrace prints stacks without modules.
 * - `tool MARK SECONDS WORD...` runs a tool until it ends or the time is over. A tool's probes belong to its process
 *   (perf_event_open(2), bpf(2)): the kernel takes them away with it, however it ends.
 *
 * At the end of its time a tool is asked to end with what it has started: one that is a script reads the signal only
 * when its command has ended. At a stop (TERM, which all of the job get) its last words are waited for, and its status
 * is said to be of one that was `stopped`.
 *
 * What the tool says on stderr comes between its own lines: it writes both itself, line by line.
 */
export const TOOL = `say() { echo "$mark $*"; }
attend() { :; }
finish() {
  children=
  { read -r children </proc/$tool/task/$tool/children; } 2>/dev/null
  kill -TERM $tool $children 2>/dev/null
}
modules() {
  awk '$2 ~ /^[tT]$/ && $4 ~ /^\\[(${ZFS_MODULES.join('|')})\\]$/ {
    module = substr($4, 2, length($4) - 2)
    if (module != last) { printf "%s%s modules %s", (last != "" ? "\\n" : ""), mark, module; last = module; n = 0 }
    printf " %s", $3
    if (++n == 200) { last = "" ; print "" }
  } END { if (last != "") print "" }' mark="$1" /proc/kallsyms
}
tool() {
  mark=$1 seconds=$2
  shift 2
  limit= turn=0 how=ended
  { printf zscope >/proc/self/comm; } 2>/dev/null
  trap how=stopped TERM
  "$@" 2>&1 </dev/null &
  tool=$!
  say pid $tool
  # At a stop the shell says that its sleep was terminated.
  while [ $how = ended ] && kill -0 $tool; do
    attend
    sleep 1
    turn=$((turn + 1))
    [ $turn -eq $seconds ] && limit=time && finish
    [ $turn -lt $((seconds + ${GRACE})) ] || kill -KILL $tool
  done 2>/dev/null
  trap '' TERM
  wait $tool
  status=$?
  printf '\\n'
  [ -z "$limit" ] || say limit $limit
  say $how $status
  exit 0
}
`;

/** The call of `tool`, in an environment of its own. */
export function toolCall(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  seconds: number,
  mark: string,
): string {
  // Python keeps what it prints into a pipe back until there is much of it.
  const variables = Object.entries({ PYTHONUNBUFFERED: '1', ...environment });
  return `export ${variables.map(([key, value]) => `${key}=${shellWord(value)}`).join(' ')}
tool ${[mark, `${timeLimit(seconds)}`, ...words].map(shellWord).join(' ')}
`;
}

/** Start-up of the tools is slow where the processor is emulated: the limit of time begins with the trace, theirs with the process. */
const STARTING_SECONDS = 120;

/**
 * A trace by a program that is installed on the target.
 * @param cleanup for what the tool leaves when it is killed
 * @param plan what is run for these parameters; asks no target. Throws Failure `bad-request` for what it cannot trace
 */
export function toolCollector(
  name: string,
  title: string,
  plan: (params: TraceParams) => ToolRun,
  cleanup: (params: TraceSessionId) => string,
): StreamCollector<SessionParams, TraceStreamEvent, TraceSessionId> {
  return {
    name,
    title,
    grade: 'trace',
    needsRoot: true,
    script: (params) => {
      checkSessionId(params.sessionId);
      const { words, environment, before } = plan(params);
      const mark = markOf(params.sessionId);
      const call = toolCall(words, environment, timeLimit(params.maxSeconds) + STARTING_SECONDS, mark);
      return `${TOOL}${before}modules ${shellWord(mark)}\n${call}`;
    },
    cleanup,
    decoder: (params) => new ToolDecoder(plan(params), markOf(params.sessionId), params),
  };
}

class ToolDecoder implements LineDecoder<TraceStreamEvent> {
  readonly #output: ToolOutput;
  readonly longestLine: number;
  readonly #mark: string;
  /** Calls a second that it has to be stopped at; 0 for none. */
  readonly #maxRate: number;
  readonly #drains: boolean;
  /** Modules by symbol. */
  readonly #modules = new Map<string, string>();
  /** What the tool said of itself. */
  readonly #said: string[] = [];
  #started = false;
  #limited = false;
  #calls = 0;
  /** The second that is counted, by the target's clock, and its calls. */
  #second = Number.NEGATIVE_INFINITY;
  #inSecond = 0;

  constructor(
    { output, endsAtLimits, drains }: ToolRun,
    mark: string,
    private readonly params: TraceParams,
  ) {
    this.#mark = `${mark} `;
    this.#maxRate = endsAtLimits ? 0 : (params.maxRate ?? 0);
    this.#drains = drains;
    this.#output = output((symbol) => this.#modules.get(symbol) ?? null);
    this.longestLine = this.#output.longestLine ?? LINE_LIMIT;
  }

  line(text: string): readonly TraceStreamEvent[] {
    const at = text.indexOf(this.#mark);
    // perf-tools copy what is written to trace_marker: `tracing_mark_write+0xda/0x270: ` stands before it.
    if (at === 0 || (at > 0 && text.lastIndexOf(': tracing_mark_write', at) >= 0)) {
      return this.#marked(text.slice(at + this.#mark.length));
    }
    const events = this.#output.line(text);
    if (events === null && text.trim() !== '' && this.#said.length < MOST_SAID) {
      this.#said.push(inert(text, 300));
    }
    return this.#noted(events ?? []);
  }

  #marked(text: string): readonly TraceStreamEvent[] {
    const [word, detail = '', ...rest] = text.split(' ');
    switch (word) {
      case 'modules':
        for (const symbol of rest) {
          if (this.#modules.size < MOST_SYMBOLS) {
            this.#modules.set(symbol, detail);
          }
        }
        return [];
      case 'started':
        return this.#started ? [] : this.#noted([{ kind: 'started', withArguments: true }]);
      case 'busy':
        return [
          { kind: 'refused', reason: 'no-tool', why: `It cannot trace here: ${inert(text.slice(5), 200)}.` },
        ];
      case 'limit':
        return this.#noted([...this.#output.end(), { kind: 'limit', of: 'time' }]);
      case 'ended':
        return this.#started ? this.#ended(detail) : [refusal(this.#said, Number(detail))];
      case 'stopped':
        return this.#ended(detail);
      default:
        return [];
    }
  }

  #ended(status: string): readonly TraceStreamEvent[] {
    const isComplete = this.#drains && status === '0';
    return this.#noted([...this.#output.end(), ...(isComplete ? [{ kind: 'complete' } as const] : [])]);
  }

  /** Passes on what a trace tells, until it has reached a limit. */
  #noted(events: readonly TraceStreamEvent[]): readonly TraceStreamEvent[] {
    const kept: TraceStreamEvent[] = [];
    for (const event of events) {
      this.#started ||= event.kind === 'started';
      if ((event.kind === 'call' || event.kind === 'limit') && this.#limited) {
        continue;
      }
      kept.push(event);
      this.#limited ||= event.kind === 'limit';
      const limit = event.kind === 'call' ? this.#reached(event.time) : null;
      if (limit !== null) {
        kept.push(limit);
        this.#limited = true;
      }
    }
    return kept;
  }

  /** The limit that a call at this time (seconds) reaches. */
  #reached(time: number): TraceLimit | null {
    this.#calls += 1;
    this.#inSecond = Math.floor(time) === this.#second ? this.#inSecond + 1 : 1;
    this.#second = Math.floor(time);
    if (this.#maxRate > 0 && this.#inSecond > this.#maxRate) {
      return { kind: 'limit', of: 'rate', rate: this.#inSecond };
    }
    return this.#calls >= this.params.maxEvents ? { kind: 'limit', of: 'events' } : null;
  }

  end(): readonly TraceStreamEvent[] {
    return this.#noted(this.#output.end());
  }
}

/** Whether the function is at fault, which can be explained, or the tool. */
const NO_PROBE = /attach|traceable|no probes|not exist|unknown symbol|functions matched|could not resolve/i;

function refusal(said: readonly string[], status: number): TraceRefused {
  const wrong = said.find((line) => /error|fail|cannot|could not|unable|not found/i.test(line)) ?? said[0];
  const why =
    wrong === undefined
      ? `The tool ended with status ${status} before it traced anything.`
      : `The tool refuses it: "${wrong}".`;
  return { kind: 'refused', reason: NO_PROBE.test(said.join('\n')) ? 'no-probe' : 'no-tool', why };
}
