import { inert } from '../../core/text/inert.ts';
import type { TraceRefused, TraceStreamEvent } from '../../core/tracing/events.ts';
import { FtraceOutput } from '../../core/tracing/ftrace-output.ts';
import {
  checkSessionId,
  type FtraceProgram,
  ftraceProgram,
  type TraceParams,
  type TraceSessionId,
} from '../../core/tracing/ftrace-program.ts';
import { type LineDecoder, type StreamCollector, shellWord } from '../collector.ts';

export type { TraceParams } from '../../core/tracing/ftrace-program.ts';

/**
 * Finds tracefs and defines:
 *
 * - `sessions PATTERN`: into $names, the sessions of that pattern that an instance or a probe bears.
 * - `probes NAME`: into $found, the probes of a session as `-:` wants them.
 * - `wipe NAME`: undoes all that a session may have made. It works on what is there, so it can run twice,
 *   or half-way. An instance can't be removed while its trace_pipe is open; readers are gone when the
 *   job's group is, so a short wait is enough. It ends by the clock too: on a slow machine twenty turns
 *   take longer than a stop is waited for. A probe can't be while it is enabled, which the end of
 *   the instance puts an end to: so probes are removed again after it.
 *
 * kprobe_events is read to its end before anything is removed: its lines move up at each removal.
 */
const PRELUDE = `for tracefs in /sys/kernel/tracing /sys/kernel/debug/tracing ''; do
  [ -d "$tracefs/instances" ] && break
done
sessions() {
  names=
  for left in "$tracefs"/instances/$1; do
    [ -d "$left" ] && own "\${left##*/}" "$1"
  done
  [ -e "$tracefs/kprobe_events" ] || return 0
  while read -r left; do
    left=\${left#*:}
    own "\${left%%/*}" "$1"
  done <"$tracefs/kprobe_events"
}
own() {
  case " $names " in *" $1 "*) return ;; esac
  case $1 in
  *[!A-Za-z0-9_]*) ;;
  $2) names="$names $1" ;;
  esac
}
probes() {
  found=
  [ -e "$tracefs/kprobe_events" ] || return 0
  while read -r probe; do
    case $probe in
    [pr]*:"$1"/*)
      probe=\${probe#*:}
      found="$found \${probe%% *}"
      ;;
    esac
  done <"$tracefs/kprobe_events"
}
clock() {
  now=0
  { read -r now rest </proc/uptime; } 2>/dev/null
  now=\${now%%.*}
}
unprobe() {
  probes "$1"
  for probe in $found; do
    { echo "-:$probe" >>"$tracefs/kprobe_events"; } 2>/dev/null
  done
}
wipe() {
  { echo 0 >"$tracefs/instances/$1/tracing_on"; echo 0 >"$tracefs/instances/$1/events/$1/enable"; } 2>/dev/null
  unprobe "$1"
  turn=0
  clock
  start=$now
  while [ -d "$tracefs/instances/$1" ] && ! rmdir "$tracefs/instances/$1" 2>/dev/null; do
    turn=$((turn + 1))
    clock
    [ $turn -lt 20 ] && [ $((now - start)) -lt 3 ] || break
    sleep 0.1 2>/dev/null || sleep 1
  done
  unprobe "$1"
}
`;

/** Kernel memory for a session's events, all CPUs together; each CPU gets its part, within these bounds. */
const BUFFER_KIB = { total: 64 * 1024, least: 256, most: 4096 } as const;

/**
 * `trace MARK SESSION EVENT EVENTS SECONDS FETCHES PLACE...` sets the probe in an instance and an event
 * group of its own, named after this shell's process and the session, then copies trace_pipe. Top-level
 * tracing, which may be somebody else's, stays untouched. What is forked before the first call can be
 * seen runs beside the rest: mkdir while the probe is set, and cat. The probe is enabled when the buffer
 * has grown: while it grows the kernel records nothing (kernel/trace/trace.c,
 * __tracing_resize_ring_buffer).
 *
 * Why a probe is refused is the last word of error_log on it (Documentation/trace/ftrace.rst), which
 * holds what others were told too.
 *
 * What sessions left that could not clean up is undone first. A session is alive when the process it is
 * named after calls itself `zscope`, as this shell does: the number alone may be another process's by now.
 *
 * When a limit is reached, tracing is switched off and the reader gets the time to copy what the
 * buffer still holds: the third line of the instance's trace file says how much that is.
 */
