import { describe, expect, test } from 'vitest';
import { TOOL, toolCall } from '../../../../src/target/collectors/trace-tool.ts';
import { flavours, runScript } from './flavours.ts';

/** A tool that goes on until it is asked to end, and a stop of the whole job once it is ready. */
const stopped = (atEnd: string) => `${TOOL}
sleep() { command sleep 0.1; }
attend() {
  [ -z "$asked" ] || return 0
  read -r ready <"$fifo"
  asked=1
  kill -TERM $tool $$
}
asked= fifo=$(mktemp -u)
mkfifo "$fifo"
export fifo
${toolCall(['sh', '-c', `trap '${atEnd}' TERM; echo ready >"$fifo"; rm "$fifo"; while :; do sleep 0.1; done`], {}, 600, '#m')}`;

for (const flavour of flavours) {
  describe.skipIf(!flavour.present)(`a tool, by ${flavour.name}`, () => {
    test.each([
      ['sleep 1; echo map; exit', 'map\n\n#m stopped 0\n'],
      ['exit 3', '\n#m stopped 3\n'],
    ])('that is stopped is waited for, and its status told (%s)', (atEnd, told) => {
      const { stdout, status } = runScript(stopped(atEnd), flavour);
      expect(stdout.replace(/^#m pid \d+\n/, '')).toBe(told);
      expect(status).toBe(0);
    });
  });
}
