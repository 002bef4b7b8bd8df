/**
 * Lines that begin something: reports of the kernel, tasks, stacks. They make the outline of a text.
 */
import type { HeadingItem } from './items.ts';
import type { Line } from './line.ts';
import type { Output } from './output.ts';

interface Pattern {
  readonly what: HeadingItem['what'];
  readonly pattern: RegExp;
  /** Numbers of the groups; 0, the whole, where the pattern has none. */
  readonly comm: number;
  readonly pid: number;
  readonly state: number;
}

const COMM = '(?<comm>.{1,64}?)';
const PID = '(?<pid>\\d{1,10})';

/** Named groups: comm, pid, state. They are numbered, which takes half the time to read. */
function pattern(what: HeadingItem['what'], source: string): Pattern {
  const names: string[] = [];
  const numbered = source.replace(/\(\?<(\w+)>/g, (_, name: string) => {
    names.push(name);
    return '(';
  });
  const numberOf = (name: string) => names.indexOf(name) + 1;
  return {
    what,
    pattern: new RegExp(`^(?:${numbered})`),
    comm: numberOf('comm'),
    pid: numberOf('pid'),
    state: numberOf('state'),
  };
}

/**
 * Tasks as kernels before 5.10 print them: name, state, address or free stack, pid, parent, flags; the
 * name begins with anything (kernel/sched/core.c, sched_show_task).
 */
const OLD_TASKS: readonly Pattern[] = [
  pattern(
    'task',
    `(?<comm>\\S.{0,30}?) +(?<state>[RSDTtZXIKWP]) *(?:running task|[\\da-f]{8,16})? *\\d+ +${PID} +\\d+ +(?:\\d+ +)?0x[\\da-f]{8}$`,
  ),
];

/**
 * By the character they begin with. Sources: kernel/hung_task.c, kernel/sched/core.c, kernel/watchdog.c,
 * kernel/rcu, lib/ubsan.c, mm/kasan, mm/kfence, kernel/locking/lockdep.c, lib/nmi_backtrace.c,
 * lib/dump_stack.c, arch/x86/kernel/dumpstack.c; SPL's spl-err.c; and the debuggers.
 */
const PATTERNS: Readonly<Record<string, readonly Pattern[]>> = {
  t: [pattern('task', `task:${COMM} +state:(?<state>[A-Z]) +stack: *\\d+ +pid: *${PID}`)],
  I: [
    pattern(
      'report',
      `INFO: task (?<comm>.{1,64}):${PID} blocked (?:in I/O wait )?for more than \\d+ seconds`,
    ),
    pattern('report', `INFO: task (?<comm>.{1,64}):${PID} (?:is )?(?:<?\\w+>? )?blocked on an? `),
    pattern('report', 'INFO: (?:possible|inconsistent|suspicious|bad unlock|rcu_\\w+ )'),
    pattern('report', 'Internal error: '),
  ],
  C: [
    pattern(
      'task',
      `CPU: *\\d+ (?:UID: \\d+ )?PID: ${PID} Comm: ${COMM} (?:Kdump: loaded )?(?:Not t|T)ainted`,
    ),
    pattern('stack', 'Call [Tt]race\\b.{0,40}:'),
  ],
  P: [
    pattern('task', `Pid: ${PID}, comm: ${COMM} (?:Not t|T)ainted`),
    pattern('task', `PID: ${PID} +TASK: [\\da-f]{8,16} +CPU: \\d+ +COMMAND: "(?<comm>[^"]{0,64})"`),
    pattern('stack', `PID ${PID} - \\S`),
    pattern('report', 'PANIC(?: at |: )'),
  ],
  w: [
    pattern('report', `watchdog: BUG: soft lockup - CPU#\\d+ stuck for \\d+s! \\[(?<comm>.{1,64}):${PID}\\]`),
    pattern('report', 'watchdog: (?:BUG: |Watchdog detected hard LOCKUP)'),
  ],
  B: [
    pattern('report', `BUG: soft lockup - CPU#\\d+ stuck for \\d+s! \\[(?<comm>.{1,64}):${PID}\\]`),
    pattern('report', 'BUG: '),
    pattern('stack', 'Backtrace\\b.{0,60}:'),
  ],
  N: [pattern('report', 'NMI watchdog: '), pattern('stack', 'NMI backtrace for cpu \\d+')],
  r: [pattern('report', 'rcu: INFO: rcu_\\w+ (?:self-)?detected'), pattern('report', 'refcount_t: ')],
  W: [
    pattern(
      'report',
      'WARNING: (?:CPU: |at |possible |inconsistent |suspicious |bad unlock|.* at \\S+:\\d+)',
    ),
  ],
  '[': [pattern('report', '\\[ (?:INFO|BUG|WARNING): ')],
  k: [pattern('report', 'kernel BUG at ')],
  K: [pattern('report', 'Kernel panic - not syncing|Kernel BUG at |KDB: stack backtrace')],
  O: [pattern('report', 'Oops\\b')],
  g: [pattern('report', 'general protection fault')],
  i: [pattern('report', 'invalid opcode')],
  d: [pattern('report', 'divide error|double fault')],
  U: [pattern('report', 'Unable to handle kernel |UBSAN: ')],
  V: [pattern('report', 'VERIFY')],
  A: [pattern('report', 'ASSERT'), pattern('stack', `Allocated by task ${PID}`)],
  F: [pattern('report', 'Fatal trap \\d'), pattern('stack', `Freed by task ${PID}`)],
  S: [
    pattern('report', 'SPLError: .* SPL PANIC'),
    pattern('stack', `Stack trace of thread ${PID}:`),
    pattern('stack', 'Stack trace\\b.{0,40}:'),
  ],
  p: [pattern('report', 'panic: |panic\\[cpu\\d+\\]|panic\\(cpu \\d+')],
  l: [pattern('report', 'lock order reversal')],
  u: [pattern('report', 'unreferenced object 0x')],
  s: [pattern('stack', 'stack backtrace:')],
  T: [
    pattern('stack', `Thread \\d+ \\((?:Thread 0x[\\da-f]+ )?\\(?LWP ${PID}\\)?(?: "(?<comm>[^"]{1,64})")?`),
    pattern('stack', 'Thread \\d+ \\(.{1,80}\\):?$'),
    pattern('stack', `TID ${PID}:$`),
    pattern('stack', 'Task dump for CPU \\d+:'),
  ],
  X: [pattern('stack', 'Xen call trace:')],
  '-': [pattern('stack', '-> #\\d+ \\(')],
};

const BY_FIRST: ReadonlyMap<number, readonly Pattern[]> = new Map(
  Object.entries(PATTERNS).map(([first, patterns]) => [first.charCodeAt(0), patterns]),
);

/** Longest line that is taken for a heading. */
const MAX_HEADING = 512;

/** The heading there are most of. */
export const CALL_TRACE = 'Call Trace:';
const STACK = { what: 'stack', title: CALL_TRACE, comm: null, pid: null, state: null } as const;

/** Reads `line` as a heading; false when it is none. */
export function readHeading(line: Line, out: Output): boolean {
  if (line.to - line.from > MAX_HEADING) {
    return false;
  }
  const { body } = line;
  if (body === CALL_TRACE) {
    out.heading(line.bodyColumn, STACK);
    return true;
  }
  const patterns = isOldTask(body) ? OLD_TASKS : BY_FIRST.get(body.charCodeAt(0));
  if (patterns === undefined) {
    return false;
  }
  for (const { what, pattern, comm, pid, state } of patterns) {
    const match = pattern.exec(body);
    if (match !== null) {
      const name = group(match, comm);
      const number = group(match, pid);
      out.heading(line.bodyColumn, {
        what,
        title: body,
        comm: name === null ? null : out.name(name),
        pid: number === null ? null : Number(number),
        state: group(match, state),
      });
      return true;
    }
  }
  return false;
}

function group(match: RegExpExecArray, number: number): string | null {
  return number === 0 ? null : (match[number] ?? null);
}

/** Ends with ` 0x00000000`: only such a line can be a task of an old kernel. */
function isOldTask(body: string): boolean {
  const at = body.length - 11;
  return (
    at > 8 && body.charCodeAt(at + 2) === 120 && body.charCodeAt(at) === 32 && body.charCodeAt(at + 1) === 48
  );
}
