import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TRACE } from '../../../../src/target/collectors/trace-run-shell.ts';
import { flavours, runScript } from './flavours.ts';

let folder: string;

const write = (name: string, text: string, mode = 0o644) => {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
};

/** As a kernel has them whose calls came quickly: what was text is read, and 300 entries wait on one of two processors. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zscope-pages-'));
  write('trace_pipe', 'text\n');
  write('tracing_on', '1\n');
  write('options/stacktrace', '0\n');
  write('per_cpu/cpu0/stats', 'entries: 0\noverrun: 0\n');
  write('per_cpu/cpu1/stats', 'entries: 300\noverrun: 0\n');
  write('per_cpu/cpu1/trace_pipe_raw', 'PAGE\n');
  for (const layout of ['header_page', 'ftrace/kernel_stack/format', 'ftrace/print/format']) {
    write(`events/${layout}`, '');
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

for (const flavour of flavours) {
  describe.skipIf(!flavour.present)(`pages of a trace, by ${flavour.name}`, () => {
    const isBusybox = flavour.name === 'busybox';

    test('are read by processor, and once more when the reader is ended in its pause', () => {
      const dd = isBusybox ? 'busybox dd' : '/bin/dd';
      write('bin/dd', `#!/bin/sh\necho "$*" >>'${folder}/asked'\nexec ${dd} "$@"\n`, 0o755);
      const { stdout, status } = runScript(
        `${TRACE}PATH='${folder}/bin':$PATH
tracefs='${folder}' instance='${folder}' name=none mark='#m'
sleep() { read -r id <'${folder}/id'; kill -TERM $id; }
mkfifo '${folder}/gate'; exec 4<>'${folder}/gate'
(read -r go <&4; exec 4<&-; pages) &
echo $! >'${folder}/id'
echo >&4
wait $!`,
        flavour,
      );
      const round = '#m pages 1\nPAGE\n';
      expect(stdout.replace(/^text\n\s*/, '')).toBe(`${round}#m round\n${round}#m round last\n`);
      expect(status).toBe(0);
      expect(readFileSync(join(folder, 'tracing_on'), 'utf8')).toBe('0\n');
      const asked = readFileSync(join(folder, 'asked'), 'utf8').split('\n');
      const pages = asked.filter((line) => line.includes('trace_pipe_raw'));
      // Where a read waits for what is not there yet, no more is asked for than is there.
      const [count, waits] = isBusybox ? [2, true] : [18, false];
      expect(pages).toHaveLength(2);
      for (const line of pages) {
        expect(line).toMatch(new RegExp(`count=${count}\\b`));
        expect(line.includes('iflag=nonblock')).toBe(!waits);
      }
    });
  });
}
