import { readFile } from 'node:fs/promises';
import { Failure } from '../core/failure.ts';
import { startProcess } from './process-channel.ts';
import type { ShellChannel, Transport } from './transport.ts';

/** Shells on the machine that this runs on. */
export class LocalTransport implements Transport {
  /** Silence of a machine that runs us means nothing. */
  readonly received = null;
  readonly remark = '';
  readonly isDistrusted = false;
  readonly identity: string;
  readonly #env: NodeJS.ProcessEnv;
  #listeners: Array<() => void> = [];
  #ended = false;
  readonly #channels = new Set<ShellChannel>();

  private constructor(identity: string, env: NodeJS.ProcessEnv) {
    this.identity = identity;
    this.#env = env;
  }

  static async open(env: NodeJS.ProcessEnv): Promise<LocalTransport> {
    const id = await readFile('/etc/machine-id', 'utf8').catch(() => '');
    return new LocalTransport(`local ${id.trim()}`, env);
  }

  get ended(): boolean {
    return this.#ended;
  }

  async open(command: string, tty: boolean, signal: AbortSignal): Promise<ShellChannel> {
    signal.throwIfAborted();
    if (tty) {
      throw new Failure(
        'not-root',
        'On this machine root cannot be had by a program that wants a terminal.',
        'Allow the account in sudoers without requiretty.',
      );
    }
    const channel = await startProcess('/bin/sh', ['-c', command], this.#env, 'stdin');
    if (this.#ended) channel.close();
    this.#channels.add(channel);
    channel.onClose(() => this.#channels.delete(channel));
    return channel;
  }

  onEnd(listener: () => void): void {
    this.#listeners.push(listener);
  }

  why(): string | null {
    return null;
  }

  silentHop(): string | null {
    return null;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    // As the end of an SSH connection: every shell sees the end of its stdin, and cleans up.
    for (const channel of this.#channels) channel.close();
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
