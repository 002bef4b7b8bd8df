import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A shell and an awk that targets have, as far as this machine has them, too. */
export interface Flavour {
  readonly name: string;
  /** False when this machine has no such awk or shell. */
  readonly present: boolean;
  readonly shell: readonly string[];
  readonly awk: string;
}

export const flavours: readonly Flavour[] = [
  flavour('sh with mawk', ['sh'], 'mawk'),
  flavour('bash --posix with gawk', ['bash', '--posix'], 'gawk'),
  flavour('busybox', ['busybox', 'sh'], 'busybox awk'),
];

/** Runs a script as a supervisor does and returns what it printed. */
export function runScript(
  script: string,
  { shell, awk, name }: Flavour,
): { stdout: string; status: number | null } {
  const bin = mkdtempSync(join(tmpdir(), 'zscope-awk-'));
  writeFileSync(join(bin, 'awk'), `#!/bin/sh\nexec ${awk} "$@"\n`);
  chmodSync(join(bin, 'awk'), 0o755);
  const [command = 'sh', ...args] = shell;
  const result = spawnSync(command, [...args, '-c', script], {
    env: { PATH: `${bin}:${process.env['PATH']}`, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 << 20,
    timeout: 60_000,
  });
  rmSync(bin, { recursive: true, force: true });
  if (result.error !== undefined) {
    throw new Error(`${name}: ${result.error.message}`);
  }
  return { stdout: result.stdout.toString('utf8'), status: result.status };
}

function flavour(name: string, shell: readonly string[], awk: string): Flavour {
  const has = (command: string) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
  return { name, shell, awk, present: has(shell[0] ?? '') && has(awk.split(' ')[0] ?? '') };
}
