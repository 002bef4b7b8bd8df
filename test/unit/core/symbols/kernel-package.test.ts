import { expect, test } from 'vitest';
import { kernelDebugPackage } from '../../../../src/core/symbols/kernel-package.ts';

test.each([
  // Debian 13 and 12, Ubuntu 24.04, Fedora 40, RHEL 9, openSUSE, a kernel of one's own.
  ['6.12.117+deb13-amd64', 'linux-image-6.12.117+deb13-amd64-dbg'],
  ['6.1.0-28-amd64', 'linux-image-6.1.0-28-amd64-dbg'],
  ['6.8.0-45-generic', 'linux-image-6.8.0-45-generic-dbgsym'],
  ['6.11.4-201.fc40.x86_64', 'kernel-debuginfo-6.11.4-201.fc40.x86_64'],
  ['5.14.0-503.11.1.el9_5.x86_64', 'kernel-debuginfo-5.14.0-503.11.1.el9_5.x86_64'],
  ['6.4.0-150600.21-default', 'kernel-default-debuginfo'],
  ['6.9.0-rc3', null],
  ['6.1.0-28-amd64; reboot', null],
])('the debug package of the kernel %s', (release, name) => {
  expect(kernelDebugPackage(release)).toBe(name);
});
