import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { type ChannelStage, JobPool } from '../../../src/target/job-pool.ts';
import type { JobSpec } from '../../../src/target/remote-job.ts';
import { ChannelRefused, type ShellChannel, type Transport } from '../../../src/target/transport.ts';

/** A shell that takes everything and answers by hand. */
class Shell implements ShellChannel {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  sent = '';
  #closed: Array<() => void> = [];

  constructor() {
    this.stdin.on('data', (bytes: Buffer) => {
      this.sent += bytes.toString();
    });
  }

  onExit(): void {}

  onClose(listener: () => void): void {
    this.#closed.push(listener);
  }

  close(): void {
    for (const listener of this.#closed.splice(0)) listener();
  }

  ready(): void {
    const nonce = /ready\\n' ([0-9a-f]{32})/.exec(this.sent)?.[1] ?? '';
    expect(nonce).not.toBe('');
    this.stdout.write(`\x1e${nonce} ready\n`);
  }
}

/** Shells are given when asked for, or when `give` is called. */
function transport(given: Promise<Shell>): Transport {
  return {
    identity: null,
    remark: '',
    open: () => given,
    received: null,
    ended: false,
    onEnd: () => {},
    why: () => null,
    isDistrusted: false,
    silentHop: () => null,
    end: () => {},
  };
}

const spec: JobSpec = { root: null, preamble: '', script: null, cleanup: '', kind: 'stream' };
/** All that was written has been read by then. */
const settled = async () => {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

test.each([true, false])(
  'what stands by is given its script only while somebody waits: given up %s',
  async (givesUp) => {
    const shell = new Shell();
    const pool = new JobPool(transport(Promise.resolve(shell)), new AbortController().signal);
    const waiting = pool.standBy(spec, new AbortController().signal);
    const limit = new AbortController();
    const begun = pool.beginStandby(spec, 'the script', () => {}, limit.signal);
    await settled();
    if (givesUp) limit.abort(new Error('too late'));
    shell.ready();
    expect((await waiting) === null).toBe(false);
    expect((await begun) === null).toBe(givesUp);
    await settled();
    expect(shell.sent.includes('the script')).toBe(!givesUp);
    expect(shell.stdin.writableEnded).toBe(givesUp);
    shell.close();
    await settled();
    expect(pool.slots.taken).toBe(0);
  },
);

test('a stream that is given up while it waits for a slot or for its channel leaves none taken', async () => {
  let give: (shell: Shell) => void = () => {};
  const given = new Promise<Shell>((resolve) => {
    give = resolve;
  });
  const pool = new JobPool(transport(given), new AbortController().signal);
  const limit = new AbortController();
  const slot = await pool.streamSlot(limit.signal);
  if (slot === null) throw new Error('there is room');
  const opened = pool.open({ ...spec, script: 'a' }, slot, limit.signal, {
    ready: () => {},
    payload: () => {},
  });
  const reason = new Error('too late');
  limit.abort(reason);
  give(new Shell());
  await expect(opened).rejects.toBe(reason);
  expect(pool.slots.taken).toBe(0);
  while (pool.slots.tryForStream() !== null);
  await expect(pool.streamSlot(limit.signal)).rejects.toBe(reason);
});

test('it is known what a question that is late has waited for', async () => {
  const stages = async (open: Transport['open'], taken: number) => {
    const limit = new AbortController();
    const pool = new JobPool({ ...transport(new Promise(() => {})), open }, new AbortController().signal);
    for (let i = 0; i < taken; i += 1) await pool.slots.wait(limit.signal);
    const reached: ChannelStage[] = [];
    const nothing = { ready: () => {}, payload: () => {} };
    const asked = pool.ask({ ...spec, script: 'a' }, limit.signal, nothing, (stage) => reached.push(stage));
    asked.catch(() => {});
    await settled();
    limit.abort(new Error('too late'));
    return reached;
  };
  const shell = () => Promise.resolve(new Shell());
  expect(await stages(shell, 6)).toEqual(['waiting']);
  expect(await stages(() => new Promise(() => {}), 5)).toEqual(['waiting', 'asked']);
  expect(await stages(() => Promise.reject(new ChannelRefused('no')), 5)).toEqual([
    'waiting',
    'asked',
    'refused',
  ]);
  expect(await stages(shell, 5)).toEqual(['waiting', 'asked', 'open']);
});