const TRACE = `say() { echo "$mark $*"; }
refuse() {
  [ -z "$reader" ] || kill $reader 2>/dev/null
  say refused "$@"
  exit 3
}
why_not() {
  why= said=
  while read -r line; do
    case $line in
    *'] trace_kprobe: error: '*) said=\${line#*error: } ;;
    Command:*":$name/"*) why=$said ;;
    esac
  done <"$tracefs/error_log"
} 2>/dev/null
probe() {
  { echo "p:$name/$event $*" >>"$tracefs/kprobe_events"; } 2>/dev/null
}
trace() {
  mark=$1 session=$2 event=$3 most_calls=$4 most_seconds=$5 fetches=$6
  shift 6
  reader=
  { printf zscope >/proc/self/comm; } 2>/dev/null
  [ -n "$tracefs" ] || refuse no-tracefs
  [ -w "$tracefs/kprobe_events" ] || refuse no-kprobes
  sessions 'zscope_[0-9]*_*'
  for left in $names; do
    owner=\${left#zscope_}
    comm=
    { read -r comm <"/proc/\${owner%%_*}/comm"; } 2>/dev/null
    [ "$comm" = zscope ] || wipe "$left"
  done
  name=zscope_$$_$session
  instance=$tracefs/instances/$name
  mkdir "$instance" &
  making=$!
  how=
  for place; do
    probe "$place" "$fetches" && how=arguments && break
    probe "$place" && how=bare && break
  done
  wait $making || refuse no-instance
  [ -n "$how" ] || { why_not; refuse no-probe "$why"; }
  cpus=0
  for cpu in "$instance"/per_cpu/cpu*; do
    cpus=$((cpus + 1))
  done
  size=$((${BUFFER_KIB.total} / cpus))
  [ $size -ge ${BUFFER_KIB.least} ] || size=${BUFFER_KIB.least}
  [ $size -le ${BUFFER_KIB.most} ] || size=${BUFFER_KIB.most}
  { echo $size >"$instance/buffer_size_kb"; } 2>/dev/null
  echo 1 >"$instance/options/stacktrace"
  echo 1 >"$instance/options/sym-offset"
  cat "$instance/trace_pipe" &
  reader=$!
  say started $how
  echo 1 >"$instance/events/$name/enable" || refuse no-enable
  follow
}
follow() {
  seconds=0 calls=0 limit=
  while kill -0 $reader 2>/dev/null; do
    sleep 1
    seconds=$((seconds + 1))
    while read -r what hits missed; do
      [ "$what" = "$event" ] && calls=$hits
    done <"$tracefs/kprobe_profile"
    [ $calls -lt $most_calls ] || limit=events
    [ $seconds -lt $most_seconds ] || limit=time
    [ -n "$limit" ] || continue
    echo 0 >"$instance/tracing_on"
    turn=0
    while kill -0 $reader 2>/dev/null && [ $turn -lt 20 ]; do
      turn=$((turn + 1))
      { read -r kept; read -r kept; read -r what kept kept what; } <"$instance/trace"
      sleep 1
      case $kept in 0/*) break ;; esac
    done
    kill $reader 2>/dev/null
    break
  done
  wait $reader 2>/dev/null
  printf '\\n'
  [ -z "$limit" ] || say limit $limit
  exit 0
}
`;

function script(params: TraceParams): string {
  const { event, places, fetchText, maxEvents, maxSeconds } = ftraceProgram(params);
  const words = [
    ...[`#zscope-${params.sessionId}`, params.sessionId, event, `${maxEvents}`, `${maxSeconds}`, fetchText],
    ...places,
  ];
  return `trace ${words.map(shellWord).join(' ')}\n`;
}

/** Says what could not be removed, and nothing when all of it was. */
function cleanup({ sessionId }: TraceSessionId): string {
  checkSessionId(sessionId);
  return `${PRELUDE}
[ -n "$tracefs" ] || exit 0
sessions 'zscope_*_${sessionId}'
for left in $names; do
  wipe "$left"
done
sessions 'zscope_*_${sessionId}'
for left in $names; do
  [ -d "$tracefs/instances/$left" ] && echo "instance $left could not be removed"
  probes "$left"
  for probe in $found; do
    echo "probe $probe could not be removed"
  done
done
exit 0
`;
}

/**
 * The calls of one function with arguments and stack, through tracefs alone. Nothing is installed;
 * instance and probe are the session's own and are removed at its end, and by the next session
 * should this one's clean-up have been impossible.
 */
export const traceFunction: StreamCollector<TraceParams, TraceStreamEvent, TraceSessionId> = {
  name: 'trace-function',
  title: 'Calls of a function',
  grade: 'trace',
  needsRoot: true,
  preamble: `${PRELUDE}${TRACE}`,
  script,
  cleanup,
  decoder: (params) => new TraceDecoder(ftraceProgram(params), `#zscope-${params.sessionId} `),
};

class TraceDecoder implements LineDecoder<TraceStreamEvent> {
  readonly #output: FtraceOutput;

  constructor(
    program: FtraceProgram,
    private readonly mark: string,
  ) {
    this.#output = new FtraceOutput(program);
  }

  line(text: string): readonly TraceStreamEvent[] {
    if (!text.startsWith(this.mark)) {
      return this.#output.line(text);
    }
    const [word, detail, ...rest] = text.slice(this.mark.length).split(' ');
    if (word === 'started') {
      return [{ kind: 'started', withArguments: detail === 'arguments' }];
    }
    if (word === 'limit') {
      return [...this.#output.end(), { kind: 'limit', of: detail === 'events' ? 'events' : 'time' }];
    }
    const reason = word === 'refused' ? REFUSALS.find((known) => known === detail) : undefined;
    if (reason === undefined) {
      return [];
    }
    const said = inert(rest.join(' '), 100).trim();
    return [
      { kind: 'refused', reason, why: said === '' ? WHY[reason] : `The kernel refuses it: "${said}".` },
    ];
  }

  end(): readonly TraceStreamEvent[] {
    return this.#output.end();
  }
}

const WHY: Readonly<Record<TraceRefused['reason'], string>> = {
  'no-tracefs':
    'The target has no tracefs mounted, so nothing can be traced. Mount it with "mount -t tracefs nodev /sys/kernel/tracing".',
  'no-kprobes':
    'The target has no writable kprobe_events: its kernel was built without CONFIG_KPROBE_EVENTS, or lockdown forbids probes.',
  'no-instance':
    'The kernel made no trace instance: memory is short, or lockdown forbids tracing. Free memory or boot without lockdown.',
  'no-probe': 'The kernel takes no probe at this function.',
  'no-enable': 'The kernel took the probe but does not let it be enabled.',
};

const REFUSALS = Object.keys(WHY) as TraceRefused['reason'][];
