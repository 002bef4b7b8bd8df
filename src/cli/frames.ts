/**
 * `frames`: prints what was read of a text, without any source: a line of JSON for each frame and
 * each place in a source file, in the order of the text.
 */
import type { FrameItem, SourceItem } from '../core/stack/text/items.ts';
import { StackTextReader } from '../core/stack/text/reader.ts';
import { ByteDecoder } from './bytes.ts';
import type { Input } from './inputs.ts';
import { json } from './labels.ts';
import type { Output } from './output.ts';

/** Writes the lines of each text. Lines are counted anew in each. */
export async function printFrames(inputs: Iterable<Input>, output: Output): Promise<void> {
  for (const input of inputs) {
    await printText(input, output);
  }
  await output.flush();
}

async function printText(input: Input, output: Output): Promise<void> {
  const reader = new StackTextReader((item) => {
    if (item.kind === 'frame' || item.kind === 'source') {
      output.add(`${formatItem(item)}\n`);
    }
  });
  const decoder = new ByteDecoder();
  for await (const chunk of input) {
    reader.push(decoder.write(chunk));
    await output.breathe();
  }
  reader.push(decoder.end());
  reader.end();
  await output.breathe();
}

/** The line for an item: `{"line":12,"function":"zil_commit","offset":23,...}`. */
export function formatItem(item: FrameItem | SourceItem): string {
  const { line } = item;
  return json(
    item.kind === 'frame'
      ? {
          line,
          function: item.function,
          offset: item.offset,
          size: item.size,
          module: item.module,
          reliable: item.reliable,
        }
      : { line, path: item.path, sourceLine: item.sourceLine, function: item.function },
  );
}
