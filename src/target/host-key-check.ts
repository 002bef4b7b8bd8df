import { appendFile, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure } from '../core/failure.ts';
import { BeyondLibrary } from './beyond-library.ts';
import type { Prompts } from './connection.ts';
import { HostKeyChanged } from './host-key-changed.ts';
import {
  fingerprint,
  formatEntry,
  type HostKeyAlgorithm,
  hostKeyAlgorithms,
  judgeKey,
  type KeyVerdict,
  type KnownHostsEntry,
  knownHostsName,
  parseKnownHosts,
} from './known-hosts.ts';
import type { ResolvedHost } from './resolve-host.ts';

/** A known_hosts file larger than this is not read: 16 MiB. */
const LARGEST_FILE = 16 * 1024 * 1024;

/** Checks the keys that one host shows during one connection. */
export class HostKeyCheck {
  readonly #host: ResolvedHost;
  readonly #entries: readonly KnownHostsEntry[];
  readonly #name: string;
  #pinned: Buffer | null = null;

  private constructor(host: ResolvedHost, entries: readonly KnownHostsEntry[]) {
    this.#host = host;
    this.#entries = entries;
    this.#name = host.hostKeyAlias?.toLowerCase() ?? knownHostsName(host.hostname, host.port);
  }

  /** Reads the host's known_hosts files. @throws Failure when one is there and cannot be read. */
  static async open(host: ResolvedHost): Promise<HostKeyCheck> {
    const entries: KnownHostsEntry[] = [];
    for (const file of [...host.userKnownHostsFiles, ...host.globalKnownHostsFiles]) {
      entries.push(...parseKnownHosts(await readKnownHosts(file), file));
    }
    return new HostKeyCheck(host, entries);
  }

  /** The host's name in known_hosts and the fingerprint of the key that was accepted. */
  get identity(): string {
    return `${this.#name} ${this.#pinned === null ? '' : fingerprint(this.#pinned)}`;
  }

  get algorithms(): HostKeyAlgorithm[] {
    return hostKeyAlgorithms(this.#entries, this.#name);
  }

  /**
   * Accepts a key by returning. The first accepted key is pinned: a rekey within the connection must
   * show the identical one, and never asks.
   * @param address where the connection went to, for the question
   * @throws Failure host-key-changed, host-key-refused, unsupported or cancelled.
   */
  async accept(
    key: Buffer,
    keyType: string,
    address: string,
    prompts: Prompts,
    log: (line: string) => void,
  ): Promise<void> {
    if (this.#pinned !== null) {
      if (this.#pinned.equals(key)) return;
      throw new Failure(
        'host-key-changed',
        `${this.#host.alias} showed another host key in the middle of the connection.`,
        'Somebody may be between you and the machine: find out before you connect again.',
      );
    }
    const verdict = judgeKey(this.#entries, this.#name, key);
    if (verdict.kind !== 'known') {
      if (verdict.kind !== 'unknown') throw this.#refusal(verdict, key, keyType);
      await this.#first(key, keyType, address, prompts, log);
    }
    this.#pinned = Buffer.from(key);
  }

  #refusal(
    verdict: Exclude<KeyVerdict, { kind: 'known' | 'unknown' }>,
    key: Buffer,
    keyType: string,
  ): Failure {
    const entry = verdict.kind === 'changed' ? verdict.entries[0] : verdict.entry;
    const place = `${entry.file}:${entry.line}`;
    const shown = `${keyType} ${fingerprint(key)}`;
    switch (verdict.kind) {
      case 'revoked':
        return new Failure(
          'host-key-refused',
          `${this.#host.alias} shows the key ${shown}, which is marked as revoked in ${place}.`,
          'Do not sign in there; ask who runs the machine for its new key.',
        );
      case 'authority':
        return new BeyondLibrary(
          new Failure(
            'unsupported',
            `${this.#host.alias} is known by a certificate authority only (${place}), and ZScope cannot check host certificates.`,
            `Add the machine's plain host key to known_hosts to connect: ssh-keyscan shows it, its fingerprint must be ${shown}.`,
          ),
          'a host certificate',
        );
      case 'changed':
        return new HostKeyChanged(
          `The host key of ${this.#host.alias} has changed: it shows ${shown}, but ${place} has ${entry.keyType} ${fingerprint(entry.key)}.`,
          'If the machine was rebuilt, Replace Host Key... puts the new key in place of that one; if not, somebody may be between you and it.',
          {
            alias: this.#host.alias,
            name: this.#name,
            key: key.toString('base64'),
            keyType,
            fingerprint: fingerprint(key),
            lines: verdict.entries.map((old) => ({
              file: old.file,
              line: old.line,
              keyType: old.keyType,
              fingerprint: fingerprint(old.key),
            })),
          },
        );
    }
  }

  async #first(
    key: Buffer,
    keyType: string,
    address: string,
    prompts: Prompts,
    log: (line: string) => void,
  ): Promise<void> {
    const host = this.#host;
    const file = host.userKnownHostsFiles[0];
    if (host.strictHostKeyChecking === 'yes') {
      throw new Failure(
        'host-key-refused',
        `${host.alias} shows the key ${keyType} ${fingerprint(key)}, which no known_hosts file has, and StrictHostKeyChecking is on.`,
        'Add the key to known_hosts once you have checked it.',
      );
    }
    if (host.strictHostKeyChecking === 'ask') {
      const trusted = await prompts.trustHostKey({
        alias: host.alias,
        host: address,
        port: host.port,
        keyType,
        fingerprint: fingerprint(key),
        knownHostsFile: file ?? '',
        onTheWayTo: null,
      });
      if (!trusted) {
        throw new Failure('host-key-refused', `The host key of ${host.alias} was not accepted.`);
      }
    }
    if (file === undefined) return;
    try {
      await remember(file, formatEntry(this.#name, key, host.hashKnownHosts));
      log(`remembered the host key in ${file}`);
    } catch (error) {
      // As ssh does: the person accepted the key, and will be asked again next time.
      log(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

async function readKnownHosts(file: string): Promise<string> {
  try {
    const bytes = await readFile(file);
    if (bytes.length > LARGEST_FILE) throw new Error('the file is too large');
    return bytes.toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    // Fail closed: what cannot be read may hold a key that was revoked or has changed.
    throw new Failure(
      'host-key-refused',
      `${file} cannot be read, so host keys cannot be checked: ${error instanceof Error ? error.message : String(error)}.`,
      'Make the file readable, or take it out of UserKnownHostsFile.',
    );
  }
}

/** Appends a line, on a line of its own even where the file's last line has no newline. */
async function remember(file: string, line: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(file, 'a+', 0o600);
  let lead = '';
  try {
    const { size } = await handle.stat();
    if (size > 0) {
      const last = Buffer.alloc(1);
      await handle.read(last, 0, 1, size - 1);
      lead = last[0] === 0x0a ? '' : '\n';
    }
  } finally {
    await handle.close();
  }
  await appendFile(file, `${lead}${line}\n`, { mode: 0o600 });
}
