import { checkSessionId, type TraceSessionId } from '../../core/tracing/ftrace-program.ts';

/**
 * Finds tracefs and defines:
 *
 * - `sessions PATTERN`: into $names, the sessions of that pattern that an instance or a probe bears.
 * - `probes NAME`: into $found, the probes of a session as `-:` wants them.
 * - `wipe NAME`: undoes all that a session may have made. It works on what is there, so it can run twice,
 *   or half-way. An instance can't be removed while its trace_pipe is open; readers are gone when the
 *   job's group is, so a short wait is enough. It ends by the clock too: on a slow machine twenty turns
 *   take longer than a stop is waited for. Triggers hold an instance, and those of
 *   returns hold those of entries, so they go first. Probes go after the instance: to remove an event, the kernel has
 *   each instance that recorded it forget all it holds, and waits for all processors to take notice
 *   (kernel/trace/trace_events.c, probe_remove_event_call). What triggers made goes last.
 *
 * - `ungraph NAME`: gives the columns of the function graph back, which all instances share (6.12,
 *   kernel/trace/trace_functions_graph.c, tracer_flags). Which of them a session turned on is kept in two options of
 *   its own instance that mean nothing there. Another session that still needs them takes over.
 *
 * kprobe_events is read to its end before anything is removed: its lines move up at each removal. A shell reads it line
 * by line, and would miss its own when another session removes one meanwhile; cat reads what fits into a page at once
 * (fs/seq_file.c). An event is not removed while somebody has one of its files open: it is tried again.
 */
export const PRELUDE = `for tracefs in /sys/kernel/tracing /sys/kernel/debug/tracing ''; do
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
  set -f
  for probe in $(cat "$tracefs/kprobe_events"); do
    case $probe in
    [pr]*:"$1"/*) found="$found \${probe#*:}" ;;
    esac
  done
  set +f
}
clock() {
  now=0
  { read -r now rest </proc/uptime; } 2>/dev/null
  now=\${now%%.*}
}
unprobe() {
  turn=0 busy=1
  while [ -n "$busy" ] && [ $turn -lt 20 ]; do
    [ $turn = 0 ] || sleep 0.1 2>/dev/null || sleep 1
    turn=$((turn + 1)) busy=
    probes "$1"
    for probe in $found; do
      { echo "-:$probe" >>"$tracefs/kprobe_events"; } 2>/dev/null || busy=1
    done
  done
}
untrigger() {
  for file in "$tracefs/instances/$1/events/$1"/*_r/trigger "$tracefs/instances/$1/events/$1"/*/trigger \
    "$tracefs/instances/$1/events/synthetic"/*_"\${1##*_}"_t/trigger; do
    [ -e "$file" ] || continue
    while read -r line; do
      case $line in
      hist:*) { printf '!%s\\n' "\${line% \\[*}" >>"$file"; } 2>/dev/null ;;
      esac
    done <"$file"
  done
}
unsynthesize() {
  for left in "$tracefs/events/synthetic"/*_"\${1##*_}"_t; do
    [ -d "$left" ] && { echo "!\${left##*/}" >>"$tracefs/synthetic_events"; } 2>/dev/null
  done
}
ungraph() {
  tracer=
  { read -r tracer <"$tracefs/instances/$1/current_tracer"; } 2>/dev/null
  [ "$tracer" = function_graph ] || return 0
  heir=
  for other in "$tracefs"/instances/zscope_*; do
    tracer=
    { read -r tracer <"$other/current_tracer"; } 2>/dev/null
    [ "$tracer" != function_graph ] || [ "$other" = "$tracefs/instances/$1" ] || heir=$other
  done
  for column in proc:block abstime:verbose; do
    kept=
    { read -r kept <"$tracefs/instances/$1/options/\${column#*:}"; } 2>/dev/null
    [ "$kept" = 1 ] || continue
    if [ -n "$heir" ]; then
      echo 1 >"$heir/options/\${column#*:}"
    else
      echo 0 >"$tracefs/instances/$1/options/funcgraph-\${column%:*}"
    fi
    echo 0 >"$tracefs/instances/$1/options/\${column#*:}"
  done
} 2>/dev/null
wipe() {
  { echo 0 >"$tracefs/instances/$1/tracing_on"; echo 0 >"$tracefs/instances/$1/events/$1/enable"; } 2>/dev/null
  ungraph "$1"
  untrigger "$1"
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
  unsynthesize "$1"
}
`;

/** Says what could not be removed, and nothing when all of it was. */
export function cleanup({ sessionId }: TraceSessionId): string {
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
