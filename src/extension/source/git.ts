import { execFile } from 'node:child_process';

/** Longest wait for git, ms: a repository on a disk that hangs must not hold a click. */
const LIMIT_MS = 10_000;

/** The largest answer that is taken: no C source comes near it. */
const MAX_BYTES = 16 * 1024 * 1024;

/** What git answered; null when it is not installed, took too long or said no. */
export interface GitAnswer {
  readonly exitCode: number;
  readonly output: string;
}

/**
 * Asks git about a repository. Only for questions that change nothing; no shell is involved, and no
 * program that the repository's own configuration names is run.
 */
export function git(
  folder: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<GitAnswer | null> {
  const safe = ['-c', 'core.fsmonitor=false', '-c', 'diff.external=', '--no-optional-locks', '--no-pager'];
  return new Promise((resolve) => {
    execFile(
      'git',
      ['-C', folder, ...safe, ...args],
      {
        timeout: LIMIT_MS,
        maxBuffer: MAX_BYTES,
        env: { ...process.env, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' },
        windowsHide: true,
        ...(signal === undefined ? {} : { signal }),
      },
      (error, stdout) => {
        const exitCode = error === null ? 0 : error.code;
        resolve(typeof exitCode === 'number' ? { exitCode, output: stdout } : null);
      },
    );
  });
}

/** The commit that the first known of these revisions names; null when none is known, or without git. */
export async function firstCommit(folder: string, revisions: readonly string[]): Promise<string | null> {
  for (const revision of revisions) {
    const answer = await git(folder, [
      'rev-parse',
      '--verify',
      '--quiet',
      '--end-of-options',
      `${revision}^{commit}`,
    ]);
    const commit = answer?.output.trim() ?? '';
    if (answer?.exitCode === 0 && /^[0-9a-f]{40,64}$/.test(commit)) {
      return commit;
    }
  }
  return null;
}

/** `zfs-2.3.9-14-g0123abcd`: HEAD as people call it; null when it has no name. */
export async function describeHead(folder: string): Promise<string | null> {
  const answer = await git(folder, ['describe', '--tags', '--always', '--dirty', '--abbrev=10']);
  return answer?.exitCode === 0 && answer.output.trim() !== '' ? answer.output.trim() : null;
}

/** C sources that differ between a commit and what is on disk; paths from the folder. Null when git cannot say. */
export async function changedSources(folder: string, commit: string): Promise<readonly string[] | null> {
  const answer = await git(folder, [
    ...['diff', '--name-only', '-z', '--relative', '--no-ext-diff', '--no-textconv', '--no-renames'],
    ...['--ignore-submodules=all', commit, '--', '*.c', '*.h', '*.S'],
  ]);
  return answer?.exitCode === 0 ? answer.output.split('\0').filter((name) => name !== '') : null;
}

/** A file's text as it stood in a commit; null when it was not there. @param path from the folder, with `/` */
export async function textAt(folder: string, commit: string, path: string): Promise<string | null> {
  const answer = await git(folder, ['cat-file', 'blob', `${commit}:./${path}`]);
  return answer?.exitCode === 0 ? answer.output : null;
}
