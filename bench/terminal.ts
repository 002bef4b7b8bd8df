/** A person's terminal on the lab VM: signed in already, waiting for a command. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import * as lab from '../test/lab/lab.ts';

export class Terminal {
  readonly #ssh: ChildProcessWithoutNullStreams;
  #output = '';

  private constructor(ssh: ChildProcessWithoutNullStreams) {
    this.#ssh = ssh;
    ssh.stdout.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString('latin1');
    });
    ssh.stderr.resume();
    ssh.stdin.on('error', () => {});
  }

  static async open(vm: lab.LabInfo): Promise<Terminal> {
    const known = ['-o', `UserKnownHostsFile="${vm.image.knownHosts}"`, '-o', 'HostKeyAlias=zscope-lab'];
    const terminal = new Terminal(
      spawn('ssh', ['-F', vm.sshConfig, ...known, '-tt', lab.hostAliases.root], {
        stdio: ['pipe', 'pipe', 'pipe'],
      }),
    );
    await terminal.settle();
    return terminal;
  }

  /** Types a command; resolves to the milliseconds from the Enter key to the first line that fits. */
  async type(command: string, fits: RegExp, limitMs: number): Promise<number> {
    this.#output = '';
    const started = performance.now();
    this.#ssh.stdin.write(`${command}\r`);
    await this.#until(fits, limitMs);
    return performance.now() - started;
  }

  /** Ctrl-C, and waits until the shell answers again. */
  async interrupt(): Promise<void> {
    this.#ssh.stdin.write('\x03');
    await this.settle();
  }

  /** Waits until the shell answers. */
  private async settle(): Promise<void> {
    this.#output = '';
    this.#ssh.stdin.write('echo at-$((40+2))\r');
    await this.#until(/^at-42/m, 60_000);
  }

  async #until(fits: RegExp, limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!fits.test(this.#output)) {
      if (performance.now() > deadline || this.#ssh.exitCode !== null) {
        throw new Error(`the terminal did not show ${fits}, but: ${this.#output.slice(-500)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  close(): void {
    this.#ssh.kill();
  }
}
