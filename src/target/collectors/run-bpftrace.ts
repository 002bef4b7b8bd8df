import { checkSessionId, type TraceSessionId } from '../../core/tracing/ftrace-program.ts';
import type { Collector, LineDecoder, StreamCollector } from '../collector.ts';
import { markOf } from './trace-script.ts';
import { TOOL, toolCall } from './trace-tool.ts';

export interface RunBpftraceParams extends TraceSessionId {
  /** A program as a person wrote it. */
  readonly program: string;
  /** It is ended after this time. */
  readonly maxSeconds: number;
}

/** What a run of a person's program tells. All text is untrusted. */
export type BpftraceRunEvent =
  | { readonly kind: 'line'; readonly text: string }
  /** Its process, for {@link interruptTool}. */
  | { readonly kind: 'pid'; readonly pid: number }
  | { readonly kind: 'limit' }
  /** Exit status of bpftrace. */
  | { readonly kind: 'ended'; readonly status: number };

/** Longest program in UTF-16 units: it is one argument of a command (MAX_ARG_STRLEN is 128 KiB). */
export const LONGEST_PROGRAM = 30_000;

/**
 * Runs a program of bpftrace as it stands. bpftrace itself refuses what could change more than the trace: without
 * `--unsafe` there is no system(), signal() or override().
 */
export const runBpftrace: StreamCollector<RunBpftraceParams, BpftraceRunEvent, TraceSessionId> = {
  name: 'run-bpftrace',
  title: 'A bpftrace program of the editor',
  grade: 'trace',
  needsRoot: true,
  script({ program, sessionId, maxSeconds }) {
    checkSessionId(sessionId);
    // Lines keep their numbers: messages name them.
    const text = program.replace(/^#!.*/, '').replaceAll('\r\n', '\n').slice(0, LONGEST_PROGRAM);
    const words = ['bpftrace', '-B', 'line', '-e', text];
    return `${TOOL}${toolCall(words, {}, maxSeconds, markOf(sessionId))}`;
  },
  // Its probes end with its process.
  cleanup: () => '',
  decoder: ({ sessionId }) => new RunDecoder(sessionId),
};

class RunDecoder implements LineDecoder<BpftraceRunEvent> {
  readonly #mark: string;

  constructor(sessionId: string) {
    this.#mark = `${markOf(sessionId)} `;
  }

  line(text: string): readonly BpftraceRunEvent[] {
    if (!text.startsWith(this.#mark)) {
      return [{ kind: 'line', text }];
    }
    const [word, detail = ''] = text.slice(this.#mark.length).split(' ');
    switch (word) {
      case 'pid':
        return /^\d{1,10}$/.test(detail) ? [{ kind: 'pid', pid: Number(detail) }] : [];
      case 'limit':
        return [{ kind: 'limit' }];
      case 'ended':
        return [{ kind: 'ended', status: Number(detail) }];
      default:
        return [];
    }
  }

  end(): readonly BpftraceRunEvent[] {
    return [];
  }
}

/**
 * Asks bpftrace to end by itself, so that it still prints its maps; what ends a stream leaves it no time for that.
 * Only a child of a shell that calls itself `zscope` is signalled, as the one of a run does.
 */
export const interruptTool: Collector<{ readonly pid: number }, null> = {
  name: 'interrupt-tool',
  title: 'End of a bpftrace program, with what it summed up',
  grade: 'trace',
  needsRoot: true,
  timeoutMs: 20_000,
  script: ({ pid }) => `
while read -r key parent; do
  [ "$key" = PPid: ] || continue
  read -r comm </proc/$parent/comm && [ "$comm" = zscope ] && kill -INT ${Math.floor(pid)}
done </proc/${Math.floor(pid)}/status 2>/dev/null
exit 0
`,
  decode: () => null,
};
