const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there',
  EISDIR: 'it is a folder',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  ENOSPC: 'no space is left',
  Z_BUF_ERROR: 'its end is missing',
  Z_DATA_ERROR: 'it is damaged',
};

/** What a system call said, in words where that helps. */
export function reason(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return (code !== undefined ? (REASONS[code] ?? code) : undefined) ?? String(error);
}

/** The sentence for an output that takes no more. */
export function unwritten(error: unknown): string {
  return `The output cannot be written: ${reason(error)}.`;
}
