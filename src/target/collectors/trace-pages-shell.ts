/**
 * Pieces of text that are read before it is looked at how long they took: few at first, for a piece may hold ten calls whose
 * stacks take the kernel longer to print than they took to be recorded; more of a trace that is slow, as each look starts a
 * process. Pages are worth it where a piece took less than `each`, in 1/100 s, or so many entries a piece wait meanwhile.
 */
const TEXT = { first: 4, pieces: 20, each: 5, unread: 10 } as const;

/** Seconds between rounds: a round costs some processes on the target, and a call may be so late. */
const PAUSE = 1;
/** Entries in a round below which text is cheaper than the processes that a round takes, and how many such rounds make it one. */
const FEW = { entries: 10, rounds: 3 } as const;
/** Entries that are left over of a round above which the next one begins at once. */
const MANY = 4000;
/**
 * Bytes of an entry, with its header, by which it is reckoned how many pages there are. At least: a call with nothing but
 * its comm, and half of it with a stack of four frames, so that no page is asked for that a read would wait for. Where
 * none waits, more than most have: all is read, and yet the other processors get their turn.
 */
const ENTRY_BYTES = { call: 28, withStack: 40, ample: 256 } as const;
/** Bytes of a page's data; where pages are larger, they hold more. */
const PAGE_BYTES = 4080;

/**
 * `pages` reads a trace where it comes quickly as pages of the ring buffer (trace_pipe_raw; Documentation/trace/ring-buffer-design.rst).
 * The kernel need not print them, and above all not look up the name of each frame, which in a module is a search
 * through all of its symbols. Slow ones it reads as text, with the addresses behind the names (option `sym-addr`): each
 * call comes at once, and nobody has to be asked for these names.
 *
 * Pages have to be asked for in rounds: a read gives one page, with the number of no processor, and none at all when the
 * next event comes just then (kernel/trace/trace.c, tracing_buffers_read), so that a reader would end. What is there is
 * known by the processors' stats; GNU's dd need not wait for more. A pause lets pages fill. Only one process writes at a
 * time. Who is ended by TERM takes what is there before it goes, and no page, line or layout is cut; HUP ends it at once, while
 * nothing is recorded, or nothing is left.
 *
 * - `#zscope-ID page BYTES` and `#zscope-ID format EVENT NUMBER FIELD:OFFSET:SIZE:SIGNED:TEXT ...` say how pages and
 *   events are laid out (events/header_page, format).
 * - Behind `#zscope-ID pages CPU` come pages of a processor, till the next such line.
 * - `#zscope-ID round` is said when each processor had its turn; with `last` it goes on as text.
 */
export const READ_PAGES = `layouts() {
  set -- "$instance/events/$name"/*/format
  [ $# -ne $laid ] || return 0
  laid=$#
  (trap '' TERM; exec awk -v mark="$mark" '
    $1 == "name:" { if (line != "") print line; line = mark " format " $2 }
    $1 == "ID:" { line = line " " $2 }
    $1 == "field:" && $3 == "data;" { sub(/.*:/, "", $4); sub(/.*:/, "", $5); print mark " page " $4 + $5 }
    /^\\tfield:[^ ]/ {
      split($0, part, ";")
      words = split(part[1], word, " ")
      field = word[words]
      sub(/\\[.*/, "", field)
      for (i = 2; i <= 4; i++) sub(/.*:/, "", part[i])
      line = line " " field ":" part[2] ":" part[3] ":" part[4] ":" (part[1] ~ /__data_loc/ ? 1 : 0)
    }
    END { print line }
  ' "$tracefs/events/header_page" "$tracefs/events/ftrace/kernel_stack/format" "$tracefs/events/ftrace/print/format" "$@")
}
take_turn() {
  set -- "$instance"/per_cpu/cpu*
  stats=$(cat "$instance"/per_cpu/cpu*/stats 2>/dev/null)
  found=0 one=
  for word in $stats; do
    case "$one $word" in
    'entries: '*[!0-9]*) ;;
    'entries: '*)
      if [ $word -gt 0 ]; then
        found=$((found + word))
        count=$((word * size / ${PAGE_BYTES}))
        [ $count -gt 0 ] || count=1
        say pages "\${1##*/cpu}"
        (trap '' TERM; exec dd if="$1/trace_pipe_raw" bs=1024k count=$count $flags 2>/dev/null)
      fi
      shift
      ;;
    esac
    one=$word
  done
  layouts
}
leave() {
  [ -z "$text" ] || { kill -KILL $text; wait $text; }
  exit
}
pages() {
  # Who goes on after TERM says that its sleep was terminated.
  exec 2>/dev/null
  laid=0 on=0 over= told= gone= text= pieces=${TEXT.first}
  # Who waits for this one's end may count on it that nobody reads: also while the number of who does is not known yet.
  trap 'gone=1; [ "$text" = soon ] || leave' HUP
  trap '[ -n "$over" ] || { over=1; case $text in [0-9]*) told=1; last_lines $text ;; esac; }' TERM
  echo 1 >"$instance/options/sym-addr"
  while :; do
    centiseconds
    began=$now text=soon
    (trap '' TERM; exec dd if="$instance/trace_pipe" bs=64k count=$pieces 2>/dev/null) &
    text=$!
    [ -z "$gone" ] || leave
    [ -z "$over" ] || [ -n "$told" ] || last_lines $text
    wait $text || [ -n "$over" ] || exit
    if [ -n "$over" ]; then
      wait $text
      entries_left
      [ $unread -gt 0 ] || exit 0
    fi
    text=
    centiseconds
    if [ -z "$over" ] && [ $((now - began)) -ge $((pieces * ${TEXT.each})) ]; then
      # Slow to come, or slow to be printed.
      counters
      if [ $unread -lt $((pieces * ${TEXT.unread})) ]; then
        pieces=${TEXT.pieces}
        continue
      fi
    fi
    pieces=${TEXT.first}
    layouts
    least=${ENTRY_BYTES.call}
    read -r on <"$instance/options/stacktrace"
    [ "$on" = 0 ] || least=${ENTRY_BYTES.withStack}
    flags=iflag=nonblock size=${ENTRY_BYTES.ample}
    dd if=/dev/null $flags 2>/dev/null || flags= size=$least
    few=0
    while [ $few -lt ${FEW.rounds} ] && [ -z "$over" ]; do
      sleep ${PAUSE}
      take_turn
      say round
      few=$((few + 1))
      [ $found -lt ${FEW.entries} ] || few=0
      while [ $found -ge ${MANY} ] && [ -z "$over" ]; do
        take_turn
        say round
      done
      read -r on <"$instance/tracing_on"
      [ "$on" != 0 ] || [ $found -gt 0 ] || break
    done
    if [ -n "$over" ]; then
      echo 0 >"$instance/tracing_on"
      # What fits into a page may be in two, and a turn asks for one.
      for turn in . . . .; do
        take_turn
        [ $found -gt 0 ] || break
      done
      say round last
      exit 0
    fi
    say round last
    [ "$on" != 0 ] || [ $found -gt 0 ] || exit 0
  done
}
`;
