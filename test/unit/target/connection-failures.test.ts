import { expect, test } from 'vitest';
import { ChannelSlots } from '../../../src/target/channel-slots.ts';
import { ConnectionFailures } from '../../../src/target/connection-failures.ts';
import type { ChannelStage } from '../../../src/target/job-pool.ts';

const say = new ConnectionFailures({ alias: 'vm', user: 'dev' });
const late = (stage: ChannelStage, taken: number) => {
  const slots = new ChannelSlots();
  for (let i = 0; i < taken; i += 1) slots.tryForStream();
  return say.timeout('Tasks', 'connected', slots, stage);
};

test.each([
  ['refused', 1, 'Tasks: the SSH server of vm allows no session.'],
  ['refused', 2, 'Tasks: the SSH server of vm allows no further session beside the one that is open.'],
  ['refused', 3, 'Tasks: the SSH server of vm allows no further session beside the 2 that are open.'],
  ['waiting', 1, 'Tasks: it had no turn on vm in time beside another.'],
  ['waiting', 2, 'Tasks: it had no turn on vm in time beside 2 others.'],
  ['asked', 2, 'Tasks: no answer from vm in time.'],
] as const)('a late question (%s, %i slots taken) says what it waited for', (stage, taken, message) => {
  expect(late(stage, taken).message).toBe(message);
});

test('nobody is told to stop traces where there are none', () => {
  expect(late('refused', 1).remedy).toBe('Raise MaxSessions in sshd_config.');
});
