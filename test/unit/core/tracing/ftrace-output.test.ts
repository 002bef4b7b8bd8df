import { expect, test } from 'vitest';
import type { CallEvent } from '../../../../src/core/tracing/events.ts';
import { FtraceOutput } from '../../../../src/core/tracing/ftrace-output.ts';
import { ftraceProgram } from '../../../../src/core/tracing/ftrace-program.ts';
import { Programs } from '../../../../src/core/tracing/program/programs.ts';

const program = ftraceProgram({
  symbol: 'spa_open',
  module: 'zfs',
  machine: 'x86_64',
  parameters: [{ name: 'pool', type: 'const char *' }],
  maxEvents: 10,
  maxSeconds: 20,
  sessionId: 'ab12',
});

/** The call that these lines of trace_pipe tell. */
function read(output: FtraceOutput, time: string, pool: string, caller: string): CallEvent {
  const context = `           zpool-712     [001] .....   ${time}: `;
  const [event, ...more] = [
    `${context}${program.event}: (spa_open+0x0/0x20 [zfs]) a0=${pool} c="zpool"`,
    `${context}<stack trace>`,
    ' => spa_open+0x5/0x20 [zfs]',
    ` => ${caller}+0x6a/0x1c0 [zfs]`,
    ' => entry_SYSCALL_64_after_hwframe+0x76/0x7e',
  ].flatMap((line) => output.line(line));
  expect(more).toEqual([]);
  if (event?.kind !== 'call') {
    throw new Error('no call');
  }
  return event;
}

test('calls with equal stacks share one', () => {
  const output = new FtraceOutput(new Programs(program));
  const first = read(output, '10.000001', '"tank"', 'spa_get_stats');
  const second = read(output, '10.000002', '"rpool"', 'spa_get_stats');
  const third = read(output, '10.000003', '"tank"', 'spa_prop_get');
  expect(first.stack).toHaveLength(3);
  expect(second.stack).toBe(first.stack);
  expect(second.arguments).toEqual([{ name: 'pool', value: '"rpool"' }]);
  expect(third.stack[1]?.symbol).toBe('spa_prop_get');
});

test('a long value is cut', () => {
  const output = new FtraceOutput(new Programs(program));
  const call = read(output, '10.000001', `"${'x'.repeat(5000)}"`, 'spa_get_stats');
  expect(call.arguments).toEqual([{ name: 'pool', value: `"${'x'.repeat(255)}…` }]);
  expect(call.comm).toBe('zpool');
  const whole = `"${'x'.repeat(254)}"`;
  expect(read(output, '10.000002', whole, 'spa_get_stats').arguments[0]?.value).toBe(whole);
});

test.each([
  ['all', '', 1],
  // The kernel has shown the returns of the calls that it filtered out at their entries.
  ['some', 'pool == "tank"', 0],
])('a return without its entry is a loss where %s calls are asked for', (_, condition, unpaired) => {
  const returns = ftraceProgram({
    symbol: 'spa_open',
    module: 'zfs',
    machine: 'x86_64',
    parameters: [{ name: 'pool', type: 'const char *' }],
    returns: 'int',
    kind: 'returns',
    condition,
    maxEvents: 10,
    maxSeconds: 20,
    sessionId: 'ab12',
  });
  const output = new FtraceOutput(new Programs(returns));
  const context = '           zpool-712     [001] .....   10.000001: ';
  const line = `${context}${returns.returnEvent}: (spa_get_stats+0x6a/0x1c0 [zfs] <- spa_open) k=0xffffc900011b3a50 r=0 c="zpool"`;
  expect([...output.line(line), ...output.line(`${context}<stack trace>`), ...output.line('')]).toEqual([]);
  expect(output.unpaired).toBe(unpaired);
});
