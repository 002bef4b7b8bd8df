import os from 'node:os';
import path from 'node:path';

/** Where what can be made again is kept. */
export function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return path.join(
    base !== undefined && path.isAbsolute(base) ? base : path.join(os.homedir(), '.cache'),
    'zscope',
  );
}
