import { Failure } from '../../core/failure.ts';
import { inert } from '../../core/text/inert.ts';
import { checkSessionId, type TraceSessionId } from '../../core/tracing/ftrace-program.ts';
import { ERROR_FETCHES, type ErrorEvent, readErrorLine } from '../../core/zfs/errno-lines.ts';
import { type LineDecoder, type StreamCollector, shellWord } from '../collector.ts';
import { cleanup, PRELUDE } from './trace-function.ts';
import { LAST_LINES } from './trace-last-lines-shell.ts';

export interface WatchErrorsParams extends TraceSessionId {
  /** `uname -m` of the target: decides where arguments are. */
  readonly machine: string;
}

/** Errors that are recorded a second; what comes above is only counted. */
const MOST_PER_SECOND = 5000;

/** Kernel memory for what is recorded, each CPU. */
const BUFFER_KIB = 512;

/** It ends by itself after this time: nobody looks any more. */
const MOST_SECONDS = 8 * 3600;

/**
 * `watch MARK SESSION FETCHES` sets a probe at `__set_error` in an instance and a group of its own, as a trace does,
 * and copies what it records. Once a second it says how many errors the kernel counted, if there were any; after
 * a second with more than the limit it stops recording for as many seconds as make up for it, and the kernel
 * goes on counting. It says so through the instance's marker: a line written beside the reader could come to
 * stand in the middle of one of its lines.
 *
 * At its end, and at a stop (TERM, which all of the job get), what was recorded is printed first. `complete` is said when that
 * came to its end.
 */
const WATCH = `say() { echo "$mark $*"; }
total() {
  while read -r what count missed; do
    [ "$what" = "$event" ] && hits=$count
  done <"$tracefs/kprobe_profile"
}
watch() {
  mark=$1 session=$2 fetches=$3
  reader= limit= over=
  { printf zscope >/proc/self/comm; } 2>/dev/null
  [ -n "$tracefs" ] || { say refused no-tracefs; exit 3; }
  [ -w "$tracefs/kprobe_events" ] || { say refused no-kprobes; exit 3; }
  name=zscope_$$_$session
  event=set_error_$session
  instance=$tracefs/instances/$name
  mkdir "$instance" || { say refused no-instance; exit 3; }
  how=
  for place in zfs:__set_error __set_error; do
    { echo "p:$name/$event $place $fetches" >>"$tracefs/kprobe_events"; } 2>/dev/null && how=$place && break
  done
  [ -n "$how" ] || { say refused no-probe; exit 3; }
  { echo ${BUFFER_KIB} >"$instance/buffer_size_kb"; } 2>/dev/null
  echo 0 >"$instance/options/stacktrace"
  trap over=1 TERM
  (trap '' TERM; exec cat "$instance/trace_pipe") &
  reader=$!
  echo 1 >"$instance/events/$name/enable" || { kill -HUP $reader; say refused no-enable; exit 3; }
  echo "$mark started" >"$instance/trace_marker"
  seconds=0 hits=0 before=0 rest=0
  while [ -z "$over" ] && kill -0 $reader; do
    sleep 1
    seconds=$((seconds + 1))
    total
    if [ $rest -gt 0 ]; then
      rest=$((rest - 1))
      [ $rest -eq 0 ] || continue
      echo 1 >"$instance/tracing_on"
      echo "$mark total $hits 0" >"$instance/trace_marker"
    elif [ $hits -ne $before ]; then
      rest=$(((hits - before) / ${MOST_PER_SECOND}))
      echo "$mark total $hits $rest" >"$instance/trace_marker"
      [ $rest -eq 0 ] || echo 0 >"$instance/tracing_on"
    fi
    before=$hits
    [ $seconds -lt ${MOST_SECONDS} ] || { limit=reached; break; }
    # At a stop the shell says that its sleep was terminated.
  done 2>/dev/null
  trap '' TERM
  # The probe goes on counting when nothing is recorded any more.
  total
  finish_lines
  wait $reader 2>/dev/null
  status=$?
  printf '\\n'
  say total $hits 0
  [ -z "$limit" ] || say limit
  [ $status -ne 0 ] || say complete
  exit 0
}
`;

const WHY: Readonly<Record<string, string>> = {
  'no-tracefs':
    'The target has no tracefs mounted, so errors cannot be watched. Mount it with "mount -t tracefs nodev /sys/kernel/tracing".',
  'no-kprobes':
    'The target has no writable kprobe_events: its kernel was built without CONFIG_KPROBE_EVENTS, or lockdown forbids probes.',
  'no-instance':
    'The kernel made no trace instance: memory is short, or lockdown forbids tracing. Free memory or boot without lockdown.',
  'no-probe':
    'The kernel takes no probe at __set_error: ZFS is not loaded, or it is older than 0.8 and does not have that function.',
  'no-enable': 'The kernel took the probe but does not let it be enabled.',
};

class ErrorDecoder implements LineDecoder<ErrorEvent> {
  readonly #mark: string;
  readonly #event: string;

  constructor(sessionId: string) {
    this.#mark = `#zscope-${sessionId} `;
    this.#event = `set_error_${sessionId}`;
  }

  line(text: string): readonly ErrorEvent[] {
    const at = text.indexOf(this.#mark);
    if (at === 0 || (at > 0 && text.slice(0, at).endsWith(': tracing_mark_write: '))) {
      const event = this.#said(text.slice(at + this.#mark.length).split(' '));
      return event === null ? [] : [event];
    }
    const event = readErrorLine(text, this.#event);
    return event === null ? [] : [event];
  }

  #said([word, detail = '', rest = '']: readonly string[]): ErrorEvent | null {
    switch (word) {
      case 'started':
      case 'limit':
      case 'complete':
        return { kind: word };
      case 'total':
        return /^\d{1,15}$/.test(detail)
          ? { kind: 'total', hits: Number(detail), recording: Number(rest) === 0 }
          : null;
      case 'refused':
        return { kind: 'refused', why: WHY[detail] ?? `The target refuses it: ${inert(detail, 100)}.` };
      default:
        return null;
    }
  }

  end(): readonly ErrorEvent[] {
    return [];
  }
}

/** Every error that ZFS raises by SET_ERROR, as it happens, through a probe of the watch's own. Nothing is installed. */
export const watchErrors: StreamCollector<WatchErrorsParams, ErrorEvent, TraceSessionId> = {
  name: 'watch-errors',
  title: 'Errors that ZFS raises',
  grade: 'trace',
  needsRoot: true,
  preamble: `${PRELUDE}${LAST_LINES}${WATCH}`,
  script({ machine, sessionId }) {
    checkSessionId(sessionId);
    const fetches = ERROR_FETCHES[machine];
    if (fetches === undefined) {
      throw new Failure(
        'unsupported',
        `Errors cannot be watched on a machine of the kind ${inert(machine, 40)}.`,
        'ZScope knows where x86_64 and aarch64 pass arguments.',
      );
    }
    return `watch ${[`#zscope-${sessionId}`, sessionId, fetches].map(shellWord).join(' ')}\n`;
  },
  cleanup,
  decoder: ({ sessionId }) => new ErrorDecoder(sessionId),
};
