import { Failure } from '../../core/failure.ts';
import type { Frame, Trace } from '../../core/stack/frame.ts';
import { isEndMarker, MAX_FRAMES, parseFrame } from '../../core/stack/proc-stack.ts';
import type { Task, TaskGroup, TaskSnapshot } from '../../core/tasks.ts';
import { type Collector, shellWord } from '../collector.ts';
import { buildSigns, decodeBuildSigns } from './module-ids.ts';

/** More tasks than this is no answer of a machine that anyone debugs. */
const MAX_TASKS = 100_000;

/**
 * Reads stat and stack of each task and groups equal stacks in memory, so that what travels is the
 * distinct frames and stacks, and per stack, comm and state a list of ids coded as differences.
 *
 * - Only `stat`, `stack` and, for tasks in D, `sched` are read: none of them takes mmap_lock, so a
 *   task that hangs in a page fault can't make the reader hang with it.
 * - `comm` may hold any byte but NUL (fs/proc/array.c prints it raw in `stat`), so the state is what
 *   follows the last `)`, and files are read whole: RS is a byte that no stack holds.
 * - mawk ends on a read error, which a task that exits between open and read causes. Nothing is
 *   printed before the end, so the pass is simply made again; from the third time on over the tasks
 *   only whose stack the shell could read.
 * - The awk's own `se.exec_start` is "now" on the scheduler's clock, which unlike uptime stands still
 *   during suspend (kernel/sched/clock.c). A 0 says nothing: a task that was moved to another processor has it until
 *   it runs there (enqueue_entity() of kernel/sched/fair.c), and since Linux 6.12 one that sleeps already may be moved.
 * - Which modules are in the stacks, awk says on stderr, and signs of their builds are read after it: so a
 *   module that is loaded anew is noticed, and lines of one build are not shown for another.
 * - Processes of ours call themselves `zscope`: their sessions and those of their parents, which
 *   supervise them, are left out.
 */
const AWK = String.raw`
function slurp(file,   text, part, got) {
  text = ""
  got = (getline part < file)
  readable = got >= 0
  while (got > 0) {
    text = text part
    got = (getline part < file)
    if (got > 0) text = text RS
  }
  close(file)
  return text
}
function lastrun(text,   at, rest) {
  at = index(text, "se.exec_start")
  if (!at) return ""
  rest = substr(text, at, 120)
  sub(/^[^:]*: */, "", rest)
  match(rest, /^[0-9]+/)
  rest = substr(rest, 1, RLENGTH) + 0
  return rest ? rest : ""
}
function plain(comm,   n, i, c, out) {
  if (!index(comm, "\n") && !index(comm, "\\")) return comm
  out = ""
  n = length(comm)
  for (i = 1; i <= n; i++) {
    c = substr(comm, i, 1)
    out = out (c == "\n" ? "\\n" : c == "\\" ? "\\\\" : c)
  }
  return out
}
function run(r) {
  return repeat[r] ? "," step[r] (repeat[r] > 1 ? "x" repeat[r] : "") : ""
}
BEGIN {
  RS = "\001"
  printf "zscope" > "/proc/self/comm"
  close("/proc/self/comm")
  getline list
  paths = split(list, path, "\n")
  for (i = 1; i <= paths; i++) {
    if (path[i] == "") continue
    if (substr(path[i], 1, 1) == "!") { unreadable++; continue }
    stat = slurp(path[i] "/stat")
    parts = split(stat, part, ")")
    if (parts < 2) continue
    rest = part[parts]
    split(substr(rest, 1, 60), field, " ")
    open = index(stat, "(")
    comm = substr(stat, open + 1, length(stat) - length(rest) - open - 1)
    if (comm == "zscope" && field[4] > 0) { ours[field[4]] = 1; parent[field[2]] = 1 }
    stack = slurp(path[i] "/stack")
    if (!readable) { unreadable++; continue }
    tasks++
    STATE[tasks] = field[1]
    SESSION[tasks] = field[4]
    COMM[tasks] = comm
    PATH[tasks] = path[i]
    if (!(stack in group)) { group[stack] = ++groups; text[groups] = stack }
    GROUP[tasks] = group[stack]
    if (field[1] == "D") RAN[tasks] = lastrun(slurp(path[i] "/sched"))
  }
  now = lastrun(slurp("self/sched"))
  for (t = 1; t <= tasks; t++) {
    split(PATH[t], id, "/")
    if (id[3] in parent && SESSION[t] > 0 && id[3] > 1) ours[SESSION[t]] = 1
  }
  for (t = 1; t <= tasks; t++) {
    if (SESSION[t] in ours) continue
    split(PATH[t], id, "/")
    g = GROUP[t]
    leader = id[1] == id[3] ? "-" : id[1]
    key = g SUBSEP STATE[t] SUBSEP leader SUBSEP COMM[t]
    if (key in row) r = row[key]
    else {
      row[key] = r = ++rows
      head[r] = "t " leader " " STATE[t] " "
      tail[r] = " " plain(COMM[t])
      nth[g, ++has[g]] = r
    }
    d = id[3] - last[r]
    last[r] = id[3]
    if (d == step[r]) repeat[r]++
    else {
      ids[r] = ids[r] run(r)
      step[r] = d
      repeat[r] = 1
    }
    if (RAN[t] != "" && now != "") still[g] = still[g] " " id[3] sprintf(":%.0f", now > RAN[t] ? now - RAN[t] : 0)
  }
  split(slurp("uptime"), up, " ")
  print "uptime " up[1]
  print "unreadable " unreadable + 0
  for (g = 1; g <= groups; g++) {
    if (!(g in has)) continue
    n = split(text[g], line, "\n")
    frames = "g"
    for (i = 1; i <= n; i++) {
      if (line[i] == "") continue
      sub(/^ *\[<[^>]*>\] */, "", line[i])
      if (!(line[i] in known)) {
        known[line[i]] = ++frame
        print "f " line[i]
        if (match(line[i], /\[[A-Za-z0-9_]+\]$/)) module[substr(line[i], RSTART + 1, RLENGTH - 2)]
      }
      frames = frames " " known[line[i]]
    }
    print frames
    for (i = 1; i <= has[g]; i++) {
      r = nth[g, i]
      print head[r] substr(ids[r] run(r), 2) tail[r]
    }
    if (g in still) print "d" still[g]
  }
  print "end"
  for (name in module) print "module " name > "/dev/stderr"
}
`;

