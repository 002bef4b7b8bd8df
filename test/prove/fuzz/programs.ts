/** Conditions and names as a person, a source and a target may have them, down to what a shell makes of them. */
import { spawnSync } from 'node:child_process';
import { isFailure } from '../../../src/core/failure.ts';
import { parseCondition } from '../../../src/core/tracing/conditions/parse.ts';
import {
  type FtraceProgram,
  ftraceProgram,
  type TraceParams,
} from '../../../src/core/tracing/ftrace-program.ts';
import { GRAPH_ROOM, KINDS, TRACE_KINDS } from '../../../src/core/tracing/kinds.ts';
import type { Step } from '../../../src/core/tracing/program/steps.ts';
import { shellWord } from '../../../src/target/collector.ts';
import { sessionScript } from '../../../src/target/collectors/trace-script.ts';
import { findProgram } from '../../support/paths.ts';
import type { Random } from '../../support/random.ts';
import { BATCH, broken, type Series, soup } from './series.ts';

const CONDITIONS = [
  'foid == 34',
  'comm == "dd"',
  'comm ~ "z_*"',
  'pid != 1',
  'flags & 0x10',
  'ret < 0',
  'errno == EIO',
  'duration > 10ms',
  ' && ',
  ' || ',
  '!',
  '(',
  ')',
  '"',
  "'",
  '$(touch /zscope-was-here)',
  '`id`',
  '; echo ran;',
  '\n',
  '\0',
  '\\',
  '-1',
  '18446744073709551616',
  'zp->z_id',
];
const NAMES = [
  'zil_commit',
  'zil_commit.isra.0',
  'a',
  '$x',
  '.',
  '-',
  '_',
  ' ',
  '\n',
  "'",
  '$(id)',
  ':p',
  '/../x',
  '0',
];
const TYPES = [
  'int',
  'uint64_t',
  'char *',
  'const char *',
  'zio_t *',
  'boolean_t',
  'struct x',
  '*',
  'void',
  ' ',
  ')',
];

/** What may stand where a name or a type is meant. */
export const TEXTS = [...NAMES, ...TYPES, ...CONDITIONS];

