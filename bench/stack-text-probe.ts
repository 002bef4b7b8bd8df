/**
 * Reads the file in its argument as the command line does and prints, as JSON, how long that took and
 * what was found. A process of its own, so that nothing else is on its heap.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { ByteDecoder } from '../src/cli/bytes.ts';
import { StackTextReader } from '../src/core/stack/text/reader.ts';

/** What a stream of a file gives at a time (fs.createReadStream), from which the command line reads. */
const PIECE = 64 << 10;

const started = performance.now();
let frames = 0;
const reader = new StackTextReader((item) => {
  frames += item.kind === 'frame' ? 1 : 0;
});
const decoder = new ByteDecoder();
const bytes = Buffer.alloc(PIECE);
const file = openSync(process.argv[2] ?? '', 'r');
for (let length = readSync(file, bytes); length > 0; length = readSync(file, bytes)) {
  reader.push(decoder.write(bytes.subarray(0, length)));
}
closeSync(file);
reader.push(decoder.end());
reader.end();
console.log(
  JSON.stringify({
    ms: performance.now() - started,
    frames,
    // KiB, of the process since its start
    memory: process.resourceUsage().maxRSS,
  }),
);
