import { LAST_LINES } from './trace-last-lines-shell.ts';
import { READ_PAGES } from './trace-pages-shell.ts';
import { SET_UP } from './trace-set-up-shell.ts';

/** So long what the buffer holds at a limit is read; what takes longer is counted as lost. Seconds. */
const DRAIN_SECONDS = 20;

/** Lines of one sum that are sent at a time: some hundred stacks. */
const MOST_LINES = 6000;

/**
 * How a session runs:
 *
 * - `record CALLS SECONDS RATE SHARES READER` has the trace read till a limit is reached; READER is `lines` or `pages`,
 *   which are lines too where a person looks on, and where kptr_restrict hides the addresses of symbols from root: these
 *   the kernel alone can name then.
 * - `tally SECONDS` has only the sums of the triggers read, once a second.
 *
 * What goes on is told by lines with the session's mark: into the trace itself while that is
 * copied, since two writers of one stream could cut each other's lines; a line of the marker's file comes out as
 * `tracing_mark_write`.
 *
 * At a limit, and at a stop (TERM, which all of the job get), tracing is switched off and the readers go on to the end of
 * what is there; what takes too long is counted as lost. `complete` is said when they came to that end by themselves, and
 * sums are of after the stop: without it the end was cut. HUP ends a reader at once. One that takes no notice of TERM is not
 * started ahead, when nobody would end it.
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
read_by() {
  way=$1 restricted=0
  { read -r restricted </proc/sys/kernel/kptr_restrict; } 2>/dev/null
  [ ! -t 1 ] && [ "$restricted" != 2 ] || way=lines
  [ $way = pages ] || [ -z "\${2-}" ] || return 0
  [ -z "$reader" ] || [ $way != $reading ] || return 0
  stop_reading
  reading=$way
  if [ $reading = pages ]; then
    pages &
  else
    (trap '' TERM; exec cat "$instance/trace_pipe") &
  fi
  reader=$!
}
stop_reading() {
  [ -n "$reader" ] || return 0
  kill -HUP $reader
  wait $reader
  reader=
  echo 0 >"$instance/options/sym-addr"
} 2>/dev/null
ended() {
  trap '' TERM
  wait $reader
  status=$?
  printf '\\n'
  counters
  say counters $calls $((overrun + unread)) $missed
  [ -z "$limit" ] || say limit $limit $rate
  [ $status -ne 0 ] || say complete
  exit 0
}
stopped() {
  trap '' TERM
  [ $reading = pages ] || finish_lines
  ended
} 2>/dev/null
record() {
  most_calls=$1 most_seconds=$2 most_rate=$3 shares=$4 unread=0 limit=
  read_by "$5"
  trap stopped TERM
  say started $how
  enable
  centiseconds
  began=$now before=0 last=$now pause=0.5
  while kill -0 $reader; do
    sleep $pause || sleep 1
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
    if [ $reading = lines ]; then last_lines $reader; else kill $reader; fi
    turn=0
    while kill -0 $reader && [ $turn -lt ${DRAIN_SECONDS} ]; do
      turn=$((turn + 1))
      sleep 1
    done
    # Of pages a part may be under way, which goes on.
    [ $reading = pages ] || ! kill -0 $reader || kill -KILL $reader
    break
    # At a stop the shell says that what it waited for was terminated.
  done 2>/dev/null
  ended 2>/dev/null
}
tally() {
  most_seconds=$1 over=
  stop_reading
  trap over=1 TERM
  say started $how
  centiseconds
  began=$now pause=0.3
  while :; do
    [ -n "$over" ] || sleep $pause || [ -n "$over" ] || sleep 1
    pause=1 final=$over
    set -- "$instance/events/synthetic"/*_"$session"_t/hist
    [ -e "$1" ] || set -- "$instance/events/$name"/*/hist
    (trap '' TERM; exec awk -v mark="$mark" '
      FNR == 1 { file = FILENAME; sub(/\\/hist$/, "", file); sub(/.*\\//, "", file); print mark " hist " file; n = 0 }
      /^ *(Hits|Dropped): / { print; next }
      /^ *Entries: / || /^#/ || NF == 0 { next }
      ++n <= ${MOST_LINES} { print }
      n == ${MOST_LINES} + 1 { print "..." }
    ' "$@")
    counters
    say counters $calls $overrun $missed
    [ -z "$final" ] || break
    centiseconds
    [ $((now - began)) -lt $((most_seconds * 100)) ] || { say limit time; break; }
  done 2>/dev/null
  say complete
  exit 0
}
`;

/** Defines all that the script of a session, or of a function that joins one, calls. */
export const TRACE = `${SET_UP}${LAST_LINES}${READ_PAGES}${RUN}`;
