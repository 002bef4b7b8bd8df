/** The same wishes for the tools that are installed on a target, down to the words that each is started with. */
import type { TypedArgument, TypedFunction } from '../../../src/core/symbols/value-type.ts';
import type { InstalledTools, TraceTool } from '../../../src/core/tracers/tools.ts';
import type { TraceParams } from '../../../src/core/tracing/ftrace-program.ts';
import { ALONE } from '../../../src/target/collectors/perf-tools-shell.ts';
import { TOOL } from '../../../src/target/collectors/trace-tool.ts';
import { tracerOf } from '../../../src/target/tool-tracers.ts';
import type { Random } from '../../support/random.ts';
import { callsOf, isFilter, LEAST_MADE, made, SHELLS, TEXTS, wish } from './programs.ts';
import { BATCH, broken, type Series, soup } from './series.ts';

const INSTALLABLE = ['bpftrace', 'bcc', 'perf-tools'] as const satisfies readonly TraceTool[];

/** Versions whose programs are others. */
const VERSIONS = ['0.17.0', '0.19.1', '0.20.2', '0.24.0'];

const PROGRAMS = ['bpftrace', 'trace', 'argdist', 'stackcount', 'funclatency', 'kprobe'] as const;

const SYMBOL = /^[A-Za-z_][\w.$]*$/;

/** What a program for bpftrace is made of, beside probes and literals (bpftrace, docs/language.adoc). */
const BPFTRACE_WORDS = new Set(
  [
    'interval s END if count sum print printf exit delete clear str reg',
    'comm tid cpu nsecs kstack retval int8 int16 int32 int64 uint8 uint16 uint32 uint64',
    '$sp $at $ns $r $v $log2 $rate @seen @hits @tasks @stacks @stack @at @calls @ns @kept @before',
  ]
    .join(' ')
    .split(' '),
);

const PROBE = /^(?:kprobe|kretprobe|fentry|fexit|kfunc|kretfunc):(?:[\w-]+:)?(?:(\w+)|"([A-Za-z_][\w.$]*)")$/;
/** A word, a number, a sign or a literal; only these are looked at, and only they may be there. */
const BPFTRACE_TOKEN =
  /\s+|args(?:\.|->)[A-Za-z_]\w*|([$@]?[A-Za-z_]\w*)|\d+|"(?:[\w ./:@+,=-]|\\[tn]|%(?:s|ll[du])|0x%llx)*"|[()[\]{};,:*&|!<>=+-]/y;

/** What is wrong with a program for bpftrace; null for nothing. */
function wrongProgram(text: string, symbol: string): string | null {
  const [comment = '', ...lines] = text.split('\n');
  if (!comment.startsWith(`// ${symbol}: `)) return 'its comment';
  for (const line of lines) {
    const probe = PROBE.exec(line);
    if (probe !== null) {
      if ((probe[1] ?? probe[2]) !== symbol) return `what it attaches to: ${line}`;
      continue;
    }
    for (let at = 0; at < line.length; ) {
      BPFTRACE_TOKEN.lastIndex = at;
      const [token, word = ''] = BPFTRACE_TOKEN.exec(line) ?? [];
      if (token === undefined) return `a sign in: ${line.slice(at)}`;
      if (word !== '' && !BPFTRACE_WORDS.has(word) && !/^[$@]a\d{1,3}$/.test(word)) {
        return `the word ${word} in: ${line}`;
      }
      at += token.length;
    }
  }
  return null;
}

/** What a condition, or a value, is for bcc: numbers, registers and casts in the manner of C. */
const BCC_TEST =
  /^(?:[\s()!<>=&|-]|\d+|[us](?:8|16|32|64)\b|arg[1-6]\b|\$?retval\b|\$pid\b|\$cpu\b|bpf_get_current_pid_tgid\b|bpf_get_smp_processor_id\b)*$/;
