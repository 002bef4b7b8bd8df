/** The files with debug info that were named. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { Failure, isFailure } from '../core/failure.ts';
import { type OpenDebugFile, openFile } from '../server/modules/open-debug-file.ts';

export interface OpenModule extends OpenDebugFile {
  /** As it was named. */
  readonly path: string;
}

/**
 * @param unpacked gives the path of the same file unpacked
 * @throws Failure
 */
export async function openModule(
  file: string,
  unpacked: (file: string) => Promise<string>,
): Promise<OpenModule> {
  const status = statSync(file, { throwIfNoEntry: false });
  if (!status?.isFile()) {
    const what = status === undefined ? 'not there' : status.isDirectory() ? 'a folder' : 'no regular file';
    throw new Failure('bad-file', `${file} is ${what}.`, 'Name the file of the module with --module.');
  }
  try {
    return { ...openFile(isElf(file) ? file : await unpacked(file)), path: file };
  } catch (error) {
    throw isFailure(error) ? naming(file, error) : error;
  }
}

/** The same with the name of the file where it speaks of "the file". */
export function naming(file: string, failure: Failure): Failure {
  const said = failure.message.replace(/^The (?:debug )?file(?: of the module)?(?= )/, () => file);
  const message = said === failure.message ? `${file}: ${said}` : said;
  return new Failure(failure.code, message, failure.remedy);
}

function isElf(file: string): boolean {
  const handle = openSync(file, 'r');
  try {
    const head = Buffer.alloc(4);
    readSync(handle, head);
    return head.equals(Buffer.from('\x7fELF', 'latin1'));
  } finally {
    closeSync(handle);
  }
}
