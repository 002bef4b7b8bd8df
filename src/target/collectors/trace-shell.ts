import { checkSessionId, type TraceSessionId } from '../../core/tracing/ftrace-program.ts';
import { GRAPH_LINES } from '../../core/tracing/program/program-text.ts';

/**
 * Finds tracefs and defines:
 *
 * - `sessions PATTERN`: into $names, the sessions of that pattern that an instance or a probe bears.
 * - `probes NAME`: into $found, the probes of a session as `-:` wants them.
 * - `wipe NAME`: undoes all that a session may have made. It works on what is there, so it can run twice,
 *   or half-way. An instance can't be removed while its trace_pipe is open; readers are gone when the
 *   job's group is, so a short wait is enough. It ends by the clock too: on a slow machine twenty turns
 *   take longer than a stop is waited for. A probe can't be while it is enabled, which the end of
 *   the instance puts an end to: so probes are removed again after it. Triggers hold an instance, and those of
 *   returns hold those of entries, so they go first; what they made goes last.
 *
 * - `ungraph NAME`: gives the columns of the function graph back, which all instances share (6.12,
 *   kernel/trace/trace_functions_graph.c, tracer_flags). Which of them a session turned on is kept in two options of
 *   its own instance that mean nothing there. Another session that still needs them takes over.
 *
 * kprobe_events is read to its end before anything is removed: its lines move up at each removal.
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
  unsynthesize "$1"
}
`;

/** Lines of one sum that are sent at a time: some hundred stacks. */
const MOST_LINES = 6000;

/** Kernel memory for a session's events, all CPUs together; each CPU gets its part, within these bounds. */
const BUFFER_KIB = { total: 64 * 1024, least: 256, most: 4096 } as const;

/**
 * What sets a session up, each called with quoted words by the script of the session:
 *
 * - `begin MARK SESSION` makes an instance of the session's own, named after this shell's process and the
 *   session. Top-level tracing, which may be somebody else's, stays untouched.
 * - `attach TYPE EVENT FETCHES LESSER PLACE...` sets a probe in an event group of the same name.
 * - `ready CLOCK` waits for the instance, sizes its buffer and has stacks recorded.
 * - `filter`, `synthetic`, `trigger`, `measure` as the steps of a program want them.
 * - `graph SYMBOL NAMES` has entry and return of functions recorded: of the symbol, and of those with these names in ZFS's
 *   modules. The list of functions is read once, since the kernel finds a name by comparing it with all. Columns are made
 *   by who reads, so they come after the tracer, by which `ungraph`, also another session's, knows that they are needed.
 * - `record CALLS SECONDS RATE SHARES` copies trace_pipe till a limit is reached; `tally SECONDS` has only the sums
 *   of the triggers read, once a second.
 * - `join MARK SESSION` is for another script: what it attaches belongs to a session that runs already. A refusal is
 *   its answer, and no failure; it says nothing when that session is over.
 *
 * What is forked before the first call can be seen runs beside the rest: mkdir while the probe is set, and
 * cat. The probe is enabled when the buffer has grown: while it grows the kernel records nothing
 * (kernel/trace/trace.c, __tracing_resize_ring_buffer).
 *
 * Why a probe is refused is the last word of error_log on it (Documentation/trace/ftrace.rst), which
 * holds what others were told too.
 *
 * What sessions left that could not clean up is undone first. A session is alive when the process it is
 * named after calls itself `zscope`, as this shell does: the number alone may be another process's by now.
 */
