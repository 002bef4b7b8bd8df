import { expect, test } from 'vitest';
import { buildId, facts } from '../../../src/target/collectors/facts.ts';

test('a note section as the kernel shows it', () => {
  const id = '4f265041fc3ac07423f9fbe835c9271f18fba8d7';
  expect(buildId(`040000001400000003000000474e5500${id}`)).toBe(id);
  expect(buildId('')).toBeNull();
  expect(buildId('0400000014000000030000')).toBeNull();
  expect(buildId(`040000001400000001000000474e5500${id}`)).toBeNull();
  expect(buildId(`040000001400000003000000474e5500${id.slice(4)}`)).toBeNull();
});

test('a machine without ZFS', () => {
  const output = 'hostname vm\nrelease 6.12.1\nmachine x86_64\nboot 0-1\nroot none\nprograms su sudo\n';
  expect(facts.decode(output, null)).toEqual({
    hostname: 'vm',
    kernelRelease: '6.12.1',
    machine: 'x86_64',
    bootId: '0-1',
    root: 'none',
    leftovers: 0,
    rootPrograms: ['sudo', 'su'],
    zfsVersion: null,
    zfsBuildId: null,
    zfsSrcversion: null,
  });
});

test('a machine with ZFS', () => {
  const output = `hostname vm
release 6.12.1
machine aarch64
boot 0-1
root sudo
version 2.3.9-0
srcversion D994CC
note
 04 00 00 00 04 00 00 00 03 00 00 00 47 4e 55 00
 de ad be ef
`;
  expect(facts.decode(output, null)).toMatchObject({
    root: 'sudo',
    leftovers: 0,
    zfsVersion: '2.3.9-0',
    zfsSrcversion: 'D994CC',
    zfsBuildId: 'deadbeef',
  });
});

test('what is no Linux machine is said to be none', () => {
  expect(() => facts.decode('', null)).toThrowError(/does not answer like a Linux machine/);
});

test('no value is longer than anybody wants to see', () => {
  const long = 'x'.repeat(100_000);
  const found = facts.decode(
    `hostname ${long}\nrelease ${long}\nmachine ${long}\nboot ${long}\nroot none\nversion ${long}\nsrcversion ${long}\nnote\n04 00 00 00 ff ff 00 00 03 00 00 00 47 4e 55 00 ${'ab '.repeat(100_000)}`,
    null,
  );
  for (const value of Object.values(found)) expect(value?.length ?? 0).toBeLessThanOrEqual(200);
  expect(found.zfsBuildId).toBeNull();
});