/** What a filter of ours is made of, one word after the other (Documentation/trace/events.rst, 5.1). */
const FILTER_WORD =
  /\s*(?:[()]|!|&&|\|\||(?:comm|common_pid|CPU|a\d{1,3}|r|ns) (?:(?:[=!]=|[<>]=?|~) (?:0x[0-9a-f]{1,16}|-?\d{1,20}|"[^"'\\]*")|& 0x[0-9a-f]{1,16}))/y;

export function isFilter(text: string): boolean {
  for (FILTER_WORD.lastIndex = 0; FILTER_WORD.lastIndex < text.length; ) {
    if (!FILTER_WORD.test(text)) return false;
  }
  return true;
}

/** An `if` behind the words of a hist trigger. */
const TRIGGER = /^hist:[a-z_.]+=[A-Za-z_.$,:=0-9]+?(?: if (.*))?$/s;

/** What is wrong with a step; null for nothing. Looks at what would go into a file of tracefs. */
function wrongWith(step: Step): string | null {
  if (step.do === 'graph') {
    return [step.symbol, ...step.names].every((name) => /^[A-Za-z_][\w.$]*$/.test(name))
      ? null
      : 'a function';
  }
  const events = step.do === 'measure' ? [step.from, step.to, step.into] : [step.event];
  if (!events.every((event) => /^\w{1,63}$/.test(event))) return 'the name of an event';
  switch (step.do) {
    case 'probe':
      if (!step.places.every((place) => /^(?:\w{1,64}:)?[A-Za-z_][\w.$]*$/.test(place))) return 'a place';
      return [step.fetches, step.lesser].every((text) => /^(?:[a-z]\d*=[-+\w$%()@:*.]+ *)*$/.test(text))
        ? null
        : 'what is fetched';
    case 'filter':
      return isFilter(step.filter) ? null : 'a filter';
    case 'measure':
      return step.filter === null || isFilter(step.filter) ? null : 'a filter';
    case 'synthetic':
      return /^[\w ;]+$/.test(step.fields) ? null : 'the fields of an event';
    case 'trigger':
      return step.texts.every((text) => {
        const condition = TRIGGER.exec(text);
        return condition !== null && isFilter(condition[1] ?? '');
      })
        ? null
        : 'a trigger';
  }
}

/** A condition that may well be one: with any text in its quotes. */
function comparison(random: Random): string {
  const clause = (): string => {
    switch (random.below(4)) {
      case 0:
        return `comm ${random.pick(['==', '!=', '~'])} "${soup(random, TEXTS, 3)}"`;
      case 1:
        return `name ${random.pick(['==', '!=', '~'])} "${soup(random, TEXTS, 1)}"`;
      case 2:
        return `${random.pick(['pid', 'cpu', 'ret', 'errno', 'duration'])} ${random.pick(['==', '<', '>='])} ${random.pick(['1', 'EIO', '10ms', '0x7fffffffffffffff', '-1'])}`;
      default:
        return `${random.oneIn(2) ? '!' : ''}(foid & ${random.below(2 ** 31)})`;
    }
  };
  const clauses = Array.from({ length: random.between(1, 3) }, clause);
  return clauses.join(random.pick([' && ', ' || ']));
}

/** What a person, a source and a target may have a trace asked for. */
export function wish(random: Random): TraceParams {
  const condition = random.oneIn(2) ? comparison(random) : soup(random, CONDITIONS, 5);
  const odd = random.oneIn(3);
  return {
    symbol: odd ? soup(random, NAMES, 3) : 'zil_commit',
    module: random.oneIn(4) ? soup(random, NAMES, 2) : random.pick(['zfs', null]),
    machine: random.pick(['x86_64', 'x86_64', 'aarch64', 's390x']),
    parameters: random.oneIn(5)
      ? null
      : [
          { name: 'zilog', type: 'zilog_t *' },
          { name: 'foid', type: 'uint64_t' },
          { name: 'name', type: 'char *' },
          ...Array.from({ length: random.below(4) }, () => ({
            name: soup(random, [...NAMES, 'flags'], 2),
            type: soup(random, TYPES, 2),
          })),
        ],
    returns: random.oneIn(4) ? soup(random, TYPES, 2) : 'int',
    kind: random.pick(TRACE_KINDS),
    callees: random.oneIn(2) ? [] : [soup(random, NAMES, 2), 'zil_commit_impl', soup(random, NAMES, 3)],
    condition: random.oneIn(4) ? '' : condition,
    maxEvents: random.pick([0, 10, 1e9, Number.NaN]),
    maxSeconds: random.pick([-1, 60, Number.POSITIVE_INFINITY]),
    maxRate: random.pick([0, 500]),
    sessionId: random.oneIn(8) ? soup(random, NAMES, 2) : '5e71',
  };
}

/** What is made of a wish; null for a refusal that says why. @throws Error with the input for anything else */
export function made<T>(input: TraceParams, make: (params: TraceParams) => T): T | null {
  try {
    return make(input);
  } catch (error) {
    if (isFailure(error) && error.code === 'bad-request') return null;
    throw isFailure(error) || !(error instanceof Error) || error.message.includes('for the input')
      ? error
      : broken(`an error: ${error.stack ?? error.message}`, JSON.stringify(input));
  }
}

function checkedProgram(params: TraceParams): FtraceProgram {
  const program = ftraceProgram(params);
  for (const step of program.steps) {
    const what = wrongWith(step);
    if (what !== null) throw broken(`${what} is not as it must be`, JSON.stringify(params), step);
  }
  return program;
}

/** The words that the script of a session is to hand to the functions of the target's script, in order. */
function intended({ steps, kind, stacks, maxEvents, maxSeconds, maxRate }: FtraceProgram): string[][] {
  const { how, pairs } = KINDS[kind];
  const words = (step: Step): string[] => {
    switch (step.do) {
      case 'probe':
        return ['attach', step.type, step.event, step.fetches, step.lesser, ...step.places];
      case 'synthetic':
        return ['synthetic', step.event, step.fields];
      case 'graph':
        return ['graph', step.symbol, step.names.join(' ')];
      case 'filter':
        return ['filter', step.event, step.filter];
      case 'trigger':
        return ['trigger', step.group, step.event, ...step.texts];
      case 'measure':
        return ['measure', step.from, step.to, step.into, step.filter === null ? '' : ` if ${step.filter}`];
    }
  };
  const isProbe = (step: Step) => step.do === 'probe';
  // What belongs together may be of several processors, and is told by the order of its lines.
  const isOrdered = pairs || kind === 'graph';
  return [
    ['begin', '#zscope-5e71', '5e71'],
    ...steps.filter(isProbe).map(words),
    ['ready', isOrdered ? 'global' : 'local', stacks ? '1' : '0'],
    ...steps.filter((step) => !isProbe(step)).map(words),
    how === 'tally'
      ? ['tally', String(maxSeconds)]
      : [
          'record',
          String(kind === 'graph' ? maxEvents * GRAPH_ROOM : maxEvents),
          ...[maxSeconds, maxRate, (pairs ? 2 : 1) * (stacks ? 2 : 1)].map(String),
          isOrdered ? 'lines' : 'pages',
        ],
  ];
}

const VOCABULARY = [
  'begin',
  'attach',
  'ready',
  'synthetic',
  'filter',
  'trigger',
  'measure',
  'graph',
  'record',
  'tally',
  'word',
];

/** What a shell does with a script that may call these functions only: their calls, told back by it. */
export function callsOf(shell: readonly string[], vocabulary: readonly string[], script: string): string[][] {
  const [program = '', ...args] = shell;
  // Each function says its name, how many words it was given, and these, with NUL behind each.
  const stubs = vocabulary.map((name) => `${name}() { printf '%s\\0' ${name} $# "$@"; }\n`).join('');
  const { stdout, stderr, status } = spawnSync(program, args, {
    input: `${stubs}PATH=/nowhere\n${script}`,
    env: {},
    maxBuffer: 256 * 1024 * 1024,
  });
  if (status !== 0 || stderr.length > 0) {
    throw new Error(`${program} ended with ${status}: ${stderr.toString().slice(0, 500)}`);
  }
  const words = stdout.toString().split('\0');
  const calls: string[][] = [];
  for (let at = 0; at < words.length - 1; ) {
    const end = at + 2 + Number(words[at + 1]);
    calls.push([words[at] ?? '', ...words.slice(at + 2, end)]);
    at = end;
  }
  return calls;
}

/** The shells of targets that are here. */
export const SHELLS: readonly (readonly string[])[] = [
  ['dash', ''],
  ['bash', '--posix'],
  ['busybox', 'sh'],
].flatMap(([name = '', option = '']) => {
  const found = findProgram(name);
  return found === undefined ? [] : [option === '' ? [found] : [found, option]];
});

/** Programs that a batch has to come to at the least: where all is refused nothing is shown. A quarter are not refused. */
export const LEAST_MADE = BATCH / 20;

function batch(random: Random): number {
  const shell = random.pick(SHELLS);
  let bytes = 0;
  let script = '';
  let programs = 0;
  const wanted: string[][] = [];
  for (let i = 0; i < BATCH; i++) {
    const params = wish(random);
    bytes += JSON.stringify(params).length;
    const program = made(params, checkedProgram);
    if (program === null) {
      // What is refused as a program still has to be a word of a shell that does nothing.
      const word = soup(random, [...CONDITIONS, ...NAMES], 6).replaceAll('\0', '');
      script += `word ${shellWord(word)} end\n`;
      wanted.push(['word', word, 'end']);
    } else {
      programs += 1;
      script += sessionScript(program, { sessionId: '5e71', machine: 'x86_64' });
      wanted.push(...intended(program));
    }
  }
  if (programs < LEAST_MADE) throw broken('nearly all were refused', String(programs));
  const calls = callsOf(shell, VOCABULARY, script);
  for (const [at, call] of wanted.entries()) {
    if (JSON.stringify(calls[at]) !== JSON.stringify(call)) {
      throw broken(`${shell.join(' ')} ran another program`, JSON.stringify(call), calls[at]);
    }
  }
  if (calls.length !== wanted.length) throw broken('more was run than intended', script);
  return bytes;
}

const read = (text: string) => () => {
  try {
    parseCondition(text);
  } catch (error) {
    if (!isFailure(error)) throw error;
  }
};
const named = (symbol: string, type: string) => () => {
  try {
    ftraceProgram({
      symbol,
      module: 'zfs',
      machine: 'x86_64',
      parameters: [{ name: symbol, type }],
      returns: type,
      kind: 'returns',
      sessionId: '5e71',
      maxEvents: 1,
      maxSeconds: 1,
    });
  } catch (error) {
    if (!isFailure(error)) throw error;
  }
};

export const programs: Series = {
  name: 'conditions and names',
  property: `a refusal, or a program whose probes, filters and triggers have the one form that is meant, and of which ${SHELLS.map(([file = '']) => file.split('/').at(-1)).join(', ')} call each function with exactly the words meant, and nothing else`,
  batches: 1000,
  batch,
  slow: [
    { what: 'a long condition', of: (bytes) => read('a==1&&'.repeat(bytes / 6)) },
    { what: 'a condition of blanks', of: (bytes) => read(' '.repeat(bytes)) },
    { what: 'a long name', of: (bytes) => named('a'.repeat(bytes), 'int') },
    { what: 'a long type', of: (bytes) => named('a', `unsigned ${'long '.repeat(bytes / 5)}`) },
    { what: 'a type of blanks', of: (bytes) => named('a', `a${' '.repeat(bytes)}b`) },
    { what: 'a type of stars', of: (bytes) => named('a', `a${'* '.repeat(bytes / 2)}`) },
    { what: 'a type of parentheses', of: (bytes) => named('a', '('.repeat(bytes)) },
    { what: 'a word of quotes', of: (bytes) => () => shellWord("'".repeat(bytes)) },
  ],
};
