import { type LineDecoder, type StreamCollector, shellWord } from '../collector.ts';

/** What the dbgmsg stream tells. `text` is untrusted. */
export type DbgmsgEvent =
  /** One line of the buffer as the kernel prints it; header lines are left out. */
  | { readonly kind: 'line'; readonly text: string }
  /** Lines may be missing here; `why` is a sentence. */
  | { readonly kind: 'gap'; readonly why: string }
  /** The stream can't go on and ends after this; `sentence` says why and what to do. */
  | { readonly kind: 'failure'; readonly sentence: string };

/** `/proc/spl/kstat/zfs/dbgmsg` (module/os/linux/spl/spl-procfs-list.c). */
const FILE = '/proc/spl/kstat/zfs/dbgmsg';
const MAXSIZE = '/sys/module/zfs/parameters/zfs_dbgmsg_maxsize';

/**
 * Follows a list that grows at its end, loses lines at its head, has no numbers and can only be read
 * whole: after the first end of file an open file yields nothing more, so `tail -f` shows nothing new.
 *
 * P[lo+1] .. P[lo+n] are the lines known to be in the kernel. A new dump is compared to them while
 * it comes in. As long as it agrees, nothing was evicted and what follows line n is new. Otherwise
 * the dump starts somewhere inside P: at the least number k of evicted lines such that P[k+1..n] is
 * a prefix of the dump. The search is that of Knuth, Morris and Pratt, since bursts of equal lines
 * within one second are the rule. No such k: lines are missing, or someone cleared the list.
 *
 * The texts alone may allow several k. Then the least is taken, and the place is marked as unsure
 * unless eviction is out of the question because everything fits into zfs_dbgmsg_maxsize.
 *
 * A read fails with EIO when eviction overtakes it. What was read till then is a valid head of the
 * dump; it is taken as such and the next read follows at once. The reader is a cat because mawk ends
 * on a read error of its own.
 *
 * Each line printed starts with its kind, so that no message can pass for a marker: `=` a line,
 * `!` a word of ours; `!whole` follows what the kernel held at first. Lines are kept with their `=`, which also makes awk compare them as strings.
 */
const AWK = `
function first(file,   line) {
  if ((getline line < file) <= 0) line = ""
  close(file)
  return line
}
function uptime(   f) {
  split(first("/proc/uptime"), f, " ")
  return f[1] + 0
}
function leave(word) {
  print "!" word
  exit
}
# F[j]: length of the longest proper border of N[1..j].
function borders(len,   i, j) {
  F[1] = j = 0
  for (i = 2; i <= len; i++) {
    while (j && N[j + 1] != N[i]) j = F[j]
    if (N[j + 1] == N[i]) j++
    F[i] = j
  }
}
# How many lines at the head of N[1..m] are known; -1 when all are and more lines of P follow them.
function overlap(   i, j) {
  borders(m < n ? m : n)
  j = 0
  for (i = 1; i <= n; i++) {
    if (j == m) j = F[j]
    while (j && N[j + 1] != P[lo + i]) j = F[j]
    if (N[j + 1] == P[lo + i]) j++
    if (j == m && i < n && broken) return -1
  }
  return j
}
function unsure(j) {
  if (fits || !F[j] || seen == N[1] N[m]) return
  seen = N[1] N[m]
  print "!gap unsure"
}
# Reads one dump. same: P[1..n] and the dump agree as far as both go, lines after n are in P already.
function take(   line, i, head) {
  m = raw = bytes = again = 0
  same = 1
  head = P[lo + 1]
  while ((reader | getline line) > 0) {
    if (++raw <= 2 && !m && (line ~ /^timestamp +message *$/ || line ~ /^[0-9]+ [0-9]+ 0x[0-9a-f]+ -?[0-9]+ [0-9]+ [0-9]+ [0-9]+$/)) continue
    line = "=" line
    bytes += length(line) + 64
    m++
    if (same) {
      if (m > n) { P[lo + m] = line; continue }
      if (line == P[lo + m]) { if (line == head) again++; continue }
      same = 0
      for (i = 1; i < m; i++) N[i] = P[lo + i]
    }
    N[m] = line
  }
  broken = close(reader) != 0
  limit = first(maxsize) + 0
  fits = bytes + 8192 < (limit < before ? limit : before)
  before = limit
}
function judge(   i, j, k) {
  if (!m && broken) return
  if (same && m >= n) {
    if (again > 1 && !fits) {
      for (i = 1; i <= m; i++) N[i] = P[lo + i]
      borders(n)
      unsure(n)
      split("", N)
    }
    for (i = n + 1; i <= m; i++) print P[lo + i]
    n = m
    return
  }
  if (same) {
    if (broken) return
    for (i = 1; i <= m; i++) N[i] = P[lo + i]
  }
  j = m && (broken || !fits) ? overlap() : 0
  if (j >= 0) {
    if (j) unsure(j)
    else print "!gap lost"
    k = n - j
    for (i = 1; i <= k; i++) delete P[lo + i]
    lo += k
    n = j
    for (i = j + 1; i <= m; i++) { P[lo + i] = N[i]; print N[i] }
    n = m
  }
  split("", N)
}
BEGIN {
  printf "zscope" > "/proc/self/comm"
  close("/proc/self/comm")
  n = lo = 0
  before = first(maxsize) + 0
  for (;;) {
    start = uptime()
    take()
    if (!raw && broken) {
      if (system("[ -e " file " ]") != 0) leave("gone")
      if (++failures > 20) leave("unreadable")
    } else failures = 0
    judge()
    more = raw && broken && ++hurry <= 5
    if (!more && (raw || !broken) && !whole++) print "!whole"
    fflush()
    if (more) continue
    hurry = 0
    if (least == 0) continue
    pause = 3 * (uptime() - start)
    if (pause < least) pause = least
    if (pause > 3) pause = 3
    if (system("exec sleep " sprintf("%.2f", pause) " 2>/dev/null") != 0) system("exec sleep 1")
  }
}
`;

