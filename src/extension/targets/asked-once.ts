import type { Connection } from '../../target/connection.ts';

/** What a target is asked once for each connection; what failed is asked again. */
export class AskedOnce<T> {
  readonly #answers = new WeakMap<Connection, Promise<T>>();

  constructor(private readonly ask: (connection: Connection) => Promise<T>) {}

  of(connection: Connection): Promise<T> {
    let answer = this.#answers.get(connection);
    if (answer === undefined) {
      answer = this.ask(connection);
      this.#answers.set(connection, answer);
      answer.catch(() => this.#answers.delete(connection));
    }
    return answer;
  }
}
