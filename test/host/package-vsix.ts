/** Packs the extension as it is published: a .vsix with the production bundles. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, repository } from '../support/paths.ts';
import { cleanEnvironment } from './processes.ts';

const run = promisify(execFile);

/**
 * Packs the extension in `extension` (default: this repository) into `folder` (default: a cache
 * folder) and returns the package's path. vsce runs the `vscode:prepublish` script, if there is
 * one, which makes the bundles; dependencies are in the bundles, not in the package.
 * @throws Error with vsce's own words when it refuses.
 */
export async function packageVsix(options: { extension?: string; folder?: string } = {}): Promise<string> {
  const extension = options.extension ?? repository;
  const folder = options.folder ?? path.join(cacheFolder(), 'vsix');
  const manifest = JSON.parse(readFileSync(path.join(extension, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
  };
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${manifest.name}-${manifest.version}.vsix`);
  const vsce = path.join(repository, 'node_modules/.bin/vsce');
  const args = [
    'package',
    '--no-dependencies',
    '--allow-missing-repository',
    '--no-rewrite-relative-links',
    '--out',
    file,
  ];
  try {
    await run(vsce, args, { cwd: extension, env: cleanEnvironment(), maxBuffer: 64 << 20 });
  } catch (error) {
    const words = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Error(`vsce could not pack ${extension}: ${words}`);
  }
  return file;
}
