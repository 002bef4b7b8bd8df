import { sourceName, type Trace } from '../stack/frame.ts';
import type { DebugLine } from '../symbols/location.ts';
import type { InlinedSite } from '../symbols/value-type.ts';
import type { CallEvent, TraceTally } from './events.ts';
import { KINDS, TRACE_KINDS, type TraceKind } from './kinds.ts';

/** A place where a function was inlined, for a probe at its exact instruction. */
export interface ProbeSite {
  /** Symbol whose code it is in. */
  readonly symbol: string;
  /** Bytes from the symbol's start. */
  readonly offset: number;
  /** For a person: `zil_commit_impl, zil.c:3194`. */
  readonly at: string;
  /** The build of the module that has it there; absent where nobody has to check that. */
  readonly buildId?: string;
}

/** What can be found out there: inlined code does not return. */
export const SITE_KINDS: readonly TraceKind[] = TRACE_KINDS.filter(
  (kind) => !KINDS[kind].returns && kind !== 'graph',
);

const IN = ' (inlined in ';

/** What a traced function is called: `zil_commit`, `list_del (inlined in zil_commit_impl, zil.c:3194)`. */
export function tracedName({ symbol, site }: { readonly symbol: string; readonly site?: ProbeSite }): string {
  return site === undefined ? symbol : `${symbol}${IN}${site.at})`;
}

/**
 * What a traced function is called in every build: without the suffixes of compiled forms, and of inlined code
 * without the line, which is another one after the next edit.
 */
export function acrossBuilds(name: string): string {
  const symbol = functionOf(name);
  if (symbol === name) {
    return sourceName(name);
  }
  const [holder = ''] = name.slice(symbol.length + IN.length).split(/[,)]/, 1);
  return `${symbol}${IN}${sourceName(holder)})`;
}

/** The function of a name that {@link tracedName} made. */
export function functionOf(name: string): string {
  // Asked for each call: names are long, and most are just symbols.
  const end = name.indexOf(IN);
  return end < 0 ? name : name.slice(0, end);
}

/**
 * The stack of a call of inlined code as that of any call: with addresses behind those that are meant. The innermost
 * is the probe's own, and only x86 has it behind its breakpoint already (arch/x86/kernel/kprobes, INT3_INSN_SIZE).
 * @param name as {@link tracedName} made it; the stacks of other functions stay what they are
 * @param machine `uname -m`
 */
export function behindProbe(stack: Trace, name: string, machine: string): Trace {
  const [top, ...callers] = stack;
  return top === undefined || machine === 'x86_64' || functionOf(name) === name
    ? stack
    : [{ ...top, offset: top.offset + 1 }, ...callers];
}

/** A call with its stack as {@link behindProbe} has it. */
export function callBehindProbe(call: CallEvent, machine: string): CallEvent {
  const stack = behindProbe(call.stack, call.symbol, machine);
  return stack === call.stack ? call : { ...call, stack };
}

/** The same of sums by stack. */
export function tallyBehindProbe(tally: TraceTally, machine: string): TraceTally {
  return tally.of === 'stacks'
    ? {
        ...tally,
        rows: tally.rows.map((row) => ({ ...row, stack: behindProbe(row.stack, tally.symbol, machine) })),
      }
    : tally;
}

/** Names for all places of one function, in their order: those that would be called the same have their offset too. */
export function probeSites(sites: readonly InlinedSite[]): ProbeSite[] {
  const texts = sites.map(siteText);
  const counts = new Map<string, number>();
  for (const text of texts) {
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return sites.map(({ symbol, offset }, i) => {
    const text = texts[i] ?? symbol;
    const isOnly = counts.get(text) === 1;
    return { symbol, offset, at: isOnly ? text : `${text} +0x${offset.toString(16)}` };
  });
}

/** The lines of the calls on the way outwards: `list_remove_head, list.h:130, in zil_commit_writer, zil.c:3194`. */
export function callersText(callers: readonly DebugLine[]): string {
  return callers.map((caller) => `${caller.function}, ${lineText(caller)}`).join(', in ');
}

/** Headers are full of small functions that call each other: the first line outside of them tells more. */
function siteText({ symbol, callers }: InlinedSite): string {
  const line = callers.find(({ path }) => !path.endsWith('.h')) ?? callers[0];
  return line === undefined ? symbol : `${symbol}, ${lineText(line)}`;
}

function lineText({ path, line }: DebugLine): string {
  return `${path.slice(path.lastIndexOf('/') + 1)}:${line}`;
}
