import { describe, expect, it } from 'vitest';
import { changeRemark, unknownRemark, versionRemark } from '../../../src/extension/source/version-check.ts';

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

  it('shows of a version only what can be seen, however long it is', () => {
    const version = `2.3.99-1_gabcdef0\u001b[31m\u202e${'9'.repeat(1000)}`;
    const remarks = [
      versionRemark(version, '2.2.0-1', 800),
      unknownRemark(version),
      changeRemark(version, null, ['zil.c']),
    ];
    for (const remark of remarks) {
      expect(remark).toMatch(/^The target runs ZFS 2\.3\.99-1_gabcdef0␛\[31m<U\+202E>9+…/);
      expect(remark.length).toBeLessThan(400);
    }
  });
});
