/**
 * The tools that may trace in the place of tracefs, against a workload whose calls are known: those that start in
 * seconds also where the processor is emulated. bcc is in the long proofs (test/prove/tracers.ts).
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { InstalledTools } from '../../src/core/tracers/tools.ts';
import { btfFunctions } from '../../src/target/collectors/btf-functions.ts';
import { installedTools } from '../../src/target/collectors/installed-tools.ts';
import {
  interruptTool,
  type ProgramRunEvent,
  runBpftrace,
  runShell,
} from '../../src/target/collectors/run-program.ts';
import type { Connection } from '../../src/target/connection.ts';
import { tracerOf } from '../../src/target/tool-tracers.ts';
import { ftrace } from '../../src/target/tracer.ts';
import * as lab from '../lab/lab.ts';
import { zfsGetattrFast, zplLookup } from '../support/zfs-functions.ts';
import { connectToLab } from './connect.ts';
import { COMM, counted, lookUp } from './lookups.ts';
import { POOL } from './setup.ts';
import { ask, background, until, Watched } from './target.ts';
import { callsOf, noToolRuns, START_MS, startTrace, sumOf } from './tool-traces.ts';

const LIMIT_MS = 120_000;
const CALLS = 20;

let connection: Connection;
let observer: Connection;
let installed: InstalledTools;

beforeAll(async () => {
  const vm = await lab.requireUp();
  [connection, observer] = await Promise.all([connectToLab(vm), connectToLab(vm)]);
  installed = await connection.run(installedTools, null);
});

afterAll(() => {
  connection?.dispose();
  observer?.dispose();
});

it('bpftrace and perf-tools see each call of a workload, with its arguments, its task and its stack', {
  timeout: START_MS * 2,
}, async () => {
  expect(installed.bpftrace).toMatch(/^\d+\.\d+\.\d+/);
  expect(installed['perf-tools']).toMatch(/^\d+\.\d+/);
  const condition = `comm == "${COMM}"`;
  const typed = tracerOf('bpftrace', installed, await connection.run(btfFunctions, null));
  const traces = await Promise.all([
    startTrace(connection, tracerOf('bpftrace', installed), 'returns', `${condition} && ret == ENOENT`),
    startTrace(connection, typed, 'count', condition, zplLookup),
    startTrace(connection, tracerOf('perf-tools', installed), 'calls', condition),
  ]);
  const [returns, count, calls] = traces;
  expect(count.program).toMatch(/^fentry:zfs:zpl_lookup$/m);
  let prefix = '';
  const byKernel = await counted(observer, async () => {
    prefix = await lookUp(observer, `/${POOL}`, CALLS);
  });
  expect(byKernel).toBe(CALLS);
  for (const trace of [returns, calls]) {
    await until(`all calls by ${trace.tool}`, LIMIT_MS, () =>
      callsOf(trace).length >= CALLS ? true : undefined,
    );
  }
  await until('all of them counted', LIMIT_MS, () => ((sumOf(count)?.hits ?? 0) >= CALLS ? true : undefined));
  const ends = await Promise.all(traces.map(({ watched }) => watched.stop()));
  expect(ends.map(({ cleanUp }) => cleanUp)).toEqual(traces.map(() => 'confirmed'));

  for (const trace of [returns, calls]) {
    const found = callsOf(trace);
    expect(found.map(({ arguments: args }) => args.find(({ name }) => name === 'nm')?.value)).toEqual(
      Array.from({ length: CALLS }, (_, i) => `"${prefix}${i}"`),
    );
    expect(new Set(found.map(({ pid }) => pid)).size).toBe(1);
    for (const { stack, arguments: args } of found) {
      expect(stack[0]).toMatchObject({ symbol: 'zfs_lookup', module: 'zfs' });
      expect(stack.map(({ symbol }) => symbol)).toContain('zpl_lookup');
      expect(args.map(({ name }) => name)).toEqual(['dzp', 'nm', 'zpp', 'flags']);
    }
  }
  for (const call of callsOf(returns)) {
    expect(call.returned).toEqual({ value: '2', errno: 'ENOENT' });
    expect(call.durationNs).toBeGreaterThanOrEqual(0);
  }
  expect(sumOf(count)).toMatchObject({ of: 'count', hits: CALLS, rows: [{ comm: COMM, count: CALLS }] });
  await noToolRuns(observer, LIMIT_MS);
  const left = `cd /sys/kernel/tracing; cat options/stacktrace options/sym-offset; grep kprobes/ kprobe_events; ls instances | grep -E '_(${traces.map(({ sessionId }) => sessionId).join('|')})'
    ls /var/tmp/.ftrace-lock; true`;
  expect(await ask(observer, `(${left}) 2>/dev/null`)).toBe('0\n0\n');
});

const runProgram = (how: typeof runBpftrace, params: Parameters<typeof runBpftrace.script>[0]) =>
  Watched.start<typeof params, ProgramRunEvent>(connection, how, params);
const said = (watched: Watched<ProgramRunEvent>) =>
  watched.events.flatMap((event) => (event.kind === 'line' ? [event.text] : []));

it('a program of the editor runs, prints its maps when it is stopped, and says where it is wrong', {
  timeout: START_MS * 2,
}, async () => {
  const run = (program: string, sessionId: string) =>
    runProgram(runBpftrace, { program, sessionId, maxSeconds: 300 });
  const [good, bad] = await Promise.all([
    run(
      '#!/usr/bin/env bpftrace\nBEGIN { @n = 41; }\ninterval:s:1 { @n = 42; printf("tick\\n"); }\n',
      'editor1',
    ),
    run('BEGIN\n{\n  print($nothing);\n}\n', 'editor2'),
  ]);
  await until('the error', START_MS, () => {
    const found = said(bad).find((line) => /^stdin:3:\d+-\d+: ERROR: /.test(line));
    return found ?? (bad.events.some(({ kind }) => kind === 'ended') ? 'none' : undefined);
  }).then((line) => expect(line).not.toBe('none'));
  await until('a tick', START_MS, () => (said(good).includes('tick') ? true : undefined));
  const pid = good.events.find((event) => event.kind === 'pid')?.pid ?? 0;
  await connection.run(interruptTool, { pid, signal: 'INT' });
  const end = await good.ended;
  expect(end).toMatchObject({ reason: 'finished', cleanUp: 'confirmed' });
  expect(said(good)).toContain('@n: 42');
  await bad.ended;
});

it('what a trace by tracefs shows runs again from the editor, and undoes itself when it is stopped', {
  timeout: START_MS,
}, async () => {
  const sessionId = randomBytes(4).toString('hex');
  const { text } = ftrace.plan({
    ...zfsGetattrFast,
    module: 'zfs',
    machine: connection.facts.machine,
    maxEvents: 1000,
    maxSeconds: 60,
    sessionId,
  });
  const calls = await background(`while :; do [ -d /${POOL} ]; sleep 0.05; done`);
  try {
    const program = `# changed by hand\n${text.replace('timeout 10', 'timeout 300')}echo undone\n`;
    const run = await runProgram(runShell, { program, sessionId, maxSeconds: 200 });
    await until('a call', LIMIT_MS, () =>
      said(run).some((line) => line.includes(`zfs_getattr_fast_${sessionId}: `)) ? true : undefined,
    );
    const pid = run.events.find((event) => event.kind === 'pid')?.pid ?? 0;
    await connection.run(interruptTool, { pid, signal: 'TERM' });
    expect(await run.ended).toMatchObject({ reason: 'finished', cleanUp: 'confirmed' });
    expect(said(run)).toContain('undone');
    const left = await ask(
      observer,
      `cd /sys/kernel/tracing; ls instances | cat - kprobe_events | grep ${sessionId} || true`,
    );
    expect(left).toBe('');
  } finally {
    await calls.end();
  }
});
