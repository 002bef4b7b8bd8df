import { createHash } from 'node:crypto';
import { shellWord } from './collector.ts';

/** Client and target agree on these; seconds. */
export const BEAT_SECONDS = 5;
/**
 * A supervisor that missed this many beats ends its job. It counts ticks of its own `sleep`
 * instead of reading a clock, so a machine that was paused in a debugger (whose clock jumps when
 * it goes on) is not taken for one that was left alone.
 */
export const MISSED_BEATS = 4;

/** Ends the shell that starts it when it is not killed within as long as beats may be missing. */
const LEASE = `(for z_turn in ${Array(MISSED_BEATS).fill('.').join(' ')}; do sleep ${BEAT_SECONDS}; kill -0 $$ || exit; done; kill -KILL $$) </dev/null >/dev/null`;

/**
 * A command that becomes a shell which ends when no whole script comes for as long as beats may be missing. Any login
 * shell may read it within single quotes: `!` is before a blank, where tcsh leaves it alone.
 */
export const LEASED_SHELL = `${LEASE} 2>&1 & export z_idle=$! ; exec /bin/sh`;

/** A line on stdin that means what its end means, where stdin has none or goes on. */
export const END_WORD = 'end';

/** A line on stdin of a job that stands by: it does what it can ahead of its script. */
export const AHEAD_WORD = 'ahead';

/** A line on stdin of a shell that waits: the script of a job follows. */
const NEXT_WORD = 'next';

/** Longest piece of a script given as one argument, in UTF-16 units; the kernel's limit is 128 KiB (MAX_ARG_STRLEN). */
const PIECE = 30_000;

export interface SupervisedJob {
  /** 32 hex digits that no output can guess. */
  readonly nonce: string;
  /** Runs before the script, and while the job stands by. */
  readonly preamble: string;
  /** null: the job stands by for the text that {@link handOver} makes of its script. Streams only. */
  readonly script: string | null;
  /** What a job that stands by does when it is told to; its script goes on in the same shell. Empty or absent for nothing. */
  readonly ahead?: string;
  /**
   * Runs after the job and all its processes have ended, if it was given a script or did something ahead; empty for none.
   * Whatever it prints, and a status other than 0, says that something is left.
   */
  readonly cleanup: string;
  /**
   * `stream`: runs until stopped, in a session of its own, which costs two exec (90 ms on an emulated
   * machine). `question`: ends by itself soon; a subshell of the supervisor, beats count from the
   * first one on.
   */
  readonly kind: 'stream' | 'question';
  /**
   * The shell that runs it. `own`: ends with it, and is meant unless given. The others wait for the next job
   * where this one has ended by itself and left nothing, a stream also where it was stopped: `new` runs its
   * first one, `kept` a later one.
   */
  readonly shell?: 'own' | 'new' | 'kept';
}

/**
 * The text sent to a {@link LEASED_SHELL} on its stdin. It is one compound command: the shell has read all
 * of it before any of it runs, so what follows on stdin (beats, end of file) is left to the reader
 * below. Dash reads stdin in blocks, so nothing more may be sent before the ready mark is seen.
 *
 * What runs on the target:
 * - the job; a stream's is a shell that leads its own session and process group; stdin /dev/null;
 * - a reader that turns each line on stdin into SIGUSR2, and `end` or end of file into SIGTERM;
 * - a ticker that sends SIGUSR1 every {@link BEAT_SECONDS};
 * - this shell, which waits. On end of file, missed beats or a signal it ends the job's group
 *   (TERM; after 2 s, or 5 to 10 s for a stream whose end somebody waits for, KILL), then runs the clean-up, and only then
 *   reports the end and exits. A stream's end is waited for, which costs no process; the ticker's second signal ends that.
 *
 * A question shares the process group of this shell, which catches the TERM that it sends there;
 * sudo ignores signals that come from its own group (sudo, exec_nopty.c). What of the group is left
 * after that is found in /proc (field 5 of proc_pid_stat(5)). Only a question that is stopped is
 * treated so; one that ends by itself must leave no process behind. Spared are those that run this shell:
 * sudo, and between them the shell that was kept.
 *
 * What was killed can be signalled until its parent takes notice, and in a container nobody may (its
 * first process may be one that adopts the others and never waits): a zombie counts as ended (state,
 * field 3 of proc_pid_stat(5)).
 *
 * A trap starts nothing that runs beside: it would have the `$!` of what was started just before.
 *
 * `kill -TERM -PGID` is the form that all shells read: busybox knows no `--` there, dash wants it
 * after `-s TERM`. A status of 127 after a signal means that an earlier wait had the status already.
 *
 * bash (5.2) can miss that the job ended while it ran a trap, and then waits for it for ever: a signal
 * gets it out of that, and the job's status is not known (255).
 *
 * Marks on stdout are `RS nonce word ... LF`, see framing.ts. Works in dash, bash, busybox ash.
 */
