import { inert } from '../../core/text/inert.ts';
import type { Collector } from '../collector.ts';
import { NOTES } from '../supervisor.ts';
import { PRELUDE } from './trace-shell.ts';

/** What was removed, and what could not be. */
export interface Cleared {
  /** Traces that were undone or whose processes were ended. */
  readonly removed: number;
  /** Names of sessions of which something is still there; safe to show. */
  readonly left: readonly string[];
}

/** More names are not shown. */
const MOST_NAMES = 20;

/**
 * Undoes what is left of traces whose supervisor was killed: it alone would have. Its note (supervisor.ts) has
 * the group of processes that still run, and the clean-up; it stays where that says that something is left. Notes are read
 * where only root can have written them. Instances and probes without a note are named after a shell of their session, which
 * calls itself `zscope` as long as it is there. What another window runs now has both, and stays.
 */
export const clearLeftovers: Collector<null, Cleared> = {
  name: 'clear-leftovers',
  title: 'Removing what earlier traces left',
  grade: 'trace',
  needsRoot: true,
  timeoutMs: 60_000,

  script: () => `${PRELUDE}
start_of() {
  line=
  { read -r line <"/proc/$1/stat"; } 2>/dev/null
  set -- \${line##*) }
  state=\${1-} start=\${20-}
}
notes= groups= removed=0
for note in ${NOTES}/*.*; do
  was=\${note##*/}
  case $was in *[!0-9.]*) continue ;; esac
  [ -O ${NOTES} ] && [ ! -L ${NOTES} ] && [ -O "$note" ] && [ ! -L "$note" ] || continue
  start_of "\${was%.*}"
  [ "$state" != Z ] && [ "$start" = "\${was#*.}" ] && continue
  notes="$notes $note"
  removed=$((removed + 1))
  job= began=
  { read -r line job began <"$note"; } 2>/dev/null
  case $job in '' | *[!0-9]*) continue ;; esac
  start_of "$job"
  [ -n "$began" ] && [ "$start" = "$began" ] && groups="$groups $job"
done
for signal in TERM KILL; do
  turn=0
  for job in $groups; do
    kill -$signal -$job 2>/dev/null || continue
    while kill -0 -$job 2>/dev/null && [ $turn -lt 20 ]; do
      turn=$((turn + 1))
      sleep 0.1 2>/dev/null || sleep 1
    done
  done
done
for note in $notes; do
  said=$(sh "$note" </dev/null 2>&1) || said=\${said:-what its clean-up, which broke off, would have removed}
  if [ -n "$said" ]; then
    # Instances are looked for below.
    printf '%s\\n' "$said" | while read -r line; do
      case $line in 'instance '*) ;; *) echo "left \${line% could not be removed}" ;; esac
    done
  else
    rm -f "$note"
  fi
done
if [ -n "$tracefs" ]; then
  sessions 'zscope_[0-9]*_*'
  for left in $names; do
    owner=\${left#zscope_}
    comm=
    { read -r comm <"/proc/\${owner%%_*}/comm"; } 2>/dev/null
    [ "$comm" != zscope ] || continue
    wipe "$left"
    [ ! -d "$tracefs/instances/$left" ] || echo "left $left"
  done
fi
rmdir ${NOTES} 2>/dev/null
echo "removed $removed"
`,

  decode(output) {
    const lines = output.split('\n');
    const left = lines.filter((line) => line.startsWith('left ')).map((line) => inert(line.slice(5), 100));
    const removed = lines
      .map((line) => /^removed (\d{1,6})$/.exec(line)?.[1])
      .find((count) => count !== undefined);
    return { removed: Number(removed ?? 0), left: left.slice(0, MOST_NAMES) };
  },
};
