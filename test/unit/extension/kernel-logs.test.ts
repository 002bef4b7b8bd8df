import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Failure } from '../../../src/core/failure.ts';
import type { KernelLine } from '../../../src/core/kernel-log/kmsg.ts';
import { KernelLogs } from '../../../src/extension/targets/kernel-logs.ts';
import type { Target } from '../../../src/extension/targets/target-service.ts';
import type { Connection } from '../../../src/target/connection.ts';

const entry = { alias: 'vm', configFile: null };
/** Longer than between two questions. */
const PAUSE_MS = 11_000;

/** A connection to a boot. */
function connectionTo(bootId: string, root = 'root'): Connection {
  return { state: 'connected', facts: { bootId, root } } as unknown as Connection;
}

function line(sequence: number, text: string): KernelLine {
  return { sequence, time: sequence / 10, text };
}

/** The log of the target `vm`, looked at by hand, whose questions are answered by hand. */
class Scene {
  connection: Connection | null = connectionTo('first');
  /** Sequence numbers behind which lines were asked for. */
  readonly asked: number[] = [];
  /** What was said in the Log. */
  readonly noted: string[] = [];
  readonly logs: KernelLogs;
  listeners = 0;
  #targets = [{ entry }];
  /** Of the questions that have no answer yet, the oldest first. */
  readonly #answers: ((lines: Promise<readonly KernelLine[]>) => void)[] = [];
  #look = () => {};
  #change = () => {};

  constructor() {
    const heard = (set: (listener: () => void) => void) => (listener: () => void) => {
      set(listener);
      this.listeners += 1;
      return { dispose: () => (this.listeners -= 1) };
    };
    const scene = this;
    this.logs = new KernelLogs(
      {
        get all() {
          return scene.#targets.map((target) => ({ ...target, connection: scene.connection }) as Target);
        },
        onChange: heard((listener) => {
          this.#change = listener;
        }),
      },
      {
        get connection() {
          return scene.connection;
        },
        onSnapshot: heard((listener) => {
          this.#look = listener;
        }),
      },
      { note: (error) => String(this.noted.push((error as Error).message)) },
      (_, after) =>
        new Promise((resolve) => {
          this.asked.push(after);
          this.#answers.push(resolve);
        }),
    );
  }

  /** Somebody looks at the tasks, unless given later than is waited for between two questions. */
  look(afterMs = PAUSE_MS): void {
    vi.advanceTimersByTime(afterMs);
    this.#look();
  }

  /** Answers the oldest question. */
  async answer(lines: Promise<readonly KernelLine[]> | readonly KernelLine[]): Promise<void> {
    this.#answers.shift()?.(Promise.resolve(lines));
    await vi.advanceTimersByTimeAsync(0);
  }

  async lookAndAnswer(...lines: readonly KernelLine[]): Promise<void> {
    this.look();
    await this.answer(lines);
  }

  forget(): void {
    this.#targets = [];
    this.#change();
  }
}

let scene: Scene;
beforeEach(() => {
  vi.useFakeTimers();
  scene = new Scene();
});
afterEach(() => {
  vi.useRealTimers();
});

test('lines are asked for after looks, behind the last one, not at each look and not while an answer is due', async () => {
  await scene.lookAndAnswer(line(5, 'zfs: loaded'), line(7, 'bell \u0007 \u202e'));
  scene.look();
  scene.look();
  expect(scene.asked).toEqual([-1, 7]);
  await scene.answer([line(8, 'more')]);
  await scene.lookAndAnswer();
  for (let second = 0; second < 9; second += 1) scene.look(1000);
  expect(scene.asked).toEqual([-1, 7, 8]);
  const text = scene.logs.text(entry);
  expect(text).toMatch(
    /^\[ {4}0\.500000\] zfs: loaded\n\[ {4}0\.700000\] bell .*\n\[ {4}0\.800000\] more\n$/,
  );
  expect(text).not.toMatch(/[\u0007\u202e]/);
});

test('nothing is asked of a target without root, nor where nothing is connected', () => {
  scene.connection = connectionTo('first', 'none');
  scene.look();
  scene.connection = null;
  scene.look();
  expect(scene.asked).toEqual([]);
  expect(scene.logs.text(entry)).toBe('');
});

test('a fault is told that came after the first answer, not one from before the target was connected', async () => {
  await scene.lookAndAnswer(line(1, 'BUG: an old one'));
  expect(scene.logs.fault(entry)).toBeNull();
  await scene.lookAndAnswer(line(2, 'BUG: a new one'));
  expect(scene.logs.fault(entry)).toBe('BUG: a new one');
  // It came before the next connection; what that kernel said meanwhile did too.
  scene.connection = connectionTo('first');
  await scene.lookAndAnswer(line(3, 'BUG: meanwhile'));
  expect([scene.asked.at(-1), scene.logs.fault(entry)]).toEqual([2, null]);
});

test('after a reboot lines count anew, behind a mark', async () => {
  await scene.lookAndAnswer(line(900, 'the last one'));
  scene.connection = connectionTo('second');
  await scene.lookAndAnswer(line(0, 'the first one'));
  expect(scene.asked).toEqual([-1, -1]);
  expect(scene.logs.text(entry)).toMatch(/the last one\n--- vm was booted anew ---\n\[.*\] the first one\n$/);
});

test('an answer that comes over a connection which is gone is dropped', async () => {
  scene.look();
  scene.connection = connectionTo('second');
  scene.look();
  await scene.answer([line(900, 'late')]);
  await scene.answer([line(1, 'in time')]);
  await scene.lookAndAnswer();
  expect(scene.asked).toEqual([-1, -1, 1]);
  expect(scene.logs.text(entry)).toMatch(/booted anew ---\n.* in time\n$/);
});

test('a machine that was too slow is asked again, one that refuses is not', async () => {
  scene.look();
  await scene.answer(Promise.reject(new Failure('timeout', 'too slow')));
  scene.look();
  await scene.answer(Promise.reject(new Failure('script-failed', 'no such file')));
  scene.look();
  expect([scene.asked.length, scene.noted]).toEqual([2, ['too slow', 'no such file']]);
  scene.connection = connectionTo('first');
  scene.look();
  expect(scene.asked.length).toBe(3);
});

test('nothing is kept of a target that is disconnected, and nobody listens in the end', async () => {
  await scene.lookAndAnswer(line(1, 'one'));
  scene.forget();
  expect(scene.logs.text(entry)).toBe('');
  expect(scene.listeners).toBe(2);
  scene.logs.dispose();
  expect(scene.listeners).toBe(0);
});
