import * as vscode from 'vscode';
import { isFailure } from '../../core/failure.ts';
import { TOOLS } from '../../core/tracers/tools.ts';
import type { TraceLimit } from '../../core/tracing/events.ts';
import type { TraceParams } from '../../core/tracing/ftrace-program.ts';
import { TRACE_KINDS, type TraceKind } from '../../core/tracing/kinds.ts';
import { SITE_KINDS, tracedName } from '../../core/tracing/sites.ts';
import { ftrace, type Tracer } from '../../target/tracer.ts';
import type { TraceSession } from './trace-session.ts';
import { rateText } from './trace-texts.ts';

/** How a function is to be traced. */
export interface TraceChoice {
  readonly tracer: Tracer;
  readonly kind: TraceKind;
  /** In the words of a person; empty for all calls. */
  readonly condition: string;
  /** The running session that it joins; null for one of its own. */
  readonly join: TraceSession | null;
}

/** What a click alone means. */
export const PLAIN: TraceChoice = { tracer: ftrace, kind: 'calls', condition: '', join: null };

const KIND_TEXTS: Readonly<Record<TraceKind, readonly [label: string, description: string]>> = {
  calls: ['$(list-flat) Calls', 'each call with its arguments and stack'],
  returns: ['$(reply) Returns', 'each call with what it returned and how long it took'],
  errors: ['$(error) Errors Only', 'calls that return an error number, with its name'],
  count: ['$(symbol-number) Count', 'how often, by task; counted in the kernel'],
  latency: ['$(graph) Latency Histogram', 'how long calls take; summed up in the kernel'],
  graph: ['$(type-hierarchy-sub) Call Graph Below', 'what each call calls in ZFS, and how long that takes'],
  callers: ['$(type-hierarchy-super) All Callers', 'who calls it, and who calls them; counted in the kernel'],
  stacks: ['$(call-incoming) Count by Stack', 'from where, and how often; counted in the kernel'],
};

export function kindLabel(kind: TraceKind): string {
  return KIND_TEXTS[kind][0].replace(/^\$\([a-z-]+\) /, '');
}

const LAST_KIND = 'trace.lastKind';
const LAST_CONDITION = 'trace.lastCondition';

interface KindItem extends vscode.QuickPickItem {
  readonly kindOfTrace: TraceKind;
  readonly tracer: Tracer;
  readonly join: TraceSession | null;
}

/**
 * Asks what to find out, the last answer first, and for a condition.
 * @param tracer of a session of its own
 * @param params of the function, for the fields that the condition may ask for
 * @param running sessions on the same target that it can join
 * @throws vscode.CancellationError
 */
export async function chooseKind(
  tracer: Tracer,
  params: TraceParams,
  running: readonly TraceSession[],
  memento: vscode.Memento,
): Promise<TraceChoice> {
  const last = memento.get<string>(LAST_KIND);
  const possible = params.site === undefined ? TRACE_KINDS : SITE_KINDS;
  const kinds = [...possible].sort((a, b) => Number(b === last) - Number(a === last));
  const items: (KindItem | vscode.QuickPickItem)[] = kinds
    .filter((kind) => tracer.can(kind))
    .map((kind) => kindItem(kind, tracer, KIND_TEXTS[kind][1]));
  for (const session of running) {
    if (!session.symbols.includes(tracedName(params)) && possible.includes(session.kind)) {
      items.push({
        label: `$(add) Add to the Running Trace of ${session.symbols.join(', ')}`,
        description: kindLabel(session.kind).toLowerCase(),
        kindOfTrace: session.kind,
        tracer: session.tracer,
        join: session,
      });
    }
  }
  const others = kinds.filter((kind) => !tracer.can(kind));
  if (others.length > 0) {
    items.push(
      { label: `by ftrace, not by ${tracer.id}`, kind: vscode.QuickPickItemKind.Separator },
      ...others.map((kind) => kindItem(kind, ftrace, whyByFtrace(tracer, kind))),
    );
  }
  const item = await vscode.window.showQuickPick(items, {
    title: `Trace ${tracedName(params)}${tracer === ftrace ? '' : ` by ${tracer.id}`} with what?`,
    placeHolder: 'What to find out about each call',
  });
  if (item === undefined || !('kindOfTrace' in item)) {
    throw new vscode.CancellationError();
  }
  const kind = item.kindOfTrace;
  const check = (condition: string) => conditionError(item.tracer, { ...params, kind, condition });
  const kept = memento.get<string>(LAST_CONDITION) ?? '';
  const condition = await vscode.window.showInputBox({
    title: `Trace ${params.symbol}: only calls with...`,
    // One that was for another function may ask for what this one has not.
    value: check(kept) === null ? kept : '',
    placeHolder: 'foid == 34 && comm == "dd"',
    prompt: 'A condition on arguments, comm, pid, cpu, ret, errno or duration; empty for all calls.',
    validateInput: check,
  });
  if (condition === undefined) {
    throw new vscode.CancellationError();
  }
  if (item.join === null) {
    await memento.update(LAST_KIND, kind);
  }
  await memento.update(LAST_CONDITION, condition.trim());
  return { tracer: item.tracer, kind, condition: condition.trim(), join: item.join };
}

function kindItem(kind: TraceKind, tracer: Tracer, description: string): KindItem {
  return { label: KIND_TEXTS[kind][0], description, kindOfTrace: kind, tracer, join: null };
}

function whyByFtrace({ id }: Tracer, kind: TraceKind): string {
  const why = id === 'ftrace' ? undefined : TOOLS[id].unused?.[kind];
  return why === undefined ? KIND_TEXTS[kind][1] : `${KIND_TEXTS[kind][1]}; ${why}`;
}

/** What is wrong with a trace before the target is asked; null when nothing is. */
export function conditionError(tracer: Tracer, params: TraceParams): string | null {
  try {
    tracer.plan(params);
    return null;
  } catch (error) {
    if (isFailure(error)) {
      return error.message;
    }
    throw error;
  }
}

/**
 * A function is called so often that recording each call may slow the target down: the person decides.
 * @param what was recorded: a function
 * @param target what the person calls it
 */
export async function askWhenHot(
  what: string,
  limit: TraceLimit,
  target: string,
): Promise<'anyway' | 'count' | null> {
  const anyway = 'Trace Anyway';
  const count = 'Count Only';
  const answer = await vscode.window.showWarningMessage(
    `${what} had ${rateText(limit)} on ${target}.`,
    {
      modal: true,
      detail:
        'Recording each of them with its stack slows the target down, so the trace was ended. Counting in the kernel costs little.',
    },
    anyway,
    count,
  );
  return answer === anyway ? 'anyway' : answer === count ? 'count' : null;
}
