/** What answers addresses: a bundle of its own, since nothing else of the command line is needed for it. */
import { writeSync } from 'node:fs';
import { Failure } from '../core/failure.ts';
import { inert } from '../core/text/inert.ts';
import { type AddressesOptions, printAddresses } from './addresses.ts';
import { openModule } from './module-file.ts';

interface AddressesCommand extends Omit<AddressesOptions, 'section'> {
  /** What plain numbers of a module are offsets of; .text unless told. */
  readonly section: string | undefined;
  /** Gives the path of a packed module's file that is unpacked. */
  readonly unpacked: (packed: string) => Promise<string>;
}

/**
 * @param queries answers those of standard input when there are none
 * @throws Failure
 */
export async function answerAddresses(
  module: string,
  queries: readonly string[],
  { unpacked, section, ...options }: AddressesCommand,
): Promise<void> {
  const { file, source } = await openModule(module, unpacked);
  try {
    if (!file.hasLines) {
      writeSync(2, `zscope: ${module} has no debug info: nothing is known of its addresses.\n`);
    }
    if (section !== undefined && file.kind === 'module' && !file.hasSection(section)) {
      throw new Failure(
        'bad-request',
        `${module} has no section ${inert(section)} with anything in it that is loaded.`,
        'Name one of those with code that readelf -S lists, as .text, by --section.',
      );
    }
    await printAddresses(file, queries, { ...options, section: section ?? '.text' });
  } finally {
    source.dispose();
  }
}