export function supervise(job: SupervisedJob): string {
  const isKept = job.shell === 'kept';
  return `${isKept ? `${NEXT_WORD}\n` : ''}{
kill -KILL $z_idle 2>/dev/null
unset z_idle
exec 3<&0
LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH
umask 077
cd /
z_why= z_missed=0 z_signal= z_status=0 z_left=none z_ticker= z_reader= z_nudged= z_heard= z_group=shared
z_tick() {
[ -z "$z_ticker" ] || return 0
${job.script === null ? quietTicker() : ''}(z_sleep=; trap 'kill $z_sleep; exit' TERM
while :; do sleep ${BEAT_SECONDS} & z_sleep=$!; wait $z_sleep; kill -s USR1 $$ || exit; done) </dev/null 3<&- >/dev/null 2>&1 &
z_ticker=$!
}
trap 'z_why=\${z_why:-stopped} z_signal=1' TERM HUP INT
trap : PIPE
trap 'z_missed=$((z_missed+1)) z_signal=1' USR1
trap 'z_missed=0 z_signal=1 z_heard=1' USR2
${job.script === null ? '' : ready(job)}z_read() {
(while read -r z_beat && [ "$z_beat" != ${END_WORD} ]; do kill -s USR2 $$ || exit; done; kill -s TERM $$) <&3 3<&- >/dev/null 2>&1 &
z_reader=$!
}
${start(job)}${job.script === null ? ready(job) : ''}z_send() {
kill -$1 -$z_job 2>/dev/null || kill -$1 $z_job 2>/dev/null
}
z_wait() {
z_send TERM
z_turn=0 z_missed=0
[ $z_why != silent ] || z_missed=1
while [ $z_missed -lt 2 ] && [ $z_turn -lt 9 ] && kill -0 $z_job; do
z_turn=$((z_turn+1))
wait $z_job
done
! kill -0 $z_job || z_send KILL
}
z_settle() {
z_turn=0
while z_send 0; do
[ $z_turn -lt 40 ] || { z_living && return 1; return 0; }
z_turn=$((z_turn+1))
[ $z_turn -lt 20 ] || sleep 0.1 2>/dev/null || sleep 1
done
}
z_stat() {
{ read -r z_line <$1/stat; } 2>/dev/null || return 1
set -- \${z_line##*) }
z_state=$1 z_parent=$2 z_pgrp=$3 z_start=\${20}
}
${isNoted(job) ? `z_clean=${quote(job.cleanup)}\n${NOTE}` : ''}z_living() {
for z_p in /proc/[0-9]*; do
z_stat $z_p || continue
[ "$z_pgrp" = "$z_job" ] || [ $z_p = /proc/$z_job ] || continue
case $z_state in [ZX]) ;; *) return 0;; esac
done
return 1
}
z_nudge() {
[ -z "$z_nudged" ] || return 0
(sleep 1; kill -s USR1 $$) </dev/null 3<&- >/dev/null 2>&1 &
z_nudged=$!
}
z_sweep() {
z_above=
z_stat /proc/$PPID && z_above=$z_parent
z_stat /proc/$$
z_own=$z_pgrp
for z_p in /proc/[0-9]*; do
z_stat $z_p && [ "$z_pgrp" = "$z_own" ] || continue
z_p=\${z_p#/proc/}
[ $z_p = $$ ] || [ $z_p = $PPID ] || [ $z_p = "$z_above" ] || kill -KILL $z_p 2>/dev/null
done
}
while :; do
z_signal=
[ -z "$z_why" ] || break
z_before=$z_status
kill -0 $z_job 2>/dev/null || z_nudge
wait $z_job
z_status=$?
[ -z "$z_heard" ] || z_tick
${isNoted(job) ? `${job.script === null ? '[ -z "$z_begun" ] || ' : ''}[ -z "$z_heard" ] || z_note\n` : ''}if [ -n "$z_nudged" ] && [ -n "$z_signal" ] && ! kill -0 $z_job 2>/dev/null; then
z_status=255 z_why=\${z_why:-finished}
elif [ -z "$z_signal" ] || [ $z_status -lt 128 ]; then
[ -z "$z_signal" ] || [ $z_status -ne 127 ] || z_status=$z_before
z_why=finished
elif [ $z_missed -ge ${MISSED_BEATS} ]; then
z_why=silent
fi
done
if z_send 0; then
if [ $z_group = own ]; then z_wait; else kill -s TERM 0; fi 2>/dev/null
z_settle || { z_send KILL; z_settle; } || z_left=stuck
[ $z_group = own ] || z_sweep
fi
${END[job.shell ?? 'own'](job)}}
`;
}

