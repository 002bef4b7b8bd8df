import os from 'node:os';
import path from 'node:path';
import { indexPath } from './paths.ts';

/** What a person sets about where sources are (`zscope.source` in package.json). */
export interface SourceSettings {
  /** Absolute paths of folders with C sources outside the workspace. */
  readonly roots: readonly string[];
  /** From the start of a path as a build names it to an absolute path here. */
  readonly pathMappings: Readonly<Record<string, string>>;
}

/**
 * Makes sense of the settings as a client hands them out: wrong types are left out, `~/` is the home
 * folder, and a relative path counts from the first folder of the workspace.
 */
export function readSourceSettings(value: unknown, workspaceFolder: string | null): SourceSettings {
  const given = isRecord(value) ? value : {};
  const absolute = (file: string): string => {
    const whole = /^~[/\\]/.test(file) ? path.join(os.homedir(), file.slice(2)) : file;
    return indexPath(workspaceFolder === null ? whole : path.resolve(workspaceFolder, whole));
  };
  const roots = Array.isArray(given['roots']) ? given['roots'].filter((one) => typeof one === 'string') : [];
  const mappings = isRecord(given['pathMappings']) ? Object.entries(given['pathMappings']) : [];
  return {
    roots: roots.map(absolute).filter((root) => path.isAbsolute(root)),
    pathMappings: Object.fromEntries(
      mappings.flatMap(([from, to]) => (typeof to === 'string' && from !== '' ? [[from, absolute(to)]] : [])),
    ),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
