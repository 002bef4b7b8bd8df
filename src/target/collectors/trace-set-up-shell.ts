import { GRAPH_LINES } from '../../core/tracing/program/program-text.ts';

/** Kernel memory for a session's events, all CPUs together; each CPU gets its part, within these bounds. */
const BUFFER_KIB = { total: 64 * 1024, least: 256, most: 4096 } as const;

/**
 * Has a probe while a session is likely to come: a function of every kernel that is called once, when the machine is halted.
 * The first probe that is enabled makes the kernel build and call in its handler of probes, on all processors
 * (kernel/kprobes.c, arm_kprobe_ftrace); with one there, the next takes a third of the time.
 */
const ARMED = 'kernel_halt';

/**
 * What sets a session up, each called with quoted words by the script of the session:
 *
 * - `begin MARK SESSION` makes an instance of the session's own, named after this shell's process and the
 *   session. Top-level tracing, which may be somebody else's, stays untouched.
 * - `ahead MARK SESSION READER`, while the shell stands by, makes that instance before, as a session of calls with their
 *   stacks needs it, and has it read where that can be as pages: nothing is recorded in it, though a probe is enabled.
 *   Where it fails, `begin` does all itself, and says why.
 * - `attach TYPE EVENT FETCHES LESSER PLACE...` sets a probe in an event group of the same name.
 * - `ready CLOCK STACKS` waits for the instance, sizes its buffer and has stacks recorded with calls where STACKS is 1.
 * - `filter`, `synthetic`, `trigger`, `measure` as the steps of a program want them.
 * - `graph SYMBOL NAMES` has entry and return of functions recorded: of the symbol, and of those with these names in ZFS's
 *   modules. The list of functions is read once, since the kernel finds a name by comparing it with all. Columns are made
 *   by who reads, so they come after the tracer, by which `ungraph`, also another session's, knows that they are needed.
 * - `join MARK SESSION` is for another script: what it attaches belongs to a session that runs already. A refusal is
 *   its answer, and no failure; it says nothing when that session is over. What is there already was asked for before, and
 *   its answer did not come in time: it is gone on with.
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
export const SET_UP = `made= reader= joined= refused=3
say() { echo "$mark $*"; }
refuse() {
  [ -z "$reader" ] || kill -HUP $reader 2>/dev/null
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
claim() {
  session=$1 name=zscope_$$_$1
  instance=$tracefs/instances/$name
  reader= joined= how= failed= making= joining= again= place= refused=3
  { printf zscope >/proc/self/comm; } 2>/dev/null
  sessions 'zscope_[0-9]*_*'
  for left in $names; do
    owner=\${left#zscope_}
    comm=
    { read -r comm <"/proc/\${owner%%_*}/comm"; } 2>/dev/null
    [ "$comm" = zscope ] || wipe "$left"
  done
}
ahead() {
  mark=$1
  [ -w "$tracefs/kprobe_events" ] || return 0
  claim "$2"
  mkdir "$instance" || return 0
  made=$2
  widen
  echo 1 >"$instance/options/stacktrace"
  read_by "$3" ahead
  type=p event=armed
  probe ${ARMED} && echo 1 >"$instance/events/$name/armed/enable"
} 2>/dev/null
begin() {
  mark=$1
  [ -n "$tracefs" ] || refuse no-tracefs
  [ -w "$tracefs/kprobe_events" ] || refuse no-kprobes
  [ "$made" != "$2" ] || return 0
  claim "$2"
  mkdir "$instance" &
  making=$!
}
widen() {
  cpus=0
  for cpu in "$instance"/per_cpu/cpu*; do
    cpus=$((cpus + 1))
  done
  size=$((${BUFFER_KIB.total} / cpus))
  [ $size -ge ${BUFFER_KIB.least} ] || size=${BUFFER_KIB.least}
  [ $size -le ${BUFFER_KIB.most} ] || size=${BUFFER_KIB.most}
  { echo $size >"$instance/buffer_size_kb"; } 2>/dev/null
  echo 1 >"$instance/options/sym-offset"
}
join() {
  mark=$1 session=$2
  reader= joined= how= failed= making= joining=1 again= place= refused=0
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
  if [ -n "$joining" ] && [ -d "$instance/events/$name/$event" ]; then
    again="$again $event " how=\${how:-arguments} joined="$joined $event"
    return 0
  fi
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
  [ -z "$joining" ] || return 0
  joined=
  [ -z "$making" ] || widen
  [ "$1" = local ] || { echo $1 >"$instance/trace_clock"; } 2>/dev/null
  echo $2 >"$instance/options/stacktrace"
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
  # Who is read keeps its tracer (kernel/trace/trace.c, tracing_set_tracer): what was made ahead is read again later.
  stop_reading
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
  [ -z "$again" ] || [ ! -d "$tracefs/events/synthetic/$1" ] || return 0
  { echo "$1 $2" >>"$tracefs/synthetic_events"; } 2>/dev/null || refuse no-tally
}
trigger() {
  group=$1 event=$2
  shift 2
  [ "$group" != probe ] || group=$name
  [ -z "$again" ] || ! grep -q '^hist:' "$instance/events/$group/$event/trigger" || return 0
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