/**
 * The script of {@link taskSnapshot}.
 * @param proc where procfs is mounted
 * @param sys where sysfs is mounted
 */
export function snapshotScript(proc = '/proc', sys = '/sys'): string {
  return `{ printf zscope >/proc/self/comm; } 2>/dev/null
cd ${shellWord(proc)} || exit 1
map= scope= stacks=no
{ read -r map; } 2>/dev/null <self/uid_map
{ read -r scope; } 2>/dev/null <sys/kernel/yama/ptrace_scope
[ -e 1/stack ] && stacks=yes
printf 'snapshot 1\\nstacks %s\\nscope %s\\nmap %s\\n' "$stacks" "$scope" "$map"
tasks() {
  if [ "$try" -lt 3 ]; then
    printf '%s\\n' [0-9]*/task/[0-9]*
    return
  fi
  for task in [0-9]*/task/[0-9]*; do
    if { read -r line <"$task/stack"; } 2>/dev/null; then
      printf '%s\\n' "$task"
    elif [ -e "$task/stat" ]; then
      printf '!%s\\n' "$task"
    fi
  done
}
builds() {
  set --
  status=1
  while read -r word name; do
    case $word in
      module) set -- "$@" "$name" ;;
      status) status=$name ;;
    esac
  done
  ${buildSigns(sys)}return $status
}
for try in 1 2 3 4 5 6; do
  { { tasks | awk '${AWK}' 2>&1 >&3 3>&-; echo "status $?"; } | builds 3>&-; } 3>&1 && break
done 2>/dev/null
`;
}

/** All tasks of the target with their kernel stacks, equal stacks grouped, in one round trip. */
export const taskSnapshot: Collector<null, TaskSnapshot> = {
  name: 'task-snapshot',
  title: 'Stacks of all tasks',
  grade: 'observe',
  needsRoot: true,
  timeoutMs: 30_000,
  script: () => snapshotScript(),
  decode: decodeSnapshot,
};

/**
 * Reads what the script prints: `f FRAME` numbers a frame from 1 in order of appearance; `g N N ...`
 * opens a group by the numbers of its frames; `t TGID STATE IDS COMM` are tasks of the group (TGID
 * `-` for leaders), ids as differences, `DxN` standing for N equal ones; `d TID:MS ...` says how long
 * tasks of the group have not run. After `end` come the signs of the modules in the stacks.
 * @throws Failure `no-stacks` when no stack could be read, `bad-output` when this is no snapshot.
 */
