import { ZFS_MODULES } from '../../zfs/zfs-modules.ts';
import type { FtraceProgram } from '../ftrace-program.ts';
import { KINDS } from '../kinds.ts';
import type { Step } from './steps.ts';

/** Stands for the names that each session has of its own. */
const NAME = 'zscope_own';
const INSTANCE = `instances/${NAME}`;

/**
 * What the target is made to do, as a script that a person can read, change and run again as root. It is what the
 * session does but for its limits, its clean-up and the retries for older kernels.
 * @param programs of all functions of the session, which are of one kind
 */
export function programText(...programs: readonly [FtraceProgram, ...FtraceProgram[]]): string {
  const [{ kind, stacks }] = programs;
  const isTally = KINDS[kind].how === 'tally';
  const group = `${INSTANCE}/events/${NAME}`;
  const steps = programs.flatMap((program) => program.steps);
  const probes = steps.filter((step) => step.do === 'probe');
  const sums = programs.map(({ event, durationEvent }) =>
    durationEvent === null ? `${group}/${event}/hist` : `${INSTANCE}/events/synthetic/${durationEvent}/hist`,
  );
  const undo = [
    ...(isTally ? [...steps].reverse().flatMap((step) => untriggered(step)) : [`echo 0 >${group}/enable`]),
    ...(kind === 'graph'
      ? [`echo 0 >${INSTANCE}/options/funcgraph-proc`, `echo 0 >${INSTANCE}/options/funcgraph-abstime`]
      : []),
    `rmdir ${INSTANCE}`,
    ...programs.flatMap(({ event, returnEvent, durationEvent }) => [
      ...[returnEvent, event].flatMap((name) =>
        name === null ? [] : `echo '-:${NAME}/${name}' >>kprobe_events`,
      ),
      ...(durationEvent === null ? [] : [`echo '!${durationEvent}' >>synthetic_events`]),
    ]),
  ];
  return `${[
    'cd /sys/kernel/tracing',
    ...probes.map(stepText),
    `mkdir ${INSTANCE}`,
    ...(isTally || !stacks ? [] : [`echo 1 >${INSTANCE}/options/stacktrace`]),
    ...(isTally ? [] : [`echo 1 >${INSTANCE}/options/sym-offset`]),
    ...steps.filter((step) => step.do !== 'probe').map(stepText),
    ...(isTally
      ? ['sleep 10', `cat ${sums.join(' ')}`]
      : [`echo 1 >${group}/enable`, `timeout 10 cat ${INSTANCE}/trace_pipe`]),
    '# Undo it:',
    ...undo,
  ].join('\n')}\n`;
}

/** What the spl gives is memory and locks, called so often that nothing else would be left in the buffer. */
const GRAPH_MODULES = ZFS_MODULES.filter((module) => module !== 'spl');

/**
 * Of an awk program: prints the numbers of the lines with the functions of `names` and their compiled forms, among those of
 * ZFS's modules (`name [module]`, kernel/trace/ftrace.c t_show). The kernel takes them for names (ftrace.rst, 5.1).
 */
export const GRAPH_LINES = `BEGIN { split(names, list, " "); for (i in list) wanted[list[i]] } $2 ~ /^\\[(${GRAPH_MODULES.join('|')})\\]$/ { name = $1; sub(/\\..*/, "", name); if (name in wanted) print NR }`;

function stepText(step: Step): string {
  switch (step.do) {
    case 'probe': {
      const place = step.places[0] ?? '';
      const probe = `${step.type}:${NAME}/${step.event} ${place} ${step.fetches}`.trimEnd();
      return `echo '${probe}' >>kprobe_events`;
    }
    case 'synthetic':
      return `echo '${step.event} ${step.fields}' >>synthetic_events`;
    case 'graph':
      // The numbers of the lines name functions faster than their names do.
      return [
        `echo $(awk -v symbol='${step.symbol}' -v names='${step.names.join(' ')}' '$1 == symbol { print NR; next } ${GRAPH_LINES}' available_filter_functions) >${INSTANCE}/set_ftrace_filter`,
        `echo 1 >${INSTANCE}/options/funcgraph-proc`,
        `echo 1 >${INSTANCE}/options/funcgraph-abstime`,
        `echo function_graph >${INSTANCE}/current_tracer`,
      ].join('\n');
    case 'filter':
      return `echo '${step.filter}' >${INSTANCE}/events/${NAME}/${step.event}/filter`;
    default:
      return trigger(step, '');
  }
}

/** Triggers hold the instance, those of returns the ones of entries: they go in the other order. */
function untriggered(step: Step): string[] {
  return step.do === 'trigger' || step.do === 'measure' ? [trigger(step, '!')] : [];
}

function trigger(step: Extract<Step, { do: 'trigger' | 'measure' }>, before: string): string {
  const isOwn = step.do === 'measure' || step.group === 'probe';
  const event = step.do === 'measure' ? step.to : step.event;
  const text =
    step.do === 'measure'
      ? `hist:keys=common_pid:ns=common_timestamp-$t:size=16384:onmatch(${NAME}.${step.from}).trace(${step.into},$ns)${step.filter === null ? '' : ` if ${step.filter}`}`
      : (step.texts[0] ?? '');
  return `echo '${before}${text}' >>${INSTANCE}/events/${isOwn ? NAME : 'synthetic'}/${event}/trigger`;
}
