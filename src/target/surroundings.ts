import { readdirSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';

/** Where Windows has its named pipes. */
export const PIPES = '\\\\.\\pipe\\';

/** Options of the configuration: lower-case keyword to its values in order. */
export type SshOptions = ReadonlyMap<string, readonly string[]>;

/** Where the person's own things are; a test gives others. */
export interface Surroundings {
  readonly home: string;
  readonly user: string;
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  /** Names of the named pipes that are there, on Windows. */
  readonly pipes?: () => readonly string[];
}

export function ownSurroundings(): Surroundings {
  const { env, platform } = process;
  return { home: homedir(), user: userInfo().username, env, platform, pipes: namedPipes };
}

function namedPipes(): readonly string[] {
  try {
    return readdirSync(PIPES);
  } catch {
    return [];
  }
}

/**
 * True for names that are safe as an argument of ssh and in a file: no leading dash, no control
 * characters, spaces or characters that mean something to a shell.
 */
export function isSafeAlias(alias: string): boolean {
  return /^[\p{L}\p{N}_.:@%+[\]][\p{L}\p{N}_.:@%+[\]-]*$/u.test(alias) && alias.length <= 255;
}

/** A text of a configuration as a message can quote it. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 80);
}
