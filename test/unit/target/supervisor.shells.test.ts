import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BEAT_SECONDS, supervise } from '../../../src/target/supervisor.ts';
import { flavours, runScript } from './collectors/flavours.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zscope-supervisor-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

for (const flavour of flavours) {
  describe.skipIf(!flavour.present)(`a supervisor, by ${flavour.name}`, () => {
    test('waits for the last words of a stream, also when its ticker sends a signal meanwhile', () => {
      // Till it ended no tick comes but the one that the job itself sends, and the word to stop is its own. One comes
      // later: bash may miss the end while it runs a trap, and a tick is what gets it out of its wait.
      mkdirSync(join(folder, 'bin'));
      const sleep = `#!/bin/sh\n[ "$1" != ${BEAT_SECONDS} ] || set -- 20\nexec /bin/sleep "$@"\n`;
      writeFileSync(join(folder, 'bin/sleep'), sleep, { mode: 0o755 });
      const nonce = '0123456789abcdef'.repeat(2);
      const { stdout, status } = runScript(
        `mkfifo '${folder}/in'; exec 0<>'${folder}/in'; PATH='${folder}/bin':$PATH
${supervise({
  nonce,
  preamble: '',
  script: `trap 'kill -USR1 $PPID; sleep 3; echo last words; exit' TERM
kill -TERM $PPID
while :; do sleep 0.1; done 2>/dev/null`,
  cleanup: 'echo cleaned',
  kind: 'stream',
})}`,
        flavour,
      );
      expect(stdout.split('\n')).toEqual([
        `\x1e${nonce} ready`,
        'last words',
        expect.stringMatching(`^\x1e${nonce} end stopped \\d+ rests$`),
        '',
      ]);
      expect(status).toBe(0);
    });
  });
}
