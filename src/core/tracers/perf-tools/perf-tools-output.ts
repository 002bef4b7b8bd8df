import type { TraceStreamEvent } from '../../tracing/events.ts';
import { FtraceOutput } from '../../tracing/ftrace-output.ts';
import { Programs } from '../../tracing/program/programs.ts';
import type { ModuleOf, ToolOutput } from '../tool-trace.ts';
import type { PerfToolsCommand } from './perf-tools-command.ts';

/** ` => zil_commit+0x5/0x110`, the module left out where the option sym-offset is not set. */
const BARE = /^ => ([^\s+]{1,511})$/;

/** Reads what `kprobe` copies of trace_pipe, and passes over what it says of itself. */
export class PerfToolsOutput implements ToolOutput {
  readonly #output: FtraceOutput;
  readonly #moduleOf: ModuleOf;

  constructor({ program }: PerfToolsCommand, moduleOf: ModuleOf) {
    this.#output = new FtraceOutput(new Programs(program));
    this.#moduleOf = moduleOf;
  }

  line(text: string): readonly TraceStreamEvent[] | null {
    if (/^(?:Tracing |Ending tracing|WARNING: |ERROR: )/.test(text)) {
      return null;
    }
    const bare = BARE.exec(text)?.[1];
    if (bare === undefined) {
      return this.#output.line(text);
    }
    const module = this.#moduleOf(bare);
    return this.#output.line(` => ${bare}+0x0${module === null ? '' : ` [${module}]`}`);
  }

  end(): readonly TraceStreamEvent[] {
    return this.#output.end();
  }
}
