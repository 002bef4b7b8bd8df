import { describe, expect, it } from 'vitest';
import { ProgramRun } from '../../../src/extension/tracers/program-run.ts';
import type { ProgramRunEvent } from '../../../src/target/collectors/run-program.ts';
import type { Connection, StreamEnd, StreamSink } from '../../../src/target/connection.ts';

const FINISHED: StreamEnd = { reason: 'finished', status: 0, cleanUp: 'confirmed', stderr: '' };

/** A connection with one stream, which is told what to say; `asked` has what was run beside it. */
function fake() {
  let sink: StreamSink<ProgramRunEvent> | undefined;
  let finish: (end: StreamEnd) => void = () => {};
  const ended = new Promise<StreamEnd>((resolve) => {
    finish = resolve;
  });
  const asked: unknown[] = [];
  const connection = {
    stream: async (_collector: unknown, _params: unknown, to: StreamSink<ProgramRunEvent>) => {
      sink = to;
      return { ended, dispose: () => finish({ ...FINISHED, reason: 'stopped', status: null }) };
    },
    run: async (_collector: unknown, params: unknown) => {
      asked.push(params);
      finish(FINISHED);
      return null;
    },
  } as unknown as Connection; // What a run does not ask of it is not there.
  const say = (...batch: ProgramRunEvent[]) => sink?.events(batch);
  return { connection, asked, say, finish: (end = FINISHED) => finish(end) };
}

const line = (text: string): ProgramRunEvent => ({ kind: 'line', text });
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a run of a bpftrace program', () => {
  it('is asked to end by itself, so that its maps come, and is ended when it is asked twice', async () => {
    const { connection, asked, say } = fake();
    const run = new ProgramRun(connection, 'vm', 'bpftrace', '', 10, () => {});
    const over = run.run();
    await settled();
    say({ kind: 'pid', pid: 42 }, line('tick'));
    expect(run.isRunning).toBe(true);
    await run.stop();
    expect(asked).toEqual([{ pid: 42, signal: 'INT' }]);
    expect(await over).toBe('Stopped; nothing is left on the target.');
    expect([run.text, run.isRunning]).toEqual(['tick\n', false]);
  });

  it('is ended at once when its process is not known yet', async () => {
    const { connection, asked } = fake();
    const run = new ProgramRun(connection, 'vm', 'bpftrace', '', 10, () => {});
    const over = run.run();
    await run.stop();
    expect(await over).toBe('Stopped; nothing is left on the target.');
    expect(asked).toEqual([]);
  });

  it('says how it ended: by its errors, its limit, its status or the link', async () => {
    const ending = async (end: StreamEnd, ...events: ProgramRunEvent[]) => {
      const { connection, say, finish } = fake();
      const run = new ProgramRun(connection, 'vm', 'bpftrace', '', 10, () => {});
      const over = run.run();
      await settled();
      say(...events);
      finish(end);
      return { text: await over, messages: run.messages };
    };
    const wrong = await ending(FINISHED, line('stdin:3:3-11: ERROR: no $x'), { kind: 'ended', status: 1 });
    expect(wrong.text).toBe('bpftrace does not take this program.');
    expect(wrong.messages).toMatchObject([{ line: 2, start: 2, end: 10 }]);
    expect((await ending(FINISHED, { kind: 'limit' })).text).toMatch(/limit of 10 seconds/);
    expect((await ending(FINISHED, { kind: 'ended', status: 0 })).text).toBe('Ended by itself.');
    expect((await ending({ ...FINISHED, stderr: 'no' }, { kind: 'ended', status: 9 })).text).toBe(
      'Ended with status 9: no.',
    );
    expect((await ending({ ...FINISHED, reason: 'lost', cleanUp: 'unknown' })).text).toMatch(
      /^The connection ended/,
    );
  });

  it('keeps the newest of long output', async () => {
    const { connection, say, finish } = fake();
    const run = new ProgramRun(connection, 'vm', 'bpftrace', '', 10, () => {});
    const over = run.run();
    await settled();
    for (let i = 0; i < 100; i++) {
      say(line(`${i} ${'x'.repeat(99_000)}`));
    }
    finish();
    await over;
    expect(run.text.length).toBeLessThan(5 * 1024 ** 2);
    expect(run.text).toMatch(/^\[the oldest output is left out\]\n/);
    expect(run.text).toContain('\n99 x');
  });
});
