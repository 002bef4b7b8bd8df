import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { watchErrors } from '../../../../src/target/collectors/watch-errors.ts';
import { flavours, runScript } from './flavours.ts';

const PARAMS = { sessionId: 'ab', machine: 'x86_64' };

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zscope-errors-'));
  writeFileSync(join(folder, 'kprobe_events'), '');
  writeFileSync(join(folder, 'kprobe_profile'), '  set_error_ab  3  0\n  set_error_cd  9  0\n');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

for (const flavour of flavours) {
  describe.skipIf(!flavour.present)(`the watch for errors, by ${flavour.name}`, () => {
    test('prints at a stop what was recorded, with the last count', () => {
      // What stands for the kernel has a stop come once it is read, and more till it is told that this was the last.
      const { stdout, status } = runScript(
        `${watchErrors.preamble}
tracefs='${folder}'
mkfifo '${folder}/trace_pipe' '${folder}/gate'
exec 4<>'${folder}/gate'
mkdir() {
  command mkdir -p "$1/options" "$1/events/$name" "$1/per_cpu/cpu0"
  echo 'entries: 0' >"$1/per_cpu/cpu0/stats"
  ln -s '${folder}/trace_pipe' "$1/trace_pipe"
  (
    exec 5>'${folder}/trace_pipe'
    echo >&4
    until grep -q '#zscope-ab last' "$1/trace_marker"; do command sleep 0.05; done
    echo rest >&5
  ) >/dev/null 2>&1 &
}
sleep() { read -r go <&4; kill -TERM $$ $reader; }
${watchErrors.script(PARAMS)}`,
        flavour,
      );
      expect({ stdout, status }).toEqual({
        stdout: 'rest\n\n#zscope-ab total 3 0\n#zscope-ab complete\n',
        status: 0,
      });
    });
  });
}
