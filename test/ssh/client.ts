/** The person and the questions of the tests. */
import type { Collector, Question, StreamCollector } from '../../src/target/collector.ts';
import type { Connection, ConnectOptions, HostKeyQuestion, Prompts } from '../../src/target/connection.ts';
import { connect } from '../../src/target/index.ts';
import type { Server } from './server.ts';

/** A person who answers from a list and whose every question is kept. */
export class Person implements Prompts {
  readonly asked: string[] = [];
  readonly hostKeys: HostKeyQuestion[] = [];
  trusts = true;
  passphrases: Array<string | undefined> = [];
  passwords: Array<string | undefined> = [];
  answers: Array<string | undefined> = [];
  /** Milliseconds that each answer takes. */
  slow = 0;

  async trustHostKey(question: HostKeyQuestion): Promise<boolean> {
    this.hostKeys.push(question);
    await this.#think(`hostkey ${question.keyType}`);
    return this.trusts;
  }

  async passphrase(keyFile: string, again: boolean): Promise<string | undefined> {
    await this.#think(`passphrase ${keyFile}${again ? ' again' : ''}`);
    return this.passphrases.shift();
  }

  async password(user: string, host: string, again: boolean): Promise<string | undefined> {
    await this.#think(`password ${user} ${host}${again ? ' again' : ''}`);
    return this.passwords.shift();
  }

  async answer(text: string, echo: boolean, host: string): Promise<string | undefined> {
    await this.#think(`answer ${host} ${echo} ${text}`);
    return this.answers.shift();
  }

  #think(question: string): Promise<void> {
    this.asked.push(question);
    return new Promise((resolve) => setTimeout(resolve, this.slow));
  }
}

export async function reach(
  server: Server,
  person: Prompts = new Person(),
  options: ConnectOptions = {},
): Promise<Connection> {
  return await connect({ alias: server.alias, configFile: server.configFile }, person, options);
}

export interface QuestionOptions {
  readonly needsRoot?: Question['needsRoot'];
  readonly timeoutMs?: number;
}

/** A question whose answer is what the script prints. */
export function question(script: string, options: QuestionOptions = {}): Collector<null, string> {
  return {
    name: 'test',
    title: 'A test question',
    grade: 'observe',
    needsRoot: options.needsRoot ?? false,
    timeoutMs: options.timeoutMs ?? 20_000,
    script: () => script,
    decode: (output) => output,
  };
}

/** A stream of the lines that the script prints. */
export function lines(script: string, cleanup = '', needsRoot = false): StreamCollector<null, string> {
  return {
    name: 'test-stream',
    title: 'A test stream',
    grade: 'trace',
    needsRoot,
    script: () => script,
    cleanup: () => cleanup,
    decoder: () => ({ line: (text) => [text], end: () => [] }),
  };
}
