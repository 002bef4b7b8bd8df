import { sourceName } from '../stack/frame.ts';

/** A text symbol of the running kernel, as /proc/kallsyms lists it. */
export interface KernelSymbol {
  readonly symbol: string;
  /** Null for the kernel itself. */
  readonly module: string | null;
}

/** What the running kernel knows of some names. */
export interface SymbolFacts {
  /** Text symbols of the names asked for, and of their compiler-made forms (`name.isra.0`). */
  readonly symbols: readonly KernelSymbol[];
  /** Symbols in which kprobes are forbidden (/sys/kernel/debug/kprobes/blacklist). */
  readonly blacklisted: readonly string[];
  /** Symbols that ftrace can trace (available_filter_functions); null where that cannot be read. */
  readonly traceable: readonly string[] | null;
  /** Whether a module named zfs is loaded. */
  readonly zfsLoaded: boolean;
}

export type WhyNot =
  | 'clone'
  | 'inlined'
  | 'not-in-module'
  | 'no-module'
  | 'ambiguous'
  | 'blacklisted'
  | 'notrace'
  | 'refused';

export interface Suggestion extends KernelSymbol {
  /** `clone`: a compiled form of the function; `caller`: a function that calls it. */
  readonly kind: 'clone' | 'caller';
}

export interface Verdict {
  readonly reason: WhyNot;
  /** For the person. Holds names of the target's: untrusted. */
  readonly sentence: string;
  /** What can be traced instead, nearest first. */
  readonly suggestions: readonly Suggestion[];
}

export interface WhyNotQuestion {
  /** What was to be traced. */
  readonly symbol: string;
  /** Whether the source that is open defines it. */
  readonly inSource: boolean;
  /** Its callers by the source, then their callers, and so on. */
  readonly callers: readonly (readonly string[])[];
  /** In how many places the debug info of the running build has it inlined; 0 also when that is not known. */
  readonly sites?: number;
  /** What the kernel said when it refused the probe. */
  readonly refusal: string;
  readonly facts: SymbolFacts;
}

/** More than this many would not help a person to choose. */
const SUGGESTIONS = 20;

/** Why a function cannot be traced, and what can be in its place. */
export function whyNot(question: WhyNotQuestion): Verdict {
  const { symbol, inSource, facts, sites = 0 } = question;
  const name = sourceName(symbol);
  const here = facts.symbols.filter((known) => known.symbol === symbol);
  const clones: Suggestion[] = facts.symbols
    .filter((known) => known.symbol !== symbol && isForm(known.symbol, name))
    .map((known) => ({ ...known, kind: 'clone' }));

  if (here.length > 1) {
    return {
      reason: 'ambiguous',
      sentence: `${symbol} is the name of ${here.length} functions of the running kernel: say which module's.`,
      suggestions: distinctModules(here),
    };
  }
  if (here.length === 1) {
    const callers = nearestCallers(question);
    if (facts.blacklisted.includes(symbol)) {
      return {
        reason: 'blacklisted',
        sentence: `${symbol} cannot be traced: the kernel forbids probes in it (kprobes blacklist).`,
        suggestions: [...clones, ...callers],
      };
    }
    if (facts.traceable !== null && !facts.traceable.includes(symbol)) {
      return {
        reason: 'notrace',
        sentence: `${symbol} cannot be traced: it is marked notrace, so the kernel left out what tracing needs.`,
        suggestions: [...clones, ...callers],
      };
    }
    return {
      reason: 'refused',
      sentence: `${symbol} could not be traced: the kernel refused the probe${question.refusal === '' ? '' : ` (${question.refusal.replace(/\.$/, '')})`}.`,
      suggestions: [...clones, ...callers],
    };
  }
  if (clones.length > 0) {
    return {
      reason: 'clone',
      sentence: `${name} has no code under its own name: the compiler made ${clones.length === 1 ? 'another form' : `${clones.length} other forms`} of it.`,
      suggestions: clones,
    };
  }
  const callers = nearestCallers(question);
  if (sites > 0) {
    return {
      reason: 'inlined',
      sentence: `${name} has no code of its own: the compiler inlined it in ${sites === 1 ? 'one place' : `${sites} places`}, where it can be traced.`,
      suggestions: callers,
    };
  }
  if (inSource && callers.length > 0) {
    return {
      reason: 'inlined',
      sentence: `${name} cannot be traced: the compiler inlined it, so it has no code of its own. Its nearest callers have.`,
      suggestions: callers,
    };
  }
  if (!facts.zfsLoaded) {
    return {
      reason: 'no-module',
      sentence: `${name} cannot be traced: the zfs module is not loaded on the target. Load it with "modprobe zfs".`,
      suggestions: [],
    };
  }
  return {
    reason: 'not-in-module',
    sentence: inSource
      ? `${name} is not in the running kernel or its modules: this build leaves it out, or only userland has it.`
      : `There is no function ${name} in the running kernel or its modules.`,
    suggestions: [],
  };
}

/** A compiled form that is entered as the function is; `.cold` parts are jumped into. */
function isForm(symbol: string, name: string): boolean {
  return (symbol === name || symbol.startsWith(`${name}.`)) && !/\.cold(\.|$)/.test(symbol);
}

/** The first generation of callers that has code, with the callers' compiled forms. */
function nearestCallers({ callers, facts }: WhyNotQuestion): Suggestion[] {
  for (const generation of callers) {
    const found = generation.flatMap((name) =>
      facts.symbols.filter(
        (known) => isForm(known.symbol, name) && !facts.blacklisted.includes(known.symbol),
      ),
    );
    if (found.length > 0) {
      return found.slice(0, SUGGESTIONS).map((known) => ({ ...known, kind: 'caller' }));
    }
  }
  return [];
}

function distinctModules(symbols: readonly KernelSymbol[]): Suggestion[] {
  const byModule = new Map<string | null, KernelSymbol[]>();
  for (const known of symbols) {
    byModule.set(known.module, [...(byModule.get(known.module) ?? []), known]);
  }
  // Two of one module cannot be told apart by name: neither can be offered.
  return [...byModule.values()].flatMap(([first, ...more]) =>
    first !== undefined && more.length === 0 ? [{ ...first, kind: 'clone' as const }] : [],
  );
}
