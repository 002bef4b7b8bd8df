import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TRACE } from '../../../../src/target/collectors/trace-run-shell.ts';
import { PRELUDE } from '../../../../src/target/collectors/trace-shell.ts';
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

    test('are read by processor, and till nothing is left when the reader is ended in its pause', () => {
      const dd = isBusybox ? 'busybox dd' : '/bin/dd';
      // The last page is read at the third turn.
      write(
        'bin/dd',
        `#!/bin/sh
echo "$*" >>'${folder}/asked'
[ $(grep -c trace_pipe_raw '${folder}/asked') -lt 3 ] || echo 'entries: 0' >'${folder}/per_cpu/cpu1/stats'
exec ${dd} "$@"
`,
        0o755,
      );
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
      expect(stdout.replace(/^text\n\s*/, '')).toBe(`${round}#m round\n${round}${round}#m round last\n`);
      expect(status).toBe(0);
      expect(readFileSync(join(folder, 'tracing_on'), 'utf8')).toBe('0\n');
      const asked = readFileSync(join(folder, 'asked'), 'utf8').split('\n');
      const pages = asked.filter((line) => line.includes('trace_pipe_raw'));
      // Where a read waits for what is not there yet, no more is asked for than is there.
      const [count, waits] = isBusybox ? [2, true] : [18, false];
      expect(pages).toHaveLength(3);
      for (const line of pages) {
        expect(line).toMatch(new RegExp(`count=${count}\\b`));
        expect(line.includes('iflag=nonblock')).toBe(!waits);
      }
    });

    test.each(['lines', 'pages'])('what is not printed yet at a stop is read to its end, as %s', (way) => {
      rmSync(join(folder, 'trace_pipe'));
      rmSync(join(folder, 'tracing_on'));
      write('per_cpu/cpu1/stats', 'entries: 0\n');
      write('kprobe_profile', '');
      write('events/none/enable', '');
      // What stands for the kernel stops all once it is read, and has more till it is told that this was the last.
      const { stdout, status } = runScript(
        `${TRACE}
tracefs='${folder}' instance='${folder}' name=none session=none mark='#m' how=arguments
reader=
sleep() { command sleep 0.05; }
mkfifo '${folder}/trace_pipe' '${folder}/trace_marker' '${folder}/tracing_on' '${folder}/id'
(
  exec 5>'${folder}/trace_pipe'
  read -r id <'${folder}/id'
  exec 6<>'${folder}/trace_marker' 7<>'${folder}/tracing_on'
  kill -TERM $$ $id
  last=
  while [ "$last" != '#m last' ]; do read -r last <&6; done
  echo rest >&5
  read -r line <&7
  read -r on <&7
  echo "$last $line $on" >&5
) >/dev/null &
enable() { echo $reader >'${folder}/id'; }
record 1000 600 0 1 ${way}`,
        flavour,
      );
      expect(stdout).toBe('#m started arguments\nrest\n#m last 1 0\n\n#m counters 0 0 0\n#m complete\n');
      expect(status).toBe(0);
    });

    test.each([
      [
        0,
        "until grep -q '#m last' $marker; do sleep 0.05; done; echo rest >&5",
        'rest\n\n#m counters 0 0 0',
        true,
      ],
      // It never ends while somebody reads.
      [7, 'while kill -0 $$; do sleep 0.05; done', '\n#m counters 0 7 0', false],
    ])(
      'at a limit lines are read to their end, and what is left is lost (%d entries)',
      (left, kernel, told, whole) => {
        rmSync(join(folder, 'trace_pipe'));
        write('per_cpu/cpu1/stats', `entries: ${left}\nread events: 5\n`);
        write('kprobe_profile', '');
        write('trace_marker', '');
        const { stdout, status } = runScript(
          `${TRACE}
tracefs='${folder}' instance='${folder}' name=none session=none mark='#m' how=arguments
reader=
mkfifo '${folder}/trace_pipe'
(marker='${folder}/trace_marker'; exec 5>'${folder}/trace_pipe'; ${kernel}) >/dev/null 2>&1 &
sleep() { command sleep ${whole ? 0.5 : 0.05}; }
enable() { :; }
record 1 600 0 1 lines`,
          flavour,
        );
        const end = stdout.replace(/(?<=limit events )\d+/, 'RATE');
        expect(end).toBe(
          `#m started arguments\n${told}\n#m limit events RATE\n${whole ? '#m complete\n' : ''}`,
        );
        expect(status).toBe(0);
      },
    );

    test('who reads is ended by HUP also when it comes just as that begins', () => {
      rmSync(join(folder, 'trace_pipe'));
      // The reader of lines is forked right behind the look at the clock, which sends the signal a little later each time.
      const { stdout, status } = runScript(
        `${TRACE}
tracefs='${folder}' instance='${folder}' name=none mark='#m'
mkfifo '${folder}/trace_pipe' '${folder}/gate'
exec 4<>'${folder}/gate' 5<>'${folder}/trace_pipe'
centiseconds() { (turn=0; while [ $turn -lt $late ]; do turn=$((turn + 1)); done; kill -HUP $id) 5>&- & }
late=0
while [ $late -lt 600 ]; do
  (read -r id <&4; pages) &
  echo $! >&4
  wait $!
  late=$((late + 12))
done
exec 5>&-
for process in /proc/[0-9]*; do
  [ "$(readlink $process/fd/0)" = '${folder}/trace_pipe' ] && echo "left $process" && kill -KILL \${process#/proc/}
done
exit 0`,
        flavour,
      );
      expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
    });

    test('sums are read once more when they are stopped, and what reads them is not cut', () => {
      write('kprobe_profile', '');
      write('events/none/f/hist', '{ before }\n');
      // The word to stop comes while the sums are read, and more calls right behind them.
      const { stdout, status } = runScript(
        `${TRACE}
tracefs='${folder}' instance='${folder}' name=none session=none mark='#m' how=arguments
reader=
sleep() { command sleep 0.01; }
counters() {
  calls=0 overrun=0 missed=0
  [ -n "$over" ] || { kill -TERM $$; echo '{ after }' >'${folder}/events/none/f/hist'; }
}
tally 600`,
        flavour,
      );
      const sums = (rows: string) => `#m hist f\n{ ${rows} }\n#m counters 0 0 0\n`;
      expect(stdout).toBe(`#m started arguments\n${sums('before')}${sums('after')}#m complete\n`);
      expect(status).toBe(0);
    });

    test('nobody who takes no notice of TERM reads before there is a session that would end it', () => {
      write('kprobe_events', '');
      mkdirSync(join(folder, 'instances'));
      const { stdout, status } = runScript(
        `${PRELUDE}${TRACE}tracefs='${folder}'
ahead '#m' ab lines
echo "made $made reader $reader"`,
        flavour,
      );
      expect({ stdout, status }).toEqual({ stdout: 'made ab reader \n', status: 0 });
    });
  });
}
