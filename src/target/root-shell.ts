import { Failure } from '../core/failure.ts';
import { firstLine } from './job-outcome.ts';
import { LEASED_SHELL } from './supervisor.ts';
import type { ShellChannel } from './transport.ts';

/** What makes a shell root's. */
export type RootProgram = 'sudo' | 'doas' | 'su';

/** How a shell of root's is started. */
export interface RootShell {
  readonly by: RootProgram;
  /** The program wants a terminal: `requiretty` in sudoers, and doas wherever it asks. */
  readonly tty: boolean;
  /** It may ask for a password. */
  readonly asks: boolean;
  /**
   * The password, when it is asked for; undefined to give up. A function, so that no message that has
   * this object in it has the password. It goes to the program's stdin, and nowhere else.
   */
  password(): Promise<string | undefined>;
}

/** Root by a program that asks for nothing. */
export function silentRoot(by: RootProgram): RootShell {
  return { by, tty: false, asks: false, password: async () => undefined };
}

/** What came of starting one. */
export type UnlockResult =
  /** @param asked a password was asked for, and given */
  | { readonly end: 'root'; readonly asked: boolean }
  | { readonly end: 'wrong-password' | 'given-up' }
  /** What the program said about it, safe to show; empty for nothing. */
  | { readonly end: 'refused'; readonly said: string };

/** Longer is no dialogue about a password; UTF-16 units. */
const LONGEST_DIALOGUE = 16 * 1024;

/**
 * The remote command for a shell: constant, but for the nonce (32 hex digits). It ends by itself where no script comes:
 * nobody tells it when the link falls silent before that. Quotes and words are
 * those that every login shell reads alike, fish and tcsh too. With a terminal stderr is dropped, since
 * it would come among the output, and the script is a named file: a shell whose stdin is a terminal would
 * be interactive and put each job into a group of its own.
 */
export function shellCommand(root: RootShell | null, nonce: string): string {
  const leased = `exec /bin/sh -c '${LEASED_SHELL}'`;
  if (root === null) return leased;
  const { by, tty, asks } = root;
  if (!hasDialogue(root)) return leased.replace('exec', `exec ${by} -n`);
  const shell = `'echo zscope-root-${nonce}; ${LEASED_SHELL}${tty ? ' /proc/self/fd/0 2>/dev/null' : ''}'`;
  const raw = tty ? 'stty raw -echo; ' : '';
  switch (by) {
    case 'sudo':
      return asks
        ? `${raw}exec sudo -k -S -p zscope-ask-${nonce}: /bin/sh -c ${shell}`
        : `${raw}exec sudo -n /bin/sh -c ${shell}`;
    case 'doas':
      return `${raw}exec doas ${asks ? '' : '-n '}/bin/sh -c ${shell}`;
    case 'su':
      return `${raw}exec env LC_ALL=C su -s /bin/sh -c ${shell} root`;
  }
}

/** Whether {@link unlock} has to wait for a sign of the shell before it is given its script. */
export function hasDialogue({ asks, tty }: RootShell): boolean {
  return asks || tty;
}

/**
 * Goes through the dialogue of a shell that was started by {@link shellCommand}. The password is
 * written once it is asked for and not sooner: where nobody asks it would be the first line of the
 * script. Resolves when the shell runs as root, or does not; the channel is then closed.
 * @throws signal.reason when aborted; the channel is then closed
 */
export function unlock(
  channel: ShellChannel,
  root: RootShell,
  nonce: string,
  signal: AbortSignal,
): Promise<UnlockResult> {
  return new Promise((resolve, reject) => {
    let heard = '';
    let told = false;
    let over = false;
    const question = root.by === 'sudo' ? `zscope-ask-${nonce}:` : /password[^\n]*: *$/i;
    const settle = (result: UnlockResult | null): void => {
      if (over) return;
      over = true;
      signal.removeEventListener('abort', abort);
      for (const stream of streams) stream.removeListener('data', listen);
      if (result?.end !== 'root') channel.close();
      if (result === null) reject(signal.reason as Error);
      else resolve(result);
    };
    const abort = (): void => settle(null);
    const giveUp = (): void => settle({ end: 'given-up' });
    const listen = (bytes: Buffer): void => {
      heard += bytes.toString('latin1');
      if (heard.includes(`zscope-root-${nonce}\n`)) {
        settle({ end: 'root', asked: told });
        return;
      }
      const asked = typeof question === 'string' ? heard.includes(question) : question.test(heard);
      if (asked && told) {
        settle({ end: 'wrong-password' });
      } else if (asked) {
        told = true;
        heard = '';
        root.password().then((password) => {
          if (over) return;
          if (password === undefined) settle({ end: 'given-up' });
          else channel.stdin.write(`${password}\n`);
        }, giveUp);
      } else if (heard.length > LONGEST_DIALOGUE) {
        heard = heard.slice(-LONGEST_DIALOGUE / 2);
      }
    };
    const streams = [channel.stdout, channel.stderr];
    for (const stream of [...streams, channel.stdin]) stream.on('error', () => {});
    for (const stream of streams) stream.on('data', listen);
    channel.onClose(() => {
      // sudo asks again when a password was wrong; the others end.
      if (told && root.by !== 'sudo') settle({ end: 'wrong-password' });
      else settle({ end: 'refused', said: firstLine(heard.replaceAll(nonce, '')) });
    });
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** That root could be had once and cannot now. */
export function rootWasLost(root: RootShell, result: UnlockResult): Failure {
  const why =
    result.end === 'refused' && result.said !== ''
      ? ` (${result.said})`
      : result.end === 'wrong-password'
        ? ': the password is not taken any more'
        : '';
  return new Failure('not-root', `${root.by} does not give root now${why}.`, 'Use Become Root... again.');
}
