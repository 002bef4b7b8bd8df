/**
 * Entries that wait to be printed above which a stop does not wait for all of them, and for how many turns of 0.2 s it does:
 * the supervisor gives a stream at least 5 s to end (supervisor.ts).
 */
const LAST = { entries: 200, turns: 10 } as const;

/**
 * How what reads an instance's trace as lines comes to its end, without any of them cut:
 *
 * - `last_lines PID` has a reader of trace_pipe end once it has read all. Where tracing is off, the kernel says that this
 *   is the end to who has read something, but who waits already is not told (kernel/trace/trace.c, tracing_wait_pipe): so
 *   it is stopped while it gets a last line and tracing is switched off. A stopped reader goes on with its read. Where tracing
 *   is off already, it is on for that line.
 * - `entries_left` counts into $unread what nobody read, without a process: it is the first line of each processor's stats,
 *   and does not grow while tracing is off. It may shrink, and run into the next line, while somebody reads the trace.
 * - `finish_lines` does it at a stop with the process $reader, which takes no notice of TERM: one that has too much left, or
 *   whose lines nobody takes, is killed in the end.
 */
export const LAST_LINES = `last_lines() {
  kill -STOP $1
  echo 1 >"$instance/tracing_on"
  echo "$mark last" >"$instance/trace_marker"
  echo 0 >"$instance/tracing_on"
  kill -CONT $1
}
entries_left() {
  unread=0
  for cpu in "$instance"/per_cpu/cpu*; do
    word=
    read -r one word <"$cpu/stats"
    case $word in
    *[!0-9]*) ;;
    *) unread=$((unread + word)) ;;
    esac
  done
}
finish_lines() {
  turn=0
  ! kill -0 $reader || last_lines $reader
  entries_left
  while [ $unread -gt ${LAST.entries} ] && kill -0 $reader && [ $turn -lt ${LAST.turns} ]; do
    turn=$((turn + 1))
    sleep 0.2 || sleep 1
  done
  [ $turn -lt ${LAST.turns} ] || kill -KILL $reader
} 2>/dev/null
`;
