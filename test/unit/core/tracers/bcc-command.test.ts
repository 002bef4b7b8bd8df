import { describe, expect, it } from 'vitest';
import { bccCommand } from '../../../../src/core/tracers/bcc/bcc-command.ts';
import { toolRequest } from '../../../../src/core/tracers/tool-request.ts';
import type { TraceParams } from '../../../../src/core/tracing/ftrace-program.ts';
import { lookup } from './request.ts';

const command = (more: Partial<TraceParams>) =>
  bccCommand(toolRequest({ ...lookup, ...more }, { duration: false, argumentsAtReturn: false }));

describe('a command of bcc', () => {
  it('prints arguments by name, strings last, and checks numbers', () => {
    expect(command({ condition: 'flags < -3 && pid == 7' }).options).toEqual([
      ...['-K', '-t', '-C', '-M', '1000'],
      'p::zfs_lookup (((s32)arg4 < -3) && ($pid == 7)) "dzp=0x%llx zpp=0x%llx flags=%lld nm=%s", (u64)arg1, (u64)arg3, (s32)arg4, arg2',
    ]);
  });

  it('leaves strings and the comm to us', () => {
    const { options, filters } = command({ condition: 'comm == "dd" && flags == 1' });
    expect(options.at(-1)).toMatch(/^p::zfs_lookup \(\(\(s32\)arg4 == 1\)\) "/);
    expect(filters.ours).toMatchObject({ field: { name: 'comm' } });
  });

  it('sees the value of a return, and which of them are errors', () => {
    expect(command({ kind: 'returns' }).options.at(-1)).toBe('r::zfs_lookup "ret=%lld", (s32)retval');
    expect(command({ kind: 'errors', condition: 'ret != ENOENT' }).options.at(-1)).toBe(
      'r::zfs_lookup ((((s64)(s32)retval >= -4095 && (s64)(s32)retval <= -1) || ((s64)(s32)retval >= 1 && (s64)(s32)retval <= 4095)) && ((s32)retval != 2)) "ret=%lld", (s32)retval',
    );
    expect(command({ kind: 'returns', returns: 'void' }).options.at(-1)).toBe('r::zfs_lookup');
  });

  it('refuses what it does not see: arguments and durations at a return, conditions of sums', () => {
    expect(() => command({ kind: 'returns', condition: 'flags == 1' })).toThrow(/no flags/);
    expect(() => command({ kind: 'returns', condition: 'duration > 1ms' })).toThrow(/no duration/);
    expect(() => command({ kind: 'stacks', condition: 'pid == 1' })).toThrow(/cannot check all/);
    expect(() => command({ kind: 'count', condition: 'comm == "dd"' })).toThrow(/cannot check all/);
  });

  it('names an argument whose name could be a sign of the format by its place', () => {
    const parameters = [{ name: '%s" , x', type: 'int' }];
    expect(command({ parameters }).options.at(-1)).toBe('p::zfs_lookup "arg1=%lld", (s32)arg1');
  });
});
