/** The commands that read texts, and what unpacks modules: a bundle that `addresses` mostly does without. */
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { cacheFolder } from './cache-folder.ts';
import { decode } from './decode.ts';
import { printFrames } from './frames.ts';
import { inputsOf } from './inputs.ts';
import { Output } from './output.ts';
import { unwritten } from './reason.ts';
import { Resolver } from './resolver.ts';
import { UnpackedFiles } from './unpacked.ts';

interface DecodeCommand {
  readonly modules: readonly string[];
  readonly sources: readonly string[];
  readonly mappings: Readonly<Record<string, string>>;
  readonly group: boolean;
  readonly json: boolean;
}

export async function frames(files: readonly string[]): Promise<void> {
  endWithReader();
  await printFrames(inputsOf(files, process.stdin, unreadable), new Output(process.stdout));
}

/** @throws Failure when a file or folder that was named cannot be read */
export async function decodeTexts(
  files: readonly string[],
  { modules, sources, mappings, group, json }: DecodeCommand,
): Promise<void> {
  endWithReader();
  const said = new Set<string>();
  const warn = (sentence: string) => {
    if (!said.has(sentence)) {
      said.add(sentence);
      process.stderr.write(`zscope: ${sentence}\n`);
    }
  };
  const resolver = await Resolver.open({ modules, sources, pathMappings: mappings, warn });
  try {
    const inputs = inputsOf(files, process.stdin, unreadable);
    await decode(inputs, resolver, new Output(process.stdout), { group, json });
    if (resolver.hasFrames && !group && modules.length === 0 && sources.length === 0) {
      warn('No lines can be found: name the source tree with --source, or debug info with --module.');
    }
  } finally {
    await resolver.close();
  }
}

/** Path of a packed module's file that is unpacked. @throws Failure when it cannot be */
export function unpackedFile(packed: string): Promise<string> {
  return new UnpackedFiles(path.join(cacheFolder(), 'unpacked')).get(packed);
}

/** Whoever reads the output may stop: `| head` is no error. */
function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      process.exit(0);
    }
    process.stderr.write(`zscope: ${unwritten(error)}\n`);
    process.exit(1);
  });
}

/** Says which text could not be read; the others are. */
function unreadable(failure: Failure): void {
  process.stderr.write(`zscope: ${failure.message}\n`);
  process.exitCode = 1;
}
