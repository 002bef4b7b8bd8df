/**
 * Lines that begin something: reports of the kernel, tasks, stacks. They make the outline of a text.
 */
import type { HeadingItem } from './items.ts';
import type { Line } from './line.ts';
import type { Output } from './output.ts';

interface Pattern {
  readonly what: HeadingItem['what'];
  /** Named groups: comm, pid, state. */
  readonly pattern: RegExp;
}

/** Sources: kernel/hung_task.c, kernel/sched/core.c (sched_show_task), kernel/watchdog.c, kernel/rcu, lib/ubsan.c, mm/kasan, kernel/locking/lockdep.c, lib/nmi_backtrace.c, arch/x86/kernel/dumpstack.c; SPL's spl-err.c. */
const PATTERNS: readonly Pattern[] = [
  {
    what: 'report',
    pattern: /^INFO: task (?<comm>.{1,64}):(?<pid>\d{1,10}) blocked for more than \d+ seconds/,
  },
  {
    what: 'report',
    pattern: /^INFO: task (?<comm>.{1,64}):(?<pid>\d{1,10}) (?:is )?(?:<\w+> )?blocked on an? /,
  },
  {
    what: 'task',
    pattern: /^task:(?<comm>.{1,64}?) +state:(?<state>[A-Z]) +stack: *\d+ +pid: *(?<pid>\d{1,10})/,
  },
  // Kernels before 5.10: name, state, address or free stack, pid, parent, flags.
  {
    what: 'task',
    pattern:
      /^(?<comm>\S.{0,30}?) +(?<state>[RSDTtZXIKWP]) *(?:running task|[\da-f]{8,16})? *\d+ +(?<pid>\d{1,10}) +\d+ +(?:\d+ +)?0x[\da-f]{8}$/,
  },
  {
    what: 'task',
    pattern:
      /^CPU: *\d+ (?:UID: \d+ )?PID: (?<pid>\d+) Comm: (?<comm>.{1,64}?) (?:Kdump: loaded )?(?:Not t|T)ainted/,
  },
  { what: 'task', pattern: /^Pid: (?<pid>\d+), comm: (?<comm>.{1,64}?) (?:Not t|T)ainted/ },
  {
    what: 'task',
    pattern: /^PID: (?<pid>\d+) +TASK: [\da-f]{8,16} +CPU: \d+ +COMMAND: "(?<comm>[^"]{0,64})"/,
  },
  {
    what: 'report',
    pattern: /^(?:watchdog: )?BUG: soft lockup - CPU#\d+ stuck for \d+s! \[(?<comm>.{1,64}):(?<pid>\d+)\]/,
  },
  {
    what: 'report',
    pattern: /^BUG: (?:KASAN|KFENCE|KMSAN|KCSAN): .* by task (?<comm>.{1,64})\/(?<pid>\d+)$/,
  },
  { what: 'report', pattern: /^(?:watchdog: |NMI watchdog: )?(?:BUG: |Watchdog detected hard LOCKUP)/ },
  { what: 'report', pattern: /^(?:rcu: )?INFO: rcu_\w+ (?:self-)?detected/ },
  {
    what: 'report',
    pattern: /^\[? ?(?:INFO|WARNING): (?:possible|inconsistent|suspicious|bad unlock|CPU: |at )/,
  },
  { what: 'report', pattern: /^WARNING: .* at \S+:\d+/ },
  {
    what: 'report',
    pattern:
      /^(?:kernel BUG at|Oops|general protection fault|invalid opcode|Unable to handle kernel|Internal error|divide error|double fault|stack segment|Kernel panic - not syncing|Kernel BUG|UBSAN: |PANIC at |VERIFY|ASSERT|SPLError: .* SPL PANIC|panic: |panic\[cpu\d+\]|panic\(cpu \d+|Fatal trap \d|lock order reversal|KDB: stack backtrace|refcount_t: |unreferenced object)/,
  },
  { what: 'stack', pattern: /^NMI backtrace for cpu \d+/ },
  {
    what: 'stack',
    pattern: /^(?:Call [Tt]race|Backtrace|Stack trace|stack backtrace|Xen call trace)\b.{0,40}:/,
  },
  { what: 'stack', pattern: /^Stack trace of thread (?<pid>\d+):/ },
  { what: 'stack', pattern: /^(?:Allocated|Freed) by task (?<pid>\d+)/ },
  {
    what: 'stack',
    pattern: /^Thread \d+ \((?:Thread 0x[\da-f]+ )?\(?LWP (?<pid>\d+)\)?(?: "(?<comm>[^"]{1,64})")?/,
  },
  { what: 'stack', pattern: /^Thread \d+ \(.{1,80}\):?$/ },
  { what: 'stack', pattern: /^TID (?<pid>\d+):$/ },
  { what: 'stack', pattern: /^PID (?<pid>\d+) - \S/ },
  { what: 'stack', pattern: /^-> #\d+ \(/ },
  { what: 'stack', pattern: /^Task dump for CPU \d+:/ },
];

/** What the first character of a heading can be; of a task's name, anything. */
const OLD_TASK = /0x[\da-f]{8}\s*$/;
const FIRST = /^[A-Z[a-z-]/;

/** Longest line that is taken for a heading. */
const MAX_HEADING = 512;

/** Reads `line` as a heading; false when it is none. */
export function readHeading(line: Line, out: Output): boolean {
  if (line.to - line.from > MAX_HEADING) {
    return false;
  }
  const { body } = line;
  if (!FIRST.test(body) || !(body.includes(':') || OLD_TASK.test(body) || body.includes('['))) {
    return false;
  }
  for (const { what, pattern } of PATTERNS) {
    const match = pattern.exec(body);
    if (match !== null) {
      const groups = match.groups ?? {};
      const pid = groups['pid'];
      const at = line.span(line.bodyColumn, line.bodyColumn + body.length);
      out.add({
        kind: 'heading',
        ...at,
        what,
        title: body,
        comm: groups['comm'] === undefined ? null : out.name(groups['comm']),
        pid: pid === undefined ? null : Number(pid),
        state: groups['state'] ?? null,
      });
      return true;
    }
  }
  return false;
}
