import { readdir } from 'node:fs/promises';

/** The folder of kept sessions in the storage of the extension. */
export const SESSIONS_FOLDER = 'trace-sessions';

/** How the name of a session's file ends. */
export const EXTENSION = '.trace.jsonl';

/** Whether a folder may have sessions; costs less than to list them. */
export async function keepsSessions(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  return names.some((name) => name.endsWith(EXTENSION));
}
