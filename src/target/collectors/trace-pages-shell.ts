/**
 * Pieces of text that are read before it is looked at how long they took. Pages are worth it where that is less than
 * `fewest`, in 1/100 s, or so many entries wait meanwhile.
 */
const TEXT = { pieces: 20, fewest: 100, unread: 200 } as const;

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
 * time. Who is ended by TERM meanwhile takes what is there before it goes, and no page is cut.
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
  awk -v mark="$mark" '
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
  ' "$tracefs/events/header_page" "$tracefs/events/ftrace/kernel_stack/format" "$tracefs/events/ftrace/print/format" "$@"
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
pages() {
  # Who goes on after TERM says that its sleep was terminated.
  exec 2>/dev/null
  laid=0 on=0
  echo 1 >"$instance/options/sym-addr"
  while :; do
    text=
    # Who waits for this one's end may count on it that nobody reads.
    trap '[ -z "$text" ] || { kill $text; wait $text; }; exit' TERM
    centiseconds
    began=$now
    dd if="$instance/trace_pipe" bs=64k count=${TEXT.pieces} 2>/dev/null &
    text=$!
    wait $text || exit
    centiseconds
    if [ $((now - began)) -ge ${TEXT.fewest} ]; then
      # Slow to come, or slow to be printed.
      counters
      [ $unread -ge ${TEXT.unread} ] || continue
    fi
    layouts
    least=${ENTRY_BYTES.call}
    read -r on <"$instance/options/stacktrace"
    [ "$on" = 0 ] || least=${ENTRY_BYTES.withStack}
    flags=iflag=nonblock size=${ENTRY_BYTES.ample}
    dd if=/dev/null $flags 2>/dev/null || flags= size=$least
    few=0 over=
    trap over=1 TERM
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
      take_turn
      say round last
      exit 0
    fi
    say round last
    [ "$on" != 0 ] || [ $found -gt 0 ] || exit 0
  done
}
`;
