import { checkSessionId, type TraceSessionId } from '../../core/tracing/ftrace-program.ts';
import type { Collector, LineDecoder, StreamCollector } from '../collector.ts';
import { markOf } from './trace-script.ts';
import { PRELUDE } from './trace-shell.ts';
import { TOOL, toolCall } from './trace-tool.ts';

export interface RunProgramParams extends TraceSessionId {
  /** A program as a person wrote it. */
  readonly program: string;
  /** It is ended after this time. */
  readonly maxSeconds: number;
}

/** What a run of a person's program tells. All text is untrusted. */
export type ProgramRunEvent =
  | { readonly kind: 'line'; readonly text: string }
  /** Its process, for {@link interruptTool}. */
  | { readonly kind: 'pid'; readonly pid: number }
  | { readonly kind: 'limit' }
  /** Its exit status. */
  | { readonly kind: 'ended'; readonly status: number };

/** Longest program in UTF-16 units: it is one argument of a command (MAX_ARG_STRLEN is 128 KiB). */
export const LONGEST_PROGRAM = 30_000;

/**
 * Runs a program of bpftrace as it stands. bpftrace itself refuses what could change more than the trace: without
 * `--unsafe` there is no system(), signal() or override().
 */
export const runBpftrace: StreamCollector<RunProgramParams, ProgramRunEvent, TraceSessionId> = {
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

class RunDecoder implements LineDecoder<ProgramRunEvent> {
  readonly #mark: string;

  constructor(sessionId: string) {
    this.#mark = `${markOf(sessionId)} `;
  }

  line(text: string): readonly ProgramRunEvent[] {
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

  end(): readonly ProgramRunEvent[] {
    return [];
  }
}

/** The instance and the group of probes in a trace's program as it is shown (core/tracing/program/program-text.ts). */
const SHOWN_NAME = 'zscope_own';

const ownName = (sessionId: string) => `${SHOWN_NAME}_${sessionId}`;

/**
 * Runs a shell program as root, as it stands but for the name of a trace's own instance: so two of them do not meet, and
 * what is left of one that was killed is removed. One that is asked to end goes on behind the command that it waits for, with
 * its last lines, which undo what it did.
 */
export const runShell: StreamCollector<RunProgramParams, ProgramRunEvent, TraceSessionId> = {
  name: 'run-shell',
  title: 'A shell program of the editor, as root',
  // What it does is for who wrote it to know.
  grade: 'change',
  needsRoot: true,
  script({ program, sessionId, maxSeconds }) {
    checkSessionId(sessionId);
    const text = program
      .replaceAll('\r\n', '\n')
      .slice(0, LONGEST_PROGRAM)
      .replaceAll(SHOWN_NAME, ownName(sessionId));
    // Behind the first sign of a line, so that lines keep their numbers: messages name them.
    return `${TOOL}${toolCall(['sh', '-c', `trap : TERM; ${text}`], {}, maxSeconds, markOf(sessionId))}`;
  },
  cleanup({ sessionId }) {
    checkSessionId(sessionId);
    return `${PRELUDE}
[ -n "$tracefs" ] && wipe ${ownName(sessionId)}
exit 0
`;
  },
  decoder: ({ sessionId }) => new RunDecoder(sessionId),
};

/**
 * Asks a program to end by itself: bpftrace still prints its maps, a shell undoes what it did; what ends a stream leaves them
 * no time for that. bpftrace takes SIGINT; a shell's is ignored when it was started in the background, so that it
 * and what it waits for get SIGTERM.
 * Only a child of a shell that calls itself `zscope` is signalled, as the one of a run does.
 */
export const interruptTool: Collector<{ readonly pid: number; readonly signal: 'INT' | 'TERM' }, null> = {
  name: 'interrupt-tool',
  title: 'End of a program of the editor',
  grade: 'trace',
  needsRoot: true,
  timeoutMs: 20_000,
  script: ({ pid, signal }) => `
{ read -r children </proc/${Math.floor(pid)}/task/${Math.floor(pid)}/children; } 2>/dev/null
while read -r key parent; do
  [ "$key" = PPid: ] || continue
  read -r comm </proc/$parent/comm && [ "$comm" = zscope ] && kill -${signal} ${signal === 'INT' ? '' : '$children '}${Math.floor(pid)}
done </proc/${Math.floor(pid)}/status 2>/dev/null
exit 0
`,
  decode: () => null,
};
