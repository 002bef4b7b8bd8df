import { randomBytes } from 'node:crypto';
import type { Disposable } from '../../core/lifetime.ts';
import { inert } from '../../core/text/inert.ts';
import { type BpftraceMessage, bpftraceMessage } from '../../core/tracers/bpftrace/bpftrace-messages.ts';
import {
  interruptTool,
  type ProgramRunEvent,
  runBpftrace,
  runShell,
} from '../../target/collectors/run-program.ts';
import type { Connection, RunningStream, StreamEnd } from '../../target/connection.ts';

/** Characters of output that are kept: the newest. */
const MOST_TEXT = 4 * 1024 ** 2;

/** Messages that are kept: a program may print what looks like one as often as it likes. */
const MOST_MESSAGES = 200;

/** A program that was asked to end prints its maps meanwhile; then it is ended. Milliseconds. */
const PATIENCE_MS = 30_000;

/** What a program is written in. */
export type ProgramLanguage = 'bpftrace' | 'shell';

/** One run of a program on a target. */
export class ProgramRun implements Disposable {
  readonly #parts: string[] = [];
  #length = 0;
  #isCut = false;
  #stream: RunningStream | null = null;
  #pid: number | null = null;
  #isOver = false;
  #isEnding = false;
  #limited = false;
  readonly messages: BpftraceMessage[] = [];

  constructor(
    private readonly connection: Connection,
    readonly target: string,
    private readonly language: ProgramLanguage,
    private readonly program: string,
    private readonly maxSeconds: number,
    /** Called when there is more output or another message. */
    private readonly changed: () => void,
  ) {}

  /** Resolves when it is over, with how it ended as a sentence. @throws Failure when it cannot start */
  async run(): Promise<string> {
    const sessionId = randomBytes(4).toString('hex');
    const { program, maxSeconds } = this;
    let status: number | null = null;
    try {
      const stream = await this.connection.stream(
        this.language === 'bpftrace' ? runBpftrace : runShell,
        { program, sessionId, maxSeconds },
        {
          events: (batch) => {
            for (const event of batch) {
              if (event.kind === 'ended') {
                status = event.status;
              } else {
                this.#take(event);
              }
            }
            this.changed();
          },
        },
      );
      this.#stream = stream;
      if (this.#isEnding && this.#pid === null) {
        stream.dispose();
      }
      return this.#ending(await stream.ended, status);
    } finally {
      this.#isOver = true;
    }
  }

  get text(): string {
    return (this.#isCut ? '[the oldest output is left out]\n' : '') + this.#parts.join('');
  }

  get isRunning(): boolean {
    return !this.#isOver;
  }

  /** Asks it to end and to print its maps; a second time it is ended. */
  async stop(): Promise<void> {
    if (this.#isOver || this.#isEnding || this.#pid === null) {
      this.#isEnding = true;
      this.#stream?.dispose();
      return;
    }
    this.#isEnding = true;
    const late = setTimeout(() => this.#stream?.dispose(), PATIENCE_MS);
    try {
      const signal = this.language === 'bpftrace' ? 'INT' : 'TERM';
      await this.connection.run(interruptTool, { pid: this.#pid, signal });
      await this.#stream?.ended;
    } finally {
      clearTimeout(late);
    }
  }

  #take(event: Exclude<ProgramRunEvent, { kind: 'ended' }>): void {
    switch (event.kind) {
      case 'pid':
        this.#pid = event.pid;
        break;
      case 'limit':
        this.#limited = true;
        break;
      case 'line': {
        const message = this.language === 'bpftrace' ? bpftraceMessage(event.text) : null;
        if (message !== null && this.messages.length < MOST_MESSAGES) {
          this.messages.push(message);
        }
        const line = `${inert(event.text, 100_000)}\n`;
        this.#parts.push(line);
        this.#length += line.length;
        if (this.#length > MOST_TEXT) {
          this.#parts.splice(0, Math.ceil(this.#parts.length / 4));
          this.#length = this.#parts.reduce((sum, part) => sum + part.length, 0);
          this.#isCut = true;
        }
      }
    }
  }

  #ending(end: StreamEnd, status: number | null): string {
    if (end.reason === 'lost') {
      return end.cleanUp === 'unknown'
        ? 'The connection ended; the target ends the program by itself within 25 seconds.'
        : 'The target heard nothing from here for a while and ended the program.';
    }
    if (this.#limited) {
      return `Ended: the limit of ${this.maxSeconds} seconds was reached (zscope.trace.maxSeconds).`;
    }
    if (this.#isEnding || end.reason === 'stopped') {
      if (this.language === 'shell' && end.cleanUp !== 'unknown') {
        return 'Stopped.'; // What it left is for its own last lines to undo.
      }
      return end.cleanUp === 'confirmed' || end.reason === 'finished'
        ? 'Stopped; nothing is left on the target.'
        : 'Stopped; the target did not confirm that the program ended. It ends it by itself.';
    }
    if (this.messages.some(({ severity }) => severity === 'error')) {
      return 'bpftrace does not take this program.';
    }
    return status === 0
      ? 'Ended by itself.'
      : `Ended with status ${status ?? 'unknown'}${end.stderr.trim() === '' ? '' : `: ${inert(end.stderr.trim(), 300)}`}.`;
  }

  dispose(): void {
    this.#isEnding = true;
    this.#stream?.dispose();
  }
}
