import { describe, expect, test } from 'vitest';
import type { JobEnd } from '../../../src/target/framing.ts';
import { account, streamEnd } from '../../../src/target/job-outcome.ts';
import type { JobResult } from '../../../src/target/remote-job.ts';

function result(end: JobEnd | null, more: Partial<JobResult> = {}): JobResult {
  return { end, wasReady: true, unanswered: false, shellStatus: null, stderr: '', ...more };
}

describe('the end of a stream', () => {
  test('only a target that said so has confirmed its clean-up', () => {
    const ends = (
      [
        result({ why: 'stopped', status: 143, left: 'none' }),
        result({ why: 'stopped', status: 143, left: 'rests' }, { stderr: 'probe x' }),
        result({ why: 'finished', status: 0, left: 'stuck' }),
        result({ why: 'silent', status: 0, left: 'none' }),
        result(null, { unanswered: true }),
        result(null),
      ] as const
    ).map((each) => streamEnd(each, null));
    expect(ends.map(({ reason, cleanUp }) => `${reason} ${cleanUp}`)).toEqual([
      'stopped confirmed',
      'stopped failed',
      'finished failed',
      'lost confirmed',
      'stopped unknown',
      'lost unknown',
    ]);
    expect(ends[1]?.stderr).toBe('probe x');
    expect(ends[2]?.stderr).toContain('could not be ended');
  });
});

describe('what the Log tells', () => {
  test('both ends of a long output, and stderr, with nothing a terminal obeys', () => {
    const output = [
      Buffer.from(`first\u001b[2J${'-'.repeat(5000)}`),
      Buffer.from(`${'-'.repeat(5000)}last\n`),
    ];
    const [stderr = '', text = '', ...more] = account('awk: \u0007no\nmore\n', output);
    expect(more).toEqual([]);
    expect(stderr).toBe('on stderr:\nawk: ␇no\nmore');
    expect(text).toMatch(/^its output:\nfirst␛\[2J-+\n\(\d+ bytes left out\)\n-+last$/);
    expect(text.length).toBeLessThan(4300);
  });

  test('nothing of nothing', () => {
    expect(account(' \n', [])).toEqual([]);
    expect(account('', [Buffer.from('short')])).toEqual(['its output:\nshort']);
  });
});
