import { checkSessionId, type TraceSessionId } from '../../core/tracing/ftrace-program.ts';
import { cleanup, PRELUDE } from './trace-shell.ts';

/** Where perf-tools say that they trace (perf-tools, bin/kprobe): the process id of the one that does. */
const LOCK = '/var/tmp/.ftrace-lock';

/**
 * - `alone MARK SESSION PROBE` refuses where somebody traces at the top level of tracefs, which perf-tools use: they would
 *   set its tracer and empty its buffer. An instance named after this shell keeps the tool's process id, and whether
 *   an option of the top level was set for it, so that the clean-up knows whose leavings it sees.
 * - `attend` is called each second by `tool`. The tool empties the buffer once after it has begun: so what says
 *   that it runs is said several times.
 */
export const ALONE = `${PRELUDE}
not_alone() {
  echo "$mark busy $*"
  exit 3
}
alone() {
  mark=$1 session=$2 probe=$3 said=0 kept=
  [ -n "$tracefs" ] || not_alone no tracefs is mounted
  { printf zscope >/proc/self/comm; } 2>/dev/null
  tracer= on= lock= was=
  read -r tracer <"$tracefs/current_tracer"
  [ "$tracer" = nop ] || not_alone "somebody else uses the tracer $tracer"
  { read -r on <"$tracefs/events/enable"; } 2>/dev/null
  case $on in
  0 | '') ;;
  *)
    # Where none ever came there is nothing to disturb.
    awk '/^(entries|overrun|read events): [1-9]/ { found = 1 } END { exit !found }' \
      "$tracefs"/per_cpu/cpu*/stats 2>/dev/null &&
      not_alone somebody else records events at the top level of tracefs
    ;;
  esac
  if [ -e ${LOCK} ]; then
    [ ! -f ${LOCK} ] || read -r lock <${LOCK}
    case $lock in
    '' | *[!0-9]*) ;;
    *) [ -d /proc/$lock ] || not_alone perf-tools that were killed have left ${LOCK}: remove that file ;;
    esac
    not_alone somebody else runs one of perf-tools, by ${LOCK}
  fi
  instance=$tracefs/instances/zscope_$$_$session
  mkdir "$instance" || not_alone no instance could be made
  { read -r was <"$tracefs/options/sym-offset"; } 2>/dev/null
  [ "$was" != 0 ] || { echo offsets >"$instance/trace_marker" && echo 1 >"$tracefs/options/sym-offset"; }
}
attend() {
  [ -z "$kept" ] && kept=1 && echo "tool $tool" >"$instance/trace_marker"
  [ $said -lt 5 ] || return 0
  on=
  { read -r on <"$tracefs/events/kprobes/$probe/enable"; } 2>/dev/null
  [ "$on" = 1 ] || return 0
  said=$((said + 1))
  echo "$mark started" >"$tracefs/trace_marker"
}
`;

/** Undoes what a tool that was killed has left, which its lock file says, and what was set for it. */
export function perfToolsCleanup({ sessionId }: TraceSessionId): string {
  checkSessionId(sessionId);
  return `${PRELUDE}
[ -n "$tracefs" ] || exit 0
sessions 'zscope_*_${sessionId}'
for left in $names; do
  tool= lock= offsets=
  while read -r line; do
    case $line in
    *': tool '*) tool=\${line##*: tool } ;;
    *': offsets') offsets=1 ;;
    esac
  done <"$tracefs/instances/$left/trace"
  [ ! -f ${LOCK} ] || read -r lock <${LOCK}
  if [ -n "$tool" ] && [ "$tool" = "$lock" ]; then
    for probe in "$tracefs"/events/kprobes/*_${sessionId}; do
      [ -d "$probe" ] || continue
      echo 0 >"$probe/enable"
      echo "-:kprobes/\${probe##*/}" >>"$tracefs/kprobe_events"
    done
    echo 0 >"$tracefs/options/stacktrace"
    : >"$tracefs/trace"
    rm -f ${LOCK}
  fi 2>/dev/null
  [ -z "$offsets" ] || echo 0 >"$tracefs/options/sym-offset"
done
${cleanup({ sessionId })}`;
}
