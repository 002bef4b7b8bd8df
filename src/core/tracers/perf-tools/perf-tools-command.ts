import { Failure } from '../../failure.ts';
import { type FtraceProgram, ftraceProgram, type TraceParams } from '../../tracing/ftrace-program.ts';
import { noSites } from '../tool-request.ts';

/** A command line of one of perf-tools, and what its output is of: the kernel's own lines. */
export interface PerfToolsCommand {
  readonly program: FtraceProgram;
  /** Behind the program's own name. */
  readonly options: readonly string[];
}

/**
 * `kprobe` takes a probe as the kernel has it, and its filter.
 * @throws Failure `bad-request` as {@link ftraceProgram} does, and for what takes more than one probe
 */
export function perfToolsCommand(params: TraceParams): PerfToolsCommand {
  if (params.site !== undefined) {
    throw noSites(params.symbol);
  }
  const program = ftraceProgram(params);
  const probe = program.steps.find((step) => step.do === 'probe');
  const filter = program.steps.find((step) => step.do === 'filter');
  if (probe === undefined || program.steps.length > (filter === undefined ? 1 : 2)) {
    throw new Failure(
      'bad-request',
      'perf-tools cannot find this out.',
      'Choose another tool (zscope.trace.tool).',
    );
  }
  const type = probe.type.startsWith('r') ? 'r' : 'p';
  // It looks names up in a list that has no modules.
  const options = ['-F', '-s', `${type}:${probe.event} ${params.symbol} ${probe.fetches}`];
  return { program, options: filter === undefined ? options : [...options, filter.filter] };
}
