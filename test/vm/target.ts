/** What the tests do to the VM behind the collectors' back, and how they look at it. */
import type { StreamCollector } from '../../src/target/collector.ts';
import { type KnownAhead, traceFunction } from '../../src/target/collectors/trace-function.ts';
import type { Connection, RunningStream, StreamEnd } from '../../src/target/connection.ts';
import * as lab from '../lab/lab.ts';
import { raw } from './connect.ts';

/** Repeats until it gives something. @throws Error when the time is over. */
export async function until<T>(
  what: string,
  limitMs: number,
  probe: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) {
      return value;
    }
    if (performance.now() > deadline) {
      throw new Error(`${what}: not within ${limitMs / 1000} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Has a shell stand by for a trace, and make its instance ahead. */
export async function goAhead(
  connection: Connection,
  observer: Connection,
  params: KnownAhead,
): Promise<void> {
  connection.standBy(traceFunction, params).goAhead();
  await until('its instance', 60_000, async () =>
    (await traceRests(observer, params.sessionId)).includes('instances/') ? true : undefined,
  );
}

/** A stream whose events are kept, with the time they came at. */
export class Watched<E> {
  readonly events: E[] = [];
  /** performance.now() of each event. */
  readonly times: number[] = [];
  readonly startedAt = performance.now();
  #stream: RunningStream | undefined;

  static async start<P, E>(
    connection: Connection,
    collector: StreamCollector<P, E>,
    params: P,
  ): Promise<Watched<E>> {
    const watched = new Watched<E>();
    watched.#stream = await connection.stream(collector, params, {
      events: (batch) => {
        const now = performance.now();
        for (const event of batch) {
          watched.events.push(event);
          watched.times.push(now);
        }
      },
    });
    return watched;
  }

  get ended(): Promise<StreamEnd> {
    if (this.#stream === undefined) {
      throw new Error('the stream was not started');
    }
    return this.#stream.ended;
  }

  /** Stops the stream and waits for the end of its clean-up. */
  stop(): Promise<StreamEnd> {
    this.#stream?.dispose();
    return this.ended;
  }

  /** Waits for an event that fits. */
  first<F extends E>(what: string, limitMs: number, fits: (event: E) => event is F): Promise<F> {
    return until(what, limitMs, () => this.events.find(fits));
  }
}

/** Starts commands in the VM that go on by themselves; `end` ends them and what they started. */
export async function background(script: string): Promise<{ readonly pid: number; end(): Promise<void> }> {
  const quoted = `'${script.replaceAll("'", "'\\''")}'`;
  const answer = await lab.execChecked(`setsid sh -c ${quoted} </dev/null >/dev/null 2>&1 & echo $!`);
  const pid = Number(answer);
  return {
    pid,
    async end() {
      await lab.exec(`kill -KILL -${pid}`);
    },
  };
}

/** Asks the VM over a connection that is there already: a sign-in takes seconds where its processor is emulated. */
export function ask(observer: Connection, script: string): Promise<string> {
  return observer.run(raw('look', script, 60_000), null);
}

/** Instance and probes of a session in the VM, as `ls` and kprobe_events show them. Empty when nothing is left. */
export async function traceRests(observer: Connection, sessionId: string): Promise<string> {
  const found = await ask(
    observer,
    `cd /sys/kernel/tracing
    ls instances | grep -F _${sessionId} | sed 's,^,instances/,'
    grep -F _${sessionId} kprobe_events | sed 's,^,kprobe_events ,'
    true`,
  );
  return found.trim();
}

/**
 * Ids of the processes that a running session has in the VM: those with its mark in their command line,
 * and its supervisor with all that this started.
 */
export async function traceProcesses(observer: Connection, sessionId: string): Promise<number[]> {
  // The command line of a task that hangs is not read: that may hang as well.
  const found = await ask(
    observer,
    `set --
    for p in /proc/[0-9]*; do
      read -r comm <$p/comm || continue
      case $comm in sh|cat|zscope) set -- "$@" $p/cmdline ;; esac
    done
    for file in $(grep -l -a -F -e '#zscope-${sessionId}' -e '_${sessionId}/trace_pipe' "$@"); do
      p=\${file%/cmdline}
      echo "\${p#/proc/}"
      while read -r key parent; do
        [ "$key" = PPid: ] || continue
        read -r comm </proc/$parent/comm
        case $comm in sshd*) ;; *) echo $parent; cat /proc/$parent/task/*/children; echo ;; esac
      done <$p/status
    done
    true`,
  );
  return [...new Set(found.trim().split(/\s+/).filter(Boolean).map(Number))];
}

/** Which of these processes are there. */
export async function alive(observer: Connection, processes: readonly number[]): Promise<number[]> {
  const text = await ask(observer, `for p in ${processes.join(' ')}; do [ ! -d /proc/$p ] || echo $p; done`);
  return text.split('\n').filter(Boolean).map(Number);
}
