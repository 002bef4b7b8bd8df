import { writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Disposable } from '../core/lifetime.ts';
import { inert } from '../core/text/inert.ts';
import type { Prompts } from './connection.ts';

/** Longest question of ssh, in UTF-16 units. */
const LONGEST = 8192;

/**
 * What ssh starts to ask something (SSH_ASKPASS of ssh(1)). VS Code's own node runs it; a question goes
 * to the socket, the answer comes back there and leaves by stdout. No secret is in an argument, in the
 * environment or in a file.
 */
const PROGRAM = `#!/bin/sh
ELECTRON_RUN_AS_NODE=1 exec "$ZSCOPE_ASK_NODE" -e '
const socket = require("node:net").connect(process.env.ZSCOPE_ASK_SOCKET);
let answer = "";
socket.on("error", () => process.exit(1));
socket.on("data", (bytes) => { answer += bytes; });
socket.on("end", () => {
  const { text } = JSON.parse(answer || "{}");
  if (typeof text === "string") process.stdout.write(text + "\\n", () => process.exit(0));
  else process.exit(1);
});
socket.write(JSON.stringify({ question: process.argv[1] || "", kind: process.env.SSH_ASKPASS_PROMPT || "" }) + "\\n");
' "$1"
`;

/** Answers the questions of the system's ssh with those of the person. */
export class Askpass implements Disposable {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #declined: () => void;

  private constructor(
    private readonly folder: string,
    private readonly alias: string,
    private readonly prompts: Prompts,
    private readonly log: (line: string) => void,
    declined: () => void,
  ) {
    this.#declined = declined;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /**
   * @param folder ours alone: who can open the socket in it is asked for nothing
   * @param declined called when the person gives no answer
   * @throws Error as node:fs and node:net do
   */
  static async open(
    folder: string,
    alias: string,
    prompts: Prompts,
    log: (line: string) => void,
    declined: () => void,
  ): Promise<Askpass> {
    const askpass = new Askpass(folder, alias, prompts, log, declined);
    await writeFile(join(folder, 'ask'), PROGRAM, { mode: 0o700 });
    await new Promise<void>((resolve, reject) => {
      askpass.#server.once('error', reject);
      askpass.#server.listen(join(folder, 's'), resolve);
    });
    return askpass;
  }

  /** What ssh is to find in its environment. Before OpenSSH 8.4 it asks so only where there is a DISPLAY. */
  environment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return {
      DISPLAY: ':0',
      ...env,
      SSH_ASKPASS: join(this.folder, 'ask'),
      SSH_ASKPASS_REQUIRE: 'force',
      ZSCOPE_ASK_SOCKET: join(this.folder, 's'),
      ZSCOPE_ASK_NODE: process.execPath,
    };
  }

  #serve(socket: Socket): void {
    this.#open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#open.delete(socket));
    let text = '';
    const listen = (bytes: Buffer): void => {
      text += bytes.toString('utf8');
      if (text.length > LONGEST) socket.destroy();
      else if (text.endsWith('\n')) {
        socket.off('data', listen);
        void this.#answer(text).then(
          (answer) => socket.end(JSON.stringify(answer === undefined ? {} : { text: answer })),
          () => socket.destroy(),
        );
      }
    };
    socket.on('data', listen);
  }

  async #answer(line: string): Promise<string | undefined> {
    const { question, kind } = JSON.parse(line) as { question: string; kind: string };
    const shown = inert(question.trim(), 1000);
    this.log(`the system's ssh asks: ${shown}`);
    // It only tells: to touch a key. ssh ends what tells it.
    if (kind === 'none') return await new Promise(() => {});
    // A host key that is not known, of a jump host: this is no place to look at fingerprints.
    if (kind === 'confirm' || /\(yes\/no\b/.test(question)) return undefined;
    const answer = await this.prompts.answer(shown, false, `The system's ssh for ${this.alias}`);
    if (answer === undefined) this.#declined();
    return answer;
  }

  dispose(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }
}
