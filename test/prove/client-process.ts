/** Starts a client (client.ts) and keeps what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { until } from '../vm/target.ts';
import type { ClientOrder, ClientWord } from './client.ts';

type Word<K extends ClientWord['what']> = Extract<ClientWord, { what: K }>;

export class ClientProcess {
  readonly words: ClientWord[] = [];
  readonly #child: ChildProcess;
  #hasEnded = false;
  #stderr = '';

  constructor(readonly order: ClientOrder) {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', 'test/prove/client.ts', JSON.stringify(order)],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    this.#child = child;
    child.stdin.on('error', () => {});
    child.stderr.on('data', (text: Buffer) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-4000);
    });
    // What was cut off in the middle of a line by SIGKILL is no word.
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.endsWith('}')) this.words.push(JSON.parse(line) as ClientWord);
    });
    child.on('close', () => {
      this.#hasEnded = true;
    });
    child.on('error', (error) => {
      this.#stderr += String(error);
      this.#hasEnded = true;
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  all<K extends ClientWord['what']>(what: K): Word<K>[] {
    return this.words.filter((word): word is Word<K> => word.what === what);
  }

  /** Waits for a word of the kind that fits, said at or after a time (of Date.now()). */
  word<K extends ClientWord['what']>(
    what: K,
    limitMs: number,
    since = 0,
    fits: (word: Word<K>) => boolean = () => true,
  ): Promise<Word<K>> {
    return until(`${what} said by the client (${this.#stderr.slice(0, 500)})`, limitMs, () => {
      const found = this.all(what).find((word) => word.at >= since && fits(word));
      if (found === undefined && this.#hasEnded) {
        throw new Error(`the client ended before it said: ${what}; last: ${this.last()}`);
      }
      return found;
    });
  }

  /** Its last words, for messages. */
  last(): string {
    const told = this.words.filter(({ what }) => what !== 'alive' && what !== 'events').slice(-6);
    return `${told.map((word) => JSON.stringify(word)).join(' ')} ${this.#stderr}`;
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await until('the client is gone', 20_000, () => (this.#hasEnded ? true : undefined));
  }

  /** Its errors that are no sentences for a person. */
  bugs(): string[] {
    return this.all('bug').map(({ error }) => error);
  }
}
