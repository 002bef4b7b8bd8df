import type { Collector } from '../collector.ts';

export interface TraceableFunctionsParams {
  /** Modules whose functions are wanted. */
  readonly modules: readonly string[];
}

export interface TraceableFunction {
  readonly symbol: string;
  readonly module: string;
}

/** Functions at most: ZFS 2.3 has some 13,000. */
const MOST = 100_000;

/** The functions of these modules that the kernel can trace (kernel/trace/ftrace.c, available_filter_functions). */
export const traceableFunctions: Collector<TraceableFunctionsParams, readonly TraceableFunction[]> = {
  name: 'traceable-functions',
  title: 'Which functions of ZFS can be traced',
  grade: 'observe',
  needsRoot: true,
  timeoutMs: 60_000,
  script: ({ modules }) => {
    const names = modules.filter((module) => /^\w{1,64}$/.test(module));
    // A name once, behind its module: most of what is sent is names.
    return `for file in /sys/kernel/tracing/available_filter_functions /sys/kernel/debug/tracing/available_filter_functions; do
  [ -r $file ] || continue
  awk -v want=' ${names.join(' ')} ' '
    NF == 2 {
      module = substr($2, 2, length($2) - 2)
      if (!index(want, " " module " ")) next
      if (module != last) { print "[" module; last = module }
      print $1
    }' $file
  break
done
exit 0
`;
  },
  decode: (output) => {
    const found: TraceableFunction[] = [];
    let module = '';
    for (const line of output.split('\n')) {
      if (line.startsWith('[')) {
        module = line.slice(1, 65);
      } else if (/^[A-Za-z_][\w.$]{0,254}$/.test(line) && found.length < MOST) {
        found.push({ symbol: line, module });
      }
    }
    return found;
  },
};
