import { randomBytes } from 'node:crypto';
import { Failure, isFailure } from '../core/failure.ts';
import type { RootQuestion } from './connection.ts';
import { type RootProgram, type RootShell, shellCommand, type UnlockResult, unlock } from './root-shell.ts';
import type { Transport } from './transport.ts';

const TRIES = 3;

/** Starts a shell of root's and ends it again. */
export async function tryRoot(
  transport: Transport,
  root: RootShell,
  signal: AbortSignal,
): Promise<UnlockResult> {
  const nonce = randomBytes(16).toString('hex');
  const channel = await transport.open(shellCommand(root, nonce), root.tty, signal);
  const result = await unlock(channel, root, nonce, signal);
  channel.stdin.end();
  channel.close();
  return result;
}

/**
 * Finds out by which of the programs root can be had, asking for passwords.
 * @param attempt starts a shell of root's once
 * @returns null when the person gave up
 * @throws Failure not-root, with what each program said
 */
export async function findRoot(
  programs: readonly RootProgram[],
  target: { readonly alias: string; readonly user: string },
  ask: (question: RootQuestion) => Promise<string | undefined>,
  attempt: (root: RootShell) => Promise<UnlockResult>,
): Promise<RootShell | null> {
  const refusals: string[] = [];
  const start = async (root: RootShell): Promise<UnlockResult> => {
    try {
      return await attempt(root);
    } catch (error) {
      // The next program may still do it.
      if (isFailure(error) && error.code === 'not-root') return { end: 'refused', said: error.message };
      throw error;
    }
  };
  for (const by of programs) {
    const user = by === 'su' ? 'root' : target.user;
    // doas reads passwords from terminals only.
    let tty = by === 'doas';
    for (let turn = 0; turn < TRIES; turn += 1) {
      let given: string | undefined;
      const password = async (): Promise<string | undefined> => {
        given = await ask({ by, user, alias: target.alias, again: turn > 0 });
        return given;
      };
      let result = await start({ by, tty, asks: true, password });
      if (result.end === 'refused' && /\btty\b|terminal/i.test(result.said) && !tty) {
        tty = true;
        result = await start({ by, tty, asks: true, password });
      }
      if (result.end === 'root') {
        const kept = given;
        return { by, tty, asks: result.asked, password: async () => kept };
      }
      if (result.end === 'given-up') return null;
      if (result.end === 'refused') {
        refusals.push(`${by}${result.said === '' ? '' : `: ${result.said}`}`);
        break;
      }
      if (turn === TRIES - 1) refusals.push(`${by}: the passwords were wrong`);
    }
  }
  throw new Failure(
    'not-root',
    `${target.user} cannot become root on ${target.alias} (${refusals.join('; ') || 'it has no sudo, doas or su'}).`,
    'Connect as root, or have an administrator of the machine add the account to sudoers.',
  );
}
