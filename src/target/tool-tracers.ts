import { Failure } from '../core/failure.ts';
import { bccCommand } from '../core/tracers/bcc/bcc-command.ts';
import { bccOutput } from '../core/tracers/bcc/bcc-output.ts';
import { BpftraceOutput } from '../core/tracers/bpftrace/bpftrace-output.ts';
import { bpftraceProgram } from '../core/tracers/bpftrace/bpftrace-program.ts';
import { perfToolsCommand } from '../core/tracers/perf-tools/perf-tools-command.ts';
import { PerfToolsOutput } from '../core/tracers/perf-tools/perf-tools-output.ts';
import { toolRequest } from '../core/tracers/tool-request.ts';
import {
  canTrace,
  type InstalledTools,
  TOOLS,
  type ToolProgram,
  type TraceTool,
  toolVersion,
} from '../core/tracers/tools.ts';
import type { TraceParams } from '../core/tracing/ftrace-program.ts';
import { shellWord } from './collector.ts';
import { ALONE, perfToolsCleanup } from './collectors/perf-tools-shell.ts';
import { markOf } from './collectors/trace-script.ts';
import { type ToolRun, toolCollector } from './collectors/trace-tool.ts';
import { ftrace, type Tracer } from './tracer.ts';

/** What is run for a trace, and how a person would run it. */
interface Planned extends ToolRun {
  readonly text: string;
  readonly seesReturns: boolean;
}

/**
 * The tracer of a tool as it is installed on a target.
 * @param btf functions that the target's BTF has, with their modules (collectors/btf-functions.ts); none where that is not asked
 * @throws Failure `not-traceable` when it is not installed
 */
export function tracerOf(
  tool: TraceTool,
  installed: InstalledTools,
  btf: ReadonlyMap<string, string> = new Map(),
): Tracer {
  if (tool === 'ftrace') {
    return ftrace;
  }
  if (installed[tool] === null) {
    throw new Failure(
      'not-traceable',
      `${TOOLS[tool].label} is not installed on the target.`,
      `Install ${TOOLS[tool].packages} there, or choose ftrace, which needs nothing.`,
    );
  }
  const plan = (params: TraceParams) => planOf(tool, installed, params, btf);
  return {
    id: tool,
    plan: (params) => {
      const { text, seesReturns } = plan(params);
      return { text, seesReturns };
    },
    session: toolCollector(
      `trace-${tool}`,
      `Calls of a function, by ${TOOLS[tool].label}`,
      plan,
      tool === 'perf-tools' ? perfToolsCleanup : () => '',
    ),
    join: null,
    endsAtLimits: ENDS_AT_LIMITS.has(tool),
    can: (kind) => canTrace(tool, kind) && programOf(tool, installed, kind) !== null,
  };
}

type Installable = Exclude<TraceTool, 'ftrace'>;

/** Those whose programs count calls and their rate themselves. */
const ENDS_AT_LIMITS: ReadonlySet<Installable> = new Set(['bpftrace']);

/** Those that print what they hold when they are asked to end (SIGTERM): Python and a shell's cat end at once. */
const DRAINS: ReadonlySet<Installable> = new Set(['bpftrace']);

function programOf(
  tool: Installable,
  { programs }: InstalledTools,
  kind: TraceParams['kind'],
): string | null {
  const program: ToolProgram | undefined = TOOLS[tool].kinds[kind ?? 'calls'];
  return (program === undefined ? undefined : programs[program]) ?? null;
}

function planOf(
  tool: Installable,
  installed: InstalledTools,
  params: TraceParams,
  btf: ReadonlyMap<string, string>,
): Planned {
  const program = programOf(tool, installed, params.kind);
  if (program === null) {
    throw new Failure(
      'bad-request',
      `${TOOLS[tool].label} on the target cannot find this out.`,
      'Choose another tool (zscope.trace.tool), or something else to find out.',
    );
  }
  if (tool === 'bpftrace') {
    const request = toolRequest(params, { duration: true, argumentsAtReturn: true });
    const script = bpftraceProgram(request, toolVersion(installed.bpftrace ?? ''), btf);
    return {
      words: [program, '-f', 'json', '-B', 'line', '-e', script.text],
      environment: {},
      endsAtLimits: ENDS_AT_LIMITS.has(tool),
      drains: DRAINS.has(tool),
      before: '',
      output: (moduleOf) => new BpftraceOutput(script, moduleOf),
      text: script.text,
      seesReturns: request.seesReturn,
    };
  }
  if (tool === 'perf-tools') {
    const { program: traced, options } = perfToolsCommand(params);
    const words = [program, ...options];
    return {
      words,
      environment: {},
      endsAtLimits: ENDS_AT_LIMITS.has(tool),
      drains: DRAINS.has(tool),
      before: `${ALONE}alone ${[markOf(params.sessionId), params.sessionId, traced.event].map(shellWord).join(' ')}\n`,
      output: (moduleOf) => new PerfToolsOutput({ program: traced, options }, moduleOf),
      text: `${words.map(shellWord).join(' ')}\n`,
      seesReturns: traced.returns !== null,
    };
  }
  const request = toolRequest(params, { duration: false, argumentsAtReturn: false });
  const command = bccCommand(request);
  const words = [program, ...command.options];
  return {
    words,
    environment: {},
    endsAtLimits: ENDS_AT_LIMITS.has(tool),
    drains: DRAINS.has(tool),
    before: '',
    output: (moduleOf) => bccOutput(command, moduleOf),
    text: `${words.map(shellWord).join(' ')}\n`,
    seesReturns: request.seesReturn,
  };
}