const BCC_TRACE = /^[pr]::(\S+)(?: \((.*)\))?(?: "((?:\w+=(?:%ll[du]|0x%llx|%s) ?)+)", ([^"]+))?$/;
const BCC_COUNT =
  /^[pr]::(\S+)\(\):char\*,u32:\(\(struct task_struct \*\)bpf_get_current_task\(\)\)->comm,\(u32\)bpf_get_current_pid_tgid\(\)(?::(.*))?$/;

const isAmong = (given: readonly string[], forms: readonly (readonly string[])[]): boolean =>
  forms.some((form) => JSON.stringify(form) === JSON.stringify(given));

/** The same of a command line of bcc, without its last word, which tells what is traced. */
function wrongCommand(words: readonly string[], symbol: string): string | null {
  const [program = '', ...options] = words.slice(0, -1);
  const last = words.at(-1) ?? '';
  if (program === 'stackcount' || program === 'funclatency') {
    const known = [
      ['-K', '-s', '-i', '1'],
      ['-i', '1'],
    ];
    return last === symbol && isAmong(options, known) ? null : 'its words';
  }
  const isTrace = program === 'trace';
  const [, traced, test = '', , values = ''] = (isTrace ? BCC_TRACE : BCC_COUNT).exec(last) ?? [];
  if (traced !== symbol) return `what it traces: ${last}`;
  const known = isTrace
    ? ['-K', '-t', '-C', '-M', options[4] ?? '']
    : ['-c', '-i', '1', '-z', '16', '-I', 'linux/sched.h', '-C'];
  if (!isAmong(options, [known]) || (isTrace && !/^\d+$/.test(options[4] ?? ''))) return 'its options';
  return BCC_TEST.test(test) && values.split(', ').every((value) => BCC_TEST.test(value))
    ? null
    : `a condition or a value: ${last}`;
}

const FETCHES = /^(?:[a-z]\d*=[-+\w$%()@:*.]+ *)*$/;

function wrongWords(tool: TraceTool, words: readonly string[], symbol: string): string | null {
  if (tool === 'bcc') return wrongCommand(words, symbol);
  if (tool === 'bpftrace') {
    return isAmong(words.slice(0, -1), [['bpftrace', '-f', 'json', '-B', 'line', '-e']])
      ? wrongProgram(words.at(-1) ?? '', symbol)
      : 'its options';
  }
  const [program, force, stacks, probe = '', filter = 'CPU == 0', ...more] = words;
  const [, traced, fetches = ''] = /^[pr]:\w{1,63} (\S+) (.*)$/.exec(probe) ?? [];
  return isAmong([program ?? '', force ?? '', stacks ?? ''], [['kprobe', '-F', '-s']]) &&
    more.length === 0 &&
    traced === symbol &&
    FETCHES.test(fetches) &&
    isFilter(filter)
    ? null
    : 'its words';
}

/** Places and members as debug info may have them, and names that it may have as well. */
function typed(random: Random): TypedFunction {
  const odd = () => soup(random, TEXTS, 2);
  return {
    arguments: Array.from({ length: random.below(8) }, (_, i): TypedArgument => {
      const register = ['rdi', 'rsi', 'rdx', 'rcx', 'r8', 'r9'][i];
      return {
        name: random.oneIn(3) ? odd() : `a${i}`,
        declared: random.oneIn(3) ? odd() : 'uint64_t',
        place: register === undefined ? { kind: 'stack', offset: 8 * i } : { kind: 'register', register },
        type: random.pick([
          null,
          { kind: 'pointer' },
          { kind: 'text', isPointer: true },
          { kind: 'integer', size: 4, isSigned: true, means: 'error' },
        ] as const),
        members: random.oneIn(2)
          ? []
          : [{ path: odd(), offsets: [8, 16], type: { kind: 'text', isPointer: false } }],
      };
    }),
    returns: { kind: 'integer', size: 4, isSigned: true, means: 'error' },
  };
}

interface Wanted {
  readonly tool: TraceTool;
  readonly params: TraceParams;
  /** The script of the session, without the functions that it brings. */
  readonly script: string;
}

/** What a tool is to do; null for a refusal that says why. */
function wanted(random: Random, tool: Exclude<TraceTool, 'ftrace'>, params: TraceParams): Wanted | null {
  const installed: InstalledTools = {
    bpftrace: random.pick(VERSIONS),
    bcc: '',
    'perf-tools': '',
    programs: Object.fromEntries(PROGRAMS.map((program) => [program, program])),
  };
  const btf = new Map(random.oneIn(2) ? [] : [[params.symbol, 'zfs']]);
  const script = made(params, () => tracerOf(tool, installed, btf).session.script(params));
  return script === null ? null : { tool, params, script: script.replace(TOOL, '').replace(ALONE, '') };
}

/** The functions that scripts call. */
const VOCABULARY = ['alone', 'modules', 'tool'];

function batch(random: Random): number {
  const shell = random.pick(SHELLS);
  let bytes = 0;
  const all = Array.from({ length: BATCH }, (): Wanted | null => {
    const params = random.oneIn(2) ? wish(random) : { ...wish(random), typed: typed(random) };
    bytes += JSON.stringify(params).length;
    return wanted(random, random.pick(INSTALLABLE), params);
  }).filter((one) => one !== null);
  if (all.length < LEAST_MADE) throw broken('nearly all were refused', String(all.length));
  const calls = callsOf(shell, VOCABULARY, all.map(({ script }) => script).join(''));
  for (const { tool, params } of all) {
    const input = JSON.stringify(params);
    const before = tool === 'perf-tools' ? ['alone', 'modules'] : ['modules'];
    const ran = calls.splice(0, before.length + 1);
    const [, mark, seconds, ...words] = ran.pop() ?? [];
    const names = ran.map(([name]) => name);
    const what =
      JSON.stringify(names) !== JSON.stringify(before) ||
      ran.some(([, first]) => first !== mark) ||
      !/^#zscope-[A-Za-z0-9]{1,16}$/.test(mark ?? '') ||
      !/^\d+$/.test(seconds ?? '')
        ? 'what is called'
        : SYMBOL.test(params.symbol)
          ? wrongWords(tool, words, params.symbol)
          : 'a name';
    if (what !== null) throw broken(`${tool} by ${shell[0]}: ${what}`, input, [...ran, words]);
  }
  if (calls.length > 0) throw broken('more was run than intended', JSON.stringify(calls));
  return bytes;
}

export const toolPrograms: Series = {
  name: 'conditions and names, for the other tools',
  property:
    'a refusal, or a program of bpftrace (four versions), a command of bcc or of perf-tools that traces the named function alone and has no word, sign or text but those that are meant, with which a shell starts the tool, and nothing else',
  batches: 1000,
  batch,
  slow: [],
};
