import { Failure } from '../../core/failure.ts';
import { FunctionNames } from '../../core/tracing/function-names.ts';
import type { Collector } from '../collector.ts';

/**
 * The functions that the kernel lets be traced: available_filter_functions, about 1.5 MB. The kernel looks the name of
 * each up while it is read, which takes half a second.
 */
export const traceableFunctions: Collector<Record<never, never>, FunctionNames> = {
  name: 'traceable-functions',
  title: 'Which functions can be traced',
  grade: 'observe',
  needsRoot: true,
  timeoutMs: 60_000,
  script: () => `for tracefs in /sys/kernel/tracing /sys/kernel/debug/tracing; do
  [ -r "$tracefs/available_filter_functions" ] && exec cat "$tracefs/available_filter_functions"
done
exit 0
`,
  decode: (output) => {
    const names = new FunctionNames(output);
    if (names.count === 0) {
      throw new Failure(
        'no-tracefs',
        'The target does not list the functions that can be traced: it has no tracefs, or its kernel no ftrace.',
      );
    }
    return names;
  },
};
