import { describe, expect, it } from 'vitest';
import { bpftraceContext } from '../../../../src/core/tracers/bpftrace/bpftrace-context.ts';

describe('what is being written in a bpftrace program', () => {
  it('is the function of a probe', () => {
    expect(bpftraceContext('kprobe:zil_co')).toEqual({ kind: 'function', module: null, prefix: 'zil_co' });
    expect(bpftraceContext('BEGIN { @a = 1; }\nkprobe:zil_commit,\nfexit:zfs:')).toEqual({
      kind: 'function',
      module: 'zfs',
      prefix: '',
    });
    expect(bpftraceContext('tracepoint:sched:sch')).toBeNull();
    expect(bpftraceContext('interval:s:1 { print(kprobe:')).toBeNull();
  });

  it('is an argument of the probe around it', () => {
    const program =
      'kprobe:zio_wait { @ = count(); }\nfentry:zfs:zil_commit\n/pid == 1/\n{\n  if (1) { printf("}", ';
    expect(bpftraceContext(`${program}args.fo`)).toEqual({
      kind: 'argument',
      symbol: 'zil_commit',
      module: 'zfs',
      by: 'args',
    });
    expect(bpftraceContext(`${program}args->`)).toMatchObject({ symbol: 'zil_commit', by: 'args' });
    expect(bpftraceContext('kprobe:"zil_commit.isra.0" { $x = arg')).toMatchObject({
      symbol: 'zil_commit.isra.0',
      by: 'arg0',
    });
    expect(bpftraceContext('BEGIN { args.')).toBeNull();
    expect(bpftraceContext(`${program}foo.`)).toBeNull();
  });

  it('takes time by the length of the text', () => {
    const long = `kprobe:a { ${'/* " { */ args.x; "}" '.repeat(20_000)}`;
    const started = performance.now();
    expect(bpftraceContext(`${long} args.`)).toBeNull();
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