/**
 * What stands by may do so for minutes: where there is a bash, its `read` waits instead of a `sleep` each time, so that
 * no process is started meanwhile. It reads a pipe that nobody writes to and that, being open for writing too, has no end.
 */
function quietTicker(): string {
  return `if [ -e /dev/fd/0 ] && command -v bash >/dev/null 2>&1; then
BASH_ENV= bash --norc -c 'exec <> <(:); while :; do read -r -t ${BEAT_SECONDS}; kill -s USR1 $0 || exit; done' $$ 3<&- >/dev/null 2>&1 &
z_ticker=$!
return
fi
`;
}

/**
 * Where it stands what of ours has to be undone on a target; its files are named `PID.STARTTIME`, of a supervisor. Each is
 * the script of its clean-up, behind a comment with the process and the start time of its job.
 */
export const NOTES = '/run/zscope';

/** Whether a note is left while it runs: something is to be undone at its end. */
function isNoted({ kind, cleanup }: SupervisedJob): boolean {
  return kind === 'stream' && cleanup !== '';
}

/**
 * Notes down that this supervisor has to clean up: should it be killed, the next connection finds the note, whose name is
 * that of no process (collectors/leftovers.ts). Written at the first beat, so that it delays no beginning; by root only,
 * where nobody else can write, and to memory only: a disk may hang (TMPFS_MAGIC, include/uapi/linux/magic.h). Start times
 * are field 22 of proc_pid_stat(5). The channel's stdin stays open for this shell: a trap may start its reader meanwhile.
 */
const NOTE = `z_noted=
z_note() {
[ -z "$z_noted" ] || return 0
z_noted=none
[ -O /run ] && [ -w /run ] && [ "$(stat -f -c %t /run 3<&-)" = 1021994 ] && z_stat /proc/$z_job || return 0
z_jot="# $z_job $z_start"
z_stat /proc/$$ || return 0
z_noted=${NOTES}/$$.$z_start
for z_turn in . .; do
mkdir -m 755 ${NOTES} 3<&-
[ -O ${NOTES} ] && [ ! -L ${NOTES} ] && printf '%s\\n' "$z_jot" "$z_clean" >$z_noted && break
done
} 2>/dev/null
`;

/** After the last word, so that nobody waits for it. */
const FORGET = `case $z_noted$z_left in /*none) rm -f $z_noted; rmdir ${NOTES};; esac 2>/dev/null
`;

function endMark(job: SupervisedJob): string {
  return `printf '\\036%s end %s %s %s\\n' ${job.nonce} $z_why $z_status $z_left\n${isNoted(job) ? FORGET : ''}`;
}

/**
 * Who goes on with stdin may do so once nobody else reads it: a reader that was sent a signal may still take what is
 * there first, and a subshell that has just begun may lose any but KILL.
 */
const STOP_READER = `[ -z "$z_reader" ] || { kill -KILL $z_reader; wait $z_reader; } 2>/dev/null
`;

/** What ends a job. Helpers go last: bash says on stderr that they were killed. */
const END: Readonly<Record<NonNullable<SupervisedJob['shell']>, (job: SupervisedJob) => string>> = {
  own: (job) => `kill $z_ticker $z_reader $z_nudged 2>/dev/null
${cleanUp(job)}${endMark(job)}exit 0
`,
  kept: (job) => `trap '' USR1 USR2
${STOP_READER}${cleanUp(job)}kill $z_ticker $z_nudged 2>/dev/null
${endMark(job)}[ $z_why != silent ]
exit
`,
  new: (
    job,
  ) => `case "$z_why $z_left $z_group" in 'finished none '*${job.kind === 'stream' ? "|'stopped none own'" : ''}) ;; *)
${END.own(job)};; esac
exec 4>&2
trap '' USR1 USR2
${STOP_READER}${cleanUp(job)}exec 3<&- 2>/dev/null
kill -KILL $z_ticker $z_nudged
${endMark(job)}trap - USR1 USR2 ALRM URG HUP INT PIPE
trap : TERM
${WAIT}exit 0
`,
};

/**
 * Runs one job after another, each in a shell of its own, which reads its script from the same stdin. Nothing
 * beats meanwhile, so this ends when no script came for as long as beats may be missing: the shell of a job ends that
 * wait once it has read its script, and ends itself, for its stdin does, where this is gone before. Bash (5.2) parses
 * wrong what comes on stdin after signals; here it only reads lines.
 */
