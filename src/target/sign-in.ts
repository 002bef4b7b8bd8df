import type { AnyAuthMethod, AuthenticationType, Prompt } from 'ssh2';
import { Failure, isFailure } from '../core/failure.ts';
import { inert } from '../core/text/inert.ts';
import { signatureAlgorithms } from './algorithms.ts';
import { BeyondLibrary } from './beyond-library.ts';
import type { Prompts } from './connection.ts';
import { collectIdentities, type Identity, OneKeyAgent } from './identities.ts';
import type { ResolvedHost } from './resolve-host.ts';

const PASSWORD_TRIES = 3;
const MOST_PROMPTS = 20;
const LONGEST_PROMPT = 500;

/** Decides what to try next until the server is content, and remembers what was tried. */
export class SignIn {
  readonly #host: ResolvedHost;
  readonly #prompts: Prompts;
  readonly #log: (line: string) => void;
  #keys: Identity[] | null = null;
  readonly #tried: string[] = [];
  readonly #unusable: string[] = [];
  #passwords = 0;
  #interactive = 0;
  #promptsShown = 0;
  #offered: readonly string[] = [];
  /** A key of ours has signed and the server wants more: it may have been one proof of several. */
  #askAnew = false;
  /** Set when the person cancelled: nothing more is tried. */
  #cancelled: Failure | null = null;

  /** What only the system's ssh could offer. */
  #beyond: string | null = null;

  /**
   * @param alone no other client is tried instead of this one
   * @param giveUp called when nothing more is to be said to the server, which may go on asking
   */
  constructor(
    host: ResolvedHost,
    prompts: Prompts,
    log: (line: string) => void,
    private readonly alone: boolean,
    private readonly giveUp: (why: Failure) => void,
  ) {
    this.#host = host;
    this.#prompts = prompts;
    this.#log = log;
  }