const SET_UP = `say() { echo "$mark $*"; }
refuse() {
  [ -z "$reader" ] || kill $reader 2>/dev/null
  for event in $joined; do
    { echo 0 >"$instance/events/$name/$event/enable"; echo "-:$name/$event" >>"$tracefs/kprobe_events"; } 2>/dev/null
  done
  say refused "$@"
  exit $refused
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
  { echo "$type:$name/$event $*" >>"$tracefs/kprobe_events"; } 2>/dev/null
}
begin() {
  mark=$1 session=$2
  reader= joined= how= failed= making= place= refused=3
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
}
join() {
  mark=$1 session=$2
  reader= joined= how= failed= making= place= refused=0
  [ -n "$tracefs" ] || refuse no-tracefs
  sessions "zscope_*_$session"
  name=\${names# }
  instance=$tracefs/instances/$name
  [ -n "$name" ] && [ -d "$instance" ] || exit 0
}
attach() {
  type=$1 event=$2 fetches=$3 lesser=$4
  shift 4
  [ -z "$failed" ] || return 0
  for place; do
    probe "$place" "$fetches" && how=\${how:-arguments} && break
    [ "$lesser" != "$fetches" ] && probe "$place" "$lesser" && how=bare && break
    place=
  done
  if [ -n "$place" ]; then
    joined="$joined $event"
  else
    failed=1
    why_not
  fi
}
ready() {
  [ -z "$making" ] || wait $making || refuse no-instance
  [ -z "$failed" ] || refuse no-probe "$why"
  [ -n "$making" ] || return 0
  joined=
  cpus=0
  for cpu in "$instance"/per_cpu/cpu*; do
    cpus=$((cpus + 1))
  done
  size=$((${BUFFER_KIB.total} / cpus))
  [ $size -ge ${BUFFER_KIB.least} ] || size=${BUFFER_KIB.least}
  [ $size -le ${BUFFER_KIB.most} ] || size=${BUFFER_KIB.most}
  { echo $size >"$instance/buffer_size_kb"; } 2>/dev/null
  [ "$1" = local ] || { echo $1 >"$instance/trace_clock"; } 2>/dev/null
  echo 1 >"$instance/options/stacktrace"
  echo 1 >"$instance/options/sym-offset"
}
filter() {
  { printf '%s\\n' "$2" >"$instance/events/$name/$1/filter"; } 2>/dev/null || refuse no-filter
}
graph() {
  for other in "$tracefs" "$tracefs"/instances/*; do
    case $other in */zscope_*) continue ;; esac
    tracer=
    { read -r tracer <"$other/current_tracer"; } 2>/dev/null
    [ "$tracer" != function_graph ] || refuse graph-in-use
  done
  lines=$(awk -v symbol="$1" -v names="$2" '$1 == symbol { found = 1; print NR; next } ${GRAPH_LINES} END { exit !found }' \
    "$tracefs/available_filter_functions" 2>/dev/null) || refuse no-probe
  { echo $lines >"$instance/set_ftrace_filter"; } 2>/dev/null || refuse no-graph
  { echo 0 >"$instance/options/block"; echo 0 >"$instance/options/verbose"; } 2>/dev/null
  { echo function_graph >"$instance/current_tracer"; } 2>/dev/null || refuse no-graph
  for column in proc:block abstime:verbose; do
    was=1
    read -r was <"$instance/options/funcgraph-\${column%:*}"
    [ "$was" = 0 ] || continue
    echo 1 >"$instance/options/\${column#*:}"
    echo 1 >"$instance/options/funcgraph-\${column%:*}"
  done 2>/dev/null
}
synthetic() {
  { echo "$1 $2" >>"$tracefs/synthetic_events"; } 2>/dev/null || refuse no-tally
}
trigger() {
  group=$1 event=$2
  shift 2
  [ "$group" != probe ] || group=$name
  for text; do
    { printf '%s\\n' "$text" >>"$instance/events/$group/$event/trigger"; } 2>/dev/null && return
  done
  [ ! -e "$instance/events/$group/$event/hist" ] || refuse no-filter
  refuse no-tally
}
measure() {
  trigger probe "$2" "hist:keys=common_pid:ns=common_timestamp-\\$t:size=16384:onmatch($name.$1).trace($3,\\$ns)$4"
}
`;

/**
 * How a session runs. What goes on is told by lines with the session's mark: into the trace itself while that is
 * copied, since two writers of one stream could cut each other's lines; a line of the marker's file comes out as
 * `tracing_mark_write`.
 *
 * When a limit is reached, tracing is switched off and the reader gets the time to copy what the
 * buffer still holds: the processors' stats say how much that is.
 *
 * The kernel prints a CPU's stats anew at each read(2) (kernel/trace/trace.c, tracing_stats_read) and shells read byte
 * by byte: numbers that grow or shrink meanwhile would run into each other. `cat` takes each file at once, and only
 * plain digits are added, for a shell ends at others.
 */
