import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isModuleLoaded, moduleState } from '../../../../src/target/collectors/module-loaded.ts';

let sys: string;
beforeAll(() => {
  sys = mkdtempSync(join(tmpdir(), 'zscope sys '));
  const states = { zfs: 'live', coming: 'coming', with_dash: 'live', built_in: null };
  for (const [name, state] of Object.entries(states)) {
    mkdirSync(join(sys, 'module', name), { recursive: true });
    if (state !== null) writeFileSync(join(sys, 'module', name, 'initstate'), `${state}\n`);
  }
});
afterAll(() => rmSync(sys, { recursive: true }));

test.each([
  ['zfs', true],
  ['with-dash', true],
  ['built_in', true],
  ['coming', false],
  ['absent', false],
])('%s is there: %s', (module, isThere) => {
  const output = execFileSync('sh', { input: moduleState(module, sys), encoding: 'utf8' });
  expect(isModuleLoaded.decode(output, { module })).toBe(isThere);
});

test('only a name gets into the script', () => {
  expect(() => isModuleLoaded.script({ module: 'zfs; reboot' })).toThrow('no name');
});