export function decodeSnapshot(output: string): TaskSnapshot {
  const lines = output.split('\n');
  const end = lines.indexOf('end');
  if (lines[0] !== 'snapshot 1' || end < 0) {
    throw new Failure(
      'bad-output',
      'The list of tasks came back incomplete: awk on the target ended early.',
      'Refresh to try again; if it persists, Show Log has what the target said.',
    );
  }
  const about = new Map<string, string>();
  const frames: (Frame | null)[] = [];
  const groups: { trace: Trace; tasks: Task[] }[] = [];
  const times = new Map<number, number>();
  let count = 0;
  for (const line of lines.slice(1, end)) {
    const space = line.indexOf(' ');
    const word = space < 0 ? line : line.slice(0, space);
    const rest = space < 0 ? '' : line.slice(space + 1);
    const group = groups.at(-1);
    if (word === 'f') {
      frames.push(parseFrame(rest));
    } else if (word === 'g') {
      groups.push({ trace: traceOf(rest, frames), tasks: [] });
    } else if (word === 't' && group !== undefined) {
      for (const task of tasksOf(rest)) {
        group.tasks.push(task);
        count += 1;
        if (count > MAX_TASKS) {
          throw bad(`more than ${MAX_TASKS} tasks`);
        }
      }
    } else if (word === 'd' && group !== undefined) {
      addTimes(times, rest);
    } else {
      about.set(word, rest);
    }
  }
  if (count === 0) {
    throw noStacks(about);
  }
  return {
    uptimeSeconds: numberOf(about.get('uptime')),
    groups: merged(groups)
      .map((group) => ({ ...group, tasks: withTimes(group.tasks, times) }))
      .sort((a, b) => b.tasks.length - a.tasks.length),
    unreadable: numberOf(about.get('unreadable')),
    builds: decodeBuildSigns(lines.slice(end)),
  };
}

function traceOf(numbers: string, frames: readonly (Frame | null)[]): Trace {
  const trace: Frame[] = [];
  for (const number of numbers.split(' ', MAX_FRAMES)) {
    const frame = frames[Number(number) - 1];
    if (frame !== undefined && frame !== null && !isEndMarker(frame)) {
      trace.push(frame);
    }
  }
  return trace;
}

function* tasksOf(text: string): Generator<Task> {
  const match = /^(-|\d{1,10}) (\S) (\S+) ([\s\S]*)$/.exec(text);
  if (match === null) {
    throw bad('a task that is none');
  }
  const [, leader = '-', state = '', ids = '', comm = ''] = match;
  let pid = 0;
  for (const part of ids.split(',')) {
    const step = /^(-?\d{1,10})(?:x(\d{1,6}))?$/.exec(part);
    if (step === null) {
      throw bad('a task without an id');
    }
    for (let i = Number(step[2] ?? 1); i > 0; i -= 1) {
      pid += Number(step[1]);
      yield {
        pid,
        tgid: leader === '-' ? pid : Number(leader),
        comm: comm.replace(/\\([n\\])/g, (_, c: string) => (c === 'n' ? '\n' : '\\')),
        state,
        stillForSeconds: null,
      };
    }
  }
}

/** Notes by id of the task for how many seconds it has not run. */
function addTimes(times: Map<number, number>, text: string): void {
  for (const pair of text.split(' ')) {
    const [pid, milliseconds] = pair.split(':');
    times.set(numberOf(pid), numberOf(milliseconds) / 1000);
  }
}

function withTimes(tasks: readonly Task[], times: ReadonlyMap<number, number>): Task[] {
  return tasks.map((task) => ({ ...task, stillForSeconds: times.get(task.pid) ?? null }));
}

/** Stacks that differed on the target only by what is no frame (addresses, end markers) become one group. */
function merged(groups: readonly { trace: Trace; tasks: Task[] }[]): TaskGroup[] {
  const byTrace = new Map<string, { trace: Trace; tasks: Task[] }>();
  for (const group of groups) {
    const key = JSON.stringify(group.trace);
    const first = byTrace.get(key);
    if (first === undefined) {
      byTrace.set(key, group);
    } else {
      for (const task of group.tasks) {
        first.tasks.push(task);
      }
    }
  }
  return [...byTrace.values()];
}

function noStacks(about: ReadonlyMap<string, string>): Failure {
  const map = (about.get('map') ?? '').trim().split(/\s+/).join(' ');
  if (about.get('stacks') !== 'yes') {
    return new Failure(
      'no-stacks',
      'The target has no /proc/PID/stack: its kernel was built without CONFIG_STACKTRACE.',
      'Boot a kernel with CONFIG_STACKTRACE=y.',
    );
  }
  if (map !== '' && map !== '0 0 4294967295') {
    return new Failure(
      'no-stacks',
      'The kernel refuses to show stacks: the connection leads into a container, and being root in its user namespace is not enough.',
      'Connect to the machine itself as root, not to a container on it.',
    );
  }
  if (about.get('scope')?.trim() === '3') {
    return new Failure(
      'no-stacks',
      'The kernel refuses to show stacks: kernel.yama.ptrace_scope is 3, which forbids it even to root until the next boot.',
      'Boot the target with kernel.yama.ptrace_scope below 3.',
    );
  }
  return new Failure(
    'no-stacks',
    'The kernel refuses to show stacks: reading /proc/PID/stack needs root with CAP_SYS_ADMIN in the initial user namespace.',
    'Connect as root or with sudo, and check that no container or security policy takes the capability away.',
  );
}

function bad(what: string): Failure {
  return new Failure(
    'bad-output',
    `The list of tasks makes no sense: it holds ${what}.`,
    'Show Log has what the target said.',
  );
}

function numberOf(text: string | undefined): number {
  const value = Number(text);
  return text !== undefined && text !== '' && Number.isFinite(value) ? value : 0;
}