const RUN = `enable() {
  echo 1 >"$instance/events/$name/\${1-.}/enable" || refuse no-enable
}
counters() {
  calls=0 missed=0 recorded=0 overrun=0 unread=0
  while read -r what hits misses; do
    case $what in
    *_"$session") calls=$((calls + hits)) missed=$((missed + misses)) ;;
    *_"$session"_r) missed=$((missed + misses)) ;;
    esac
  done <"$tracefs/kprobe_profile"
  stats=$(cat "$instance"/per_cpu/cpu*/stats 2>/dev/null)
  one= two=
  for word in $stats; do
    case $word in
    *[!0-9]*) ;;
    *)
      case "$one $two" in
      'commit overrun:') ;;
      *' entries:') recorded=$((recorded + word)) unread=$((unread + word)) ;;
      'read events:') recorded=$((recorded + word)) ;;
      *' overrun:') recorded=$((recorded + word)) overrun=$((overrun + word)) ;;
      'dropped events:') overrun=$((overrun + word)) ;;
      esac
      ;;
    esac
    one=$two two=$word
  done
}
centiseconds() {
  now=0
  { read -r now rest </proc/uptime; } 2>/dev/null
  now=\${now%%.*}\${now##*.}
}
record() {
  most_calls=$1 most_seconds=$2 most_rate=$3 shares=$4
  cat "$instance/trace_pipe" &
  reader=$!
  say started $how
  enable
  centiseconds
  began=$now before=0 last=$now limit= pause=0.5
  while kill -0 $reader 2>/dev/null; do
    sleep $pause 2>/dev/null || sleep 1
    pause=1
    counters
    echo "$mark counters $calls $overrun $missed" >"$instance/trace_marker"
    centiseconds
    [ $now -gt $last ] || now=$((last + 100))
    rate=$(((recorded - before) / shares * 100 / (now - last)))
    before=$recorded last=$now
    [ $most_rate -eq 0 ] || [ $rate -le $most_rate ] || limit=rate
    [ $((recorded / shares)) -lt $most_calls ] || limit=events
    [ $((now - began)) -lt $((most_seconds * 100)) ] || limit=time
    [ -n "$limit" ] || continue
    echo 0 >"$instance/tracing_on"
    turn=0
    while kill -0 $reader 2>/dev/null && [ $turn -lt 20 ]; do
      turn=$((turn + 1))
      counters
      sleep 1
      [ $unread -gt 0 ] || break
    done
    kill $reader 2>/dev/null
    break
  done
  wait $reader 2>/dev/null
  printf '\\n'
  counters
  say counters $calls $overrun $missed
  [ -z "$limit" ] || say limit $limit $rate
  exit 0
}
tally() {
  most_seconds=$1
  say started $how
  centiseconds
  began=$now pause=0.3
  while :; do
    sleep $pause 2>/dev/null || sleep 1
    pause=1
    set -- "$instance/events/synthetic"/*_"$session"_t/hist
    [ -e "$1" ] || set -- "$instance/events/$name"/*/hist
    awk -v mark="$mark" '
      FNR == 1 { file = FILENAME; sub(/\\/hist$/, "", file); sub(/.*\\//, "", file); print mark " hist " file; n = 0 }
      /^ *(Hits|Dropped): / { print; next }
      /^ *Entries: / || /^#/ || NF == 0 { next }
      ++n <= ${MOST_LINES} { print }
      n == ${MOST_LINES} + 1 { print "..." }
    ' "$@"
    counters
    say counters $calls $overrun $missed
    centiseconds
    [ $((now - began)) -lt $((most_seconds * 100)) ] || break
  done
  say limit time
  exit 0
}
`;

/** Defines all that the script of a session, or of a function that joins one, calls. */
export const TRACE = `${SET_UP}${RUN}`;

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