  /**
   * The next attempt.
   * @param left methods the server would go on with; null before the first answer
   * @throws Failure auth-failed when nothing is left to try, cancelled when the person gave up
   */
  async next(left: readonly AuthenticationType[] | null, partial: boolean): Promise<AnyAuthMethod> {
    const username = this.#host.user;
    if (this.#cancelled !== null) throw this.#cancelled;
    // `none` is how a client learns what the server takes (RFC 4252, 5.2). ssh2 does not pass on what
    // a server answers to a key of an agent, so after one that was good it is asked again.
    if (left === null || this.#askAnew) {
      this.#askAnew = false;
      return { type: 'none', username };
    }
    this.#offered = left;
    if (partial) this.#log('sign-in: the server wants one more proof');
    for (const method of this.#host.methods) {
      // ssh2 types know no method that only a server would name.
      if (!(left as readonly string[]).includes(method)) continue;
      // Before the person is asked for anything: what another client does without a question.
      if (method !== 'publickey' && this.#beyond !== null && !this.alone) throw this.failure();
      const attempt = await this.#attempt(method, username);
      if (attempt !== null) return attempt;
    }
    throw this.failure();
  }

  async #attempt(method: ResolvedHost['methods'][number], username: string): Promise<AnyAuthMethod | null> {
    if (method === 'publickey') {
      const identity = (await this.#identities()).shift();
      if (identity === undefined) return null;
      this.#note(`key ${inert(identity.name, 200)}`);
      const signed = (error: unknown): void => {
        if (error === null) this.#askAnew = true;
        else if (isFailure(error)) this.#cancelled = error;
        else
          this.#unusable.push(`${identity.name}: ${error instanceof Error ? error.message : String(error)}`);
      };
      return {
        type: 'agent',
        username,
        agent: new OneKeyAgent(identity, this.#signsBy(identity.publicKey.type), signed),
      };
    }
    if (method === 'keyboard-interactive') {
      if (this.#interactive >= PASSWORD_TRIES) return null;
      this.#interactive += 1;
      this.#note('keyboard-interactive');
      return {
        type: 'keyboard-interactive',
        username,
        prompt: (_name, instructions, _lang, prompts, finish) => {
          this.#answers(instructions, prompts).then(finish, (error: unknown) => {
            this.#cancelled = isFailure(error) ? error : new Failure('auth-failed', String(error));
            this.giveUp(this.#cancelled);
          });
        },
      };
    }
    if (this.#passwords >= PASSWORD_TRIES) return null;
    const password = await this.#prompts.password(username, this.#host.alias, this.#passwords > 0);
    if (password === undefined) throw new Failure('cancelled', 'Signing in was cancelled.');
    this.#passwords += 1;
    this.#note('password');
    return { type: 'password', username, password };
  }

  async #identities(): Promise<Identity[]> {
    if (this.#keys === null) {
      const { usable, unusable, beyond } = await collectIdentities(this.#host, this.#prompts);
      this.#beyond = beyond;
      this.#keys = usable.filter(({ publicKey }) => this.#signsBy(publicKey.type).length > 0);
      for (const { name, why } of unusable) this.#unusable.push(`${name}: ${why}`);
      for (const { name, publicKey } of usable.filter((key) => !this.#keys?.includes(key))) {
        this.#unusable.push(
          `${name}: no ${publicKey.type} by PubkeyAcceptedAlgorithms of the ssh configuration`,
        );
      }
      this.#log(
        `sign-in: ${this.#keys.length} keys to offer; not usable: ${this.#unusable.join('; ') || 'none'}`,
      );
    }
    return this.#keys;
  }

  #signsBy(keyType: string): readonly string[] {
    return signatureAlgorithms(keyType, this.#host.algorithms);
  }

  async #answers(instructions: string, prompts: readonly Prompt[]): Promise<string[]> {
    const answers: string[] = [];
    for (const [index, prompt] of prompts.entries()) {
      this.#promptsShown += 1;
      if (this.#promptsShown > MOST_PROMPTS) {
        throw new Failure(
          'auth-failed',
          `${this.#host.alias} asks without end while signing in.`,
          'See its SSH server.',
        );
      }
      const lead = index === 0 && instructions.trim() !== '' ? `${instructions.trim()} ` : '';
      const text = inert(`${lead}${prompt.prompt}`.replace(/\s+/g, ' ').trim(), LONGEST_PROMPT);
      const answer = await this.#prompts.answer(text, prompt.echo === true, this.#host.alias);
      if (answer === undefined) throw new Failure('cancelled', 'Signing in was cancelled.');
      answers.push(answer);
    }
    return answers;
  }

  #note(what: string): void {
    if (!this.#tried.includes(what)) this.#tried.push(what);
    this.#log(`sign-in: trying ${what}`);
  }

  /** That signing in failed: what was tried, what could not be, what the server would take. */
  failure(detail = ''): Failure {
    if (this.#cancelled !== null) return this.#cancelled;
    const tried = this.#tried.length === 0 ? 'nothing could be tried' : `tried ${this.#tried.join(', ')}`;
    const unusable = this.#unusable.length === 0 ? '' : `; not usable: ${this.#unusable.join('; ')}`;
    const takes =
      this.#offered.length === 0 ? '' : `; the server takes ${inert(this.#offered.join(', '), 200)}`;
    const failure = new Failure(
      'auth-failed',
      `${this.#host.alias} did not let ${this.#host.user} in: ${tried}${unusable}${takes}${detail === '' ? '' : ` (${inert(detail, 200)})`}.`,
      this.#tried.length > 5
        ? 'Set IdentityFile and IdentitiesOnly for this host, so that the right key is offered first.'
        : 'Check User and IdentityFile in the ssh configuration and that the key is in authorized_keys there.',
    );
    const kerberos = this.#host.gssapi && this.#offered.includes('gssapi-with-mic') ? 'GSSAPI' : null;
    const beyond = this.#beyond ?? kerberos;
    return beyond === null || this.alone ? failure : new BeyondLibrary(failure, beyond);
  }
}
