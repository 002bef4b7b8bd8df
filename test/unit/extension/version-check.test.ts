import { describe, expect, it } from 'vitest';
import { versionRemark } from '../../../src/extension/source/version-check.ts';

describe('the source against the running module', () => {
  it.each([
    ['2.3.9-1', '2.3.9-1'],
    ['2.3.9-1~deb13u1', '2.3.9-1'],
    ['2.3.99-123_gabcdef', '2.3.99-1'],
    ['2.3.9-1', null],
  ])('%s is the source %s: nothing to say', (running, source) => {
    expect(versionRemark(running, source, 800)).toBe('');
  });

  it.each([
    ['2.3.9-1', '2.3.8-1'],
    ['2.3.99-123_gabcdef', '2.3.9-1'],
    ['2.2.99-5_g123456', '2.3.99-1'],
  ])('%s is not the source %s', (running, source) => {
    const remark = versionRemark(running, source, 800);
    expect(remark).toContain(running);
    expect(remark).toContain(source);
  });

  it('says what to do when there is no module or no source', () => {
    expect(versionRemark(null, '2.3.9-1', 800)).toContain('modprobe zfs');
    expect(versionRemark('2.3.9-1', null, 0)).toContain('Open the source folder');
  });
});