const WAIT = `while :; do
${LEASE} 4>&- &
z_idle=$!
read -r z_line || break
case $z_line in
${NEXT_WORD}) z_idle=$z_idle sh 2>&4 4>&- || exit;;
*) kill -KILL $z_idle;;
esac
done
kill -KILL $z_idle
`;

/** Beats may come from now on. From a job that stands by they come early, and `$!` must be its own till then. */
function ready({ nonce }: SupervisedJob): string {
  return `printf '\\036%s ready\\n' ${nonce}\n`;
}

/**
 * What a job that stands by is sent on stdin to run the script. It goes line by line, since a shell's
 * `read` takes no more of the channel than it gives: what follows are beats again.
 * @throws RangeError on NUL, which no shell keeps
 */
export function handOver(nonce: string, script: string): string {
  if (script.includes('\0')) {
    throw new RangeError('a script cannot hold NUL');
  }
  return `begin\n${script}\n${scriptMark(nonce)}\n`;
}

/**
 * The line that ends a script handed over. It stands in the loader's arguments, which everybody on the
 * target can read, so the nonce cannot be told from it.
 */
function scriptMark(nonce: string): string {
  return createHash('sha256').update(nonce).digest('hex');
}

/**
 * Runs in the job's own shell: tells beats to the supervisor until the script begins, reads it to its
 * mark, has the supervisor read the beats from then on, and becomes it. Without the mark nothing runs.
 * What it does ahead has to be undone, which the supervisor is told first.
 */
const LOADER = `eval "$3"
IFS=
while z_l=; read -r z_l <&3; do
case $z_l in "") kill -s USR2 "$1" || exit;; begin|${END_WORD}) break;;
${AHEAD_WORD}) kill -s URG "$1" || exit; unset IFS; eval "$4" 3<&-; IFS=;; esac
done
[ "$z_l" = begin ] || exit 0
z=
while z_l=; read -r z_l <&3; do
[ "$z_l" != "$2" ] || break
z="$z$z_l
"
done
[ "$z_l" = "$2" ] || exit 0
exec 3<&-
kill -s ALRM "$1" || exit
unset IFS z_l
set --
eval "$z"`;

function start(job: SupervisedJob): string {
  if (job.kind === 'question') {
    return `(eval ${quote(job.preamble + (job.script ?? ''))}) </dev/null 3<&- &\nz_job=$!\nz_read\n`;
  }
  const run =
    job.script === null
      ? `sh -c ${quote(LOADER)} zscope $$ ${scriptMark(job.nonce)} ${quote(job.preamble)} ${quote(job.ahead ?? '')} </dev/null &`
      : `sh -c 'IFS=; z=$*; unset IFS; set --; eval "$z"' zscope ${split(job.preamble + job.script, PIECE)
          .map(quote)
          .join(' ')} </dev/null 3<&- &`;
  return `${job.script === null ? "z_begun=\ntrap 'z_begun=1 z_signal=1 z_heard=; z_read' ALRM\ntrap 'z_begun=1 z_signal=1' URG\n" : ''}if command -v setsid >/dev/null 2>&1; then
setsid ${run}
z_group=own
else
${run}
fi
z_job=$!
z_tick
${job.script === null ? '' : 'z_read\n'}`;
}

function cleanUp(job: SupervisedJob): string {
  if (job.cleanup === '') return '';
  // The client may be gone, and with it whoever reads stderr: so it is said only at the end.
  return `${job.script === null ? '[ -z "$z_begun" ] || ' : ''}z_said=$( (eval ${isNoted(job) ? '"$z_clean"' : quote(job.cleanup)}) </dev/null 3<&- 2>&1 ) || z_said=\${z_said:-the clean-up broke off}
[ -z "$z_said" ] || { printf '%s\\n' "$z_said" >&2; [ $z_left = stuck ] || z_left=rests; }
`;
}

/** Always in quotes: a bare word could be an alias or a keyword. */
function quote(text: string): string {
  const word = shellWord(text);
  return word.startsWith("'") ? word : `'${word}'`;
}

/** Cuts into pieces of at most `size` UTF-16 units, never inside a character. At least one piece. */
function split(text: string, size: number): string[] {
  const pieces: string[] = [];
  let from = 0;
  do {
    let to = Math.min(from + size, text.length);
    const last = text.charCodeAt(to - 1);
    if (to < text.length && last >= 0xd800 && last <= 0xdbff) to -= 1;
    pieces.push(text.slice(from, to));
    from = to;
  } while (from < text.length);
  return pieces;
}
