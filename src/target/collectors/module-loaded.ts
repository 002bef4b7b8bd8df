import { Failure } from '../../core/failure.ts';
import { type Collector, shellWord } from '../collector.ts';

/**
 * Lines of shell that print the state of a module: `live` where it is loaded and has begun to run. One that is part of
 * the kernel has no state file (kernel/params.c); one that is on its way in or out has another state
 * (kernel/module/main.c, show_initstate).
 * @param sys where sysfs is mounted
 */
export const moduleState = (module: string, sys = '/sys') =>
  `module=${shellWord(sys)}/module/${module.replaceAll('-', '_')} state=none
[ ! -d "$module" ] || { state=live; [ ! -e "$module/initstate" ] || read -r state <"$module/initstate"; }
echo "$state"
`;

/** Whether a module is there for probes. */
export const isModuleLoaded: Collector<{ readonly module: string }, boolean> = {
  name: 'module-loaded',
  title: 'Whether a module is loaded',
  grade: 'observe',
  needsRoot: false,
  timeoutMs: 20_000,
  script: ({ module }) => {
    if (!/^[\w-]{1,64}$/.test(module)) {
      throw new Failure('bad-request', 'This is no name of a module.');
    }
    return moduleState(module);
  },
  decode: (output) => output.trim() === 'live',
};