/**
 * The script of {@link dbgmsg}.
 * @param reader shell command that prints the list and exits with non-zero when that broke off
 * @param least shortest pause between two reads in seconds; 0 for no pause at all
 */
export function dbgmsgScript(
  file: string = FILE,
  reader = `exec cat ${shellWord(FILE)} 2>/dev/null`,
  maxsize: string = MAXSIZE,
  least = 0.3,
): string {
  return `{ printf zscope >/proc/self/comm; } 2>/dev/null
if [ -e ${shellWord(file)} ]; then
  exec awk -v file=${shellWord(file)} -v reader=${shellWord(reader)} -v maxsize=${shellWord(maxsize)} -v least=${least} '${AWK}'
fi
echo '!no-zfs'
`;
}

/**
 * Where a reader that comes again goes on: given all that the kernel holds, the index of the first line that the
 * reader does not have; null when it has none of them.
 */
export type DbgmsgResume = (held: readonly string[]) => number | null;

/**
 * The messages of ZFS's debug log: first all that the kernel holds, then new ones as they come, not
 * faster than three reads a second since a writer waits while a page is read. A reader that comes again, in the
 * same boot, has only what is new to it, after a gap.
 */
export const dbgmsg: StreamCollector<DbgmsgResume | null, DbgmsgEvent> = {
  name: 'dbgmsg',
  title: 'ZFS debug messages',
  grade: 'observe',
  needsRoot: true,
  script: () => dbgmsgScript(),
  cleanup: () => '',
  decoder: (resume) => dbgmsgDecoder(resume),
};

/** A backlog of more lines is not looked through for its end. */
const MOST_HELD = 500_000;

/** Decodes what the script prints; a line of an unknown kind is dropped. */
export function dbgmsgDecoder(resume: DbgmsgResume | null = null): LineDecoder<DbgmsgEvent> {
  let held: DbgmsgEvent[] | null = resume === null ? null : [];
  return {
    line(text) {
      const word = text.startsWith('!') ? text.slice(1) : '';
      const event: DbgmsgEvent | undefined = text.startsWith('=')
        ? { kind: 'line', text: text.slice(1) }
        : MARKERS.get(word);
      if (held === null || resume === null || event?.kind === 'failure') {
        return event === undefined ? [] : [event];
      }
      if (event !== undefined) {
        held.push(event);
      }
      if (word !== 'whole' && held.length < MOST_HELD) {
        return [];
      }
      const all = held;
      held = null;
      return goOn(all, resume);
    },
    // Broken off, it cannot be told what of it is new: whoever comes next has it again.
    end: () => [],
  };
}

/** What of the backlog is new, after a gap. */
function goOn(held: readonly DbgmsgEvent[], resume: DbgmsgResume): readonly DbgmsgEvent[] {
  const lines = held.flatMap((event) => (event.kind === 'line' ? [event.text] : []));
  const at = resume(lines);
  const why =
    at === null
      ? 'Lines may be missing here: reading was interrupted, and the buffer in the kernel wrapped or was cleared meanwhile.'
      : 'Reading was interrupted here; what came meanwhile follows.';
  let known = at ?? 0;
  const rest = held.filter(({ kind }) => (kind === 'line' ? known-- <= 0 : known <= 0));
  return [{ kind: 'gap', why }, ...rest];
}

const MARKERS: ReadonlyMap<string, DbgmsgEvent> = new Map(
  Object.entries<DbgmsgEvent>({
    'gap lost': {
      kind: 'gap',
      why: 'Lines may be missing here: the buffer in the kernel wrapped or was cleared.',
    },
    'gap unsure': {
      kind: 'gap',
      why: 'Equal lines may be missing here: the buffer holds a repeating pattern that hides how much of it was dropped.',
    },
    'no-zfs': {
      kind: 'failure',
      sentence:
        'The target has no dbgmsg: the zfs module is not loaded. Load it with "modprobe zfs" on the target.',
    },
    gone: {
      kind: 'failure',
      sentence: 'dbgmsg ended: the zfs module was unloaded. Load it again with "modprobe zfs" on the target.',
    },
    unreadable: {
      kind: 'failure',
      sentence: `dbgmsg can no longer be read: every attempt ends in an error. Try "cat ${FILE}" as root on the target.`,
    },
  }),
);
