import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ParsedKey, PublicKeyEntry, SignCallback, SigningRequestOptions } from 'ssh2';
import { Failure } from '../core/failure.ts';
import type { Prompts } from './connection.ts';
import type { ResolvedHost } from './resolve-host.ts';
import { BaseAgent, OpenSSHAgent, utils } from './ssh2.ts';

const LARGEST_KEY_FILE = 1024 * 1024;
const AGENT_TIMEOUT_MS = 10_000;
const PASSPHRASE_TRIES = 3;
const FIDO = 'FIDO security keys';

/** A key that can be offered to a server. */
export interface Identity {
  /** For messages: a file, or `agent: comment`. */
  readonly name: string;
  readonly publicKey: ParsedKey;
  /** @throws Failure cancelled; Error when the key cannot sign. */
  sign(data: Buffer, hash: string | undefined): Promise<Buffer>;
}

/** Keys that can be offered, best first, and those that cannot with the reason. */
export interface Identities {
  readonly usable: readonly Identity[];
  readonly unusable: ReadonlyArray<{ readonly name: string; readonly why: string }>;
  /** What the library cannot use and the system's ssh could: `FIDO keys`; null for nothing. */
  readonly beyond: string | null;
}

/**
 * Collects the keys for a host as ssh orders them: those of the agent that the configuration names,
 * other keys of the agent unless IdentitiesOnly, then key files. A file is decrypted only when the
 * server takes its public half, so nobody is asked for the passphrase of a key that is no use.
 */
export async function collectIdentities(host: ResolvedHost, prompts: Prompts): Promise<Identities> {
  const unusable: Array<{ name: string; why: string }> = [];
  const files: FileIdentity[] = [];
  let beyond: string | null = null;
  for (const file of new Set(host.identityFiles)) {
    const found = await FileIdentity.open(file, prompts);
    if (found instanceof FileIdentity) files.push(found);
    else if (found !== null) unusable.push({ name: file, why: found });
    if (typeof found === 'string' && found.startsWith(FIDO)) beyond = 'FIDO keys';
    // ssh offers a certificate beside a key by itself (ssh_config(5), CertificateFile).
    if (existsSync(`${file}-cert.pub`)) beyond = 'certificates of keys';
  }
  let agentKeys: Identity[] = [];
  if (host.agent !== null) {
    try {
      const held = await agentIdentities(host.agent);
      agentKeys = held.usable;
      if (held.others > 0 && !host.identitiesOnly) beyond ??= 'some keys of the agent';
    } catch (error) {
      unusable.push({
        name: `agent ${host.agent}`,
        why: error instanceof Error ? error.message : String(error),
      });
    }
  }
  const inAgent = (file: FileIdentity): Identity | undefined =>
    agentKeys.find((key) => sameKey(key.publicKey, file.publicKey));
  const configured = files.map(inAgent).filter((key) => key !== undefined);
  const others = host.identitiesOnly ? [] : agentKeys.filter((key) => !configured.includes(key));
  const alone = files.filter((file) => inAgent(file) === undefined);
  for (const file of alone.filter((candidate) => !candidate.hasPrivateHalf)) {
    unusable.push({ name: file.name, why: 'only its public half is there, and the agent does not hold it' });
  }
  const usable = [...configured, ...others, ...alone.filter((file) => file.hasPrivateHalf)];
  return { usable, unusable, beyond };
}

function sameKey(a: ParsedKey, b: ParsedKey): boolean {
  return a.getPublicSSH().equals(b.getPublicSSH());
}

/** @returns the keys, and how many more there are of types that ssh2 does not know (FIDO, certificates) */
function agentIdentities(socket: string): Promise<{ usable: Identity[]; others: number }> {
  const agent = new OpenSSHAgent(socket);
  return within(AGENT_TIMEOUT_MS, 'the agent does not answer', (resolve, reject) => {
    agent.getIdentities((error, keys) => {
      if (error) {
        reject(error);
        return;
      }
      let others = 0;
      const usable = (keys ?? []).flatMap((key): Identity[] => {
        const parsed = utils.parseKey('pubKey' in key ? plainKey(key) : key);
        if (parsed instanceof Error) {
          others += 1;
          return [];
        }
        return [
          {
            name: `agent: ${parsed.comment === '' ? parsed.type : parsed.comment}`,
            publicKey: parsed,
            sign: (data, hash) =>
              // A key may want a touch or a confirmation by the person, so no limit here.
              new Promise((done, failed) => {
                const options = hash === undefined ? {} : { hash: hash as 'sha256' | 'sha512' };
                agent.sign(parsed, data, options, (signError, signature) => {
                  if (signError || signature === undefined) {
                    failed(signError ?? new Error('the agent gave no signature'));
                  } else {
                    done(signature);
                  }
                });
              }),
          },
        ];
      });
      resolve({ usable, others });
    });
  });
}

function plainKey({ pubKey }: PublicKeyEntry): ParsedKey | Buffer | string {
  return 'pubKey' in pubKey ? pubKey.pubKey : pubKey;
}

function within<T>(
  ms: number,
  why: string,
  start: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(why)), ms);
    start(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

class FileIdentity implements Identity {
  readonly name: string;
  readonly publicKey: ParsedKey;
  readonly hasPrivateHalf: boolean;
  readonly #text: Buffer;
  #privateKey: ParsedKey | null;
  readonly #prompts: Prompts;

  private constructor(
    file: string,
    text: Buffer,
    publicKey: ParsedKey,
    privateKey: ParsedKey | null,
    hasPrivateHalf: boolean,
    prompts: Prompts,
  ) {
    this.name = file;
    this.publicKey = publicKey;
    this.hasPrivateHalf = hasPrivateHalf;
    this.#text = text;
    this.#privateKey = privateKey;
    this.#prompts = prompts;
  }

  /** The key in a file; null when there is no such file; a sentence when it cannot be used. */
  static async open(file: string, prompts: Prompts): Promise<FileIdentity | string | null> {
    const text = await readOrNull(file);
    if (typeof text === 'string') return text;
    const beside = await readOrNull(`${file}.pub`);
    const publicHalf = Buffer.isBuffer(beside) ? firstKey(beside) : null;
    if (text === null) {
      return publicHalf === null
        ? null
        : new FileIdentity(file, Buffer.alloc(0), publicHalf, null, false, prompts);
    }
    const key = utils.parseKey(text);
    if (!(key instanceof Error)) {
      return new FileIdentity(file, text, key, key.isPrivateKey() ? key : null, key.isPrivateKey(), prompts);
    }
    if (!isEncrypted(key)) return whyUnreadable(text, key);
    const known = publicHalf ?? publicHalfOf(text);
    if (known !== null) return new FileIdentity(file, text, known, null, true, prompts);
    // An old PEM file tells its public half only with its passphrase.
    const opened = await decrypt(file, text, prompts);
    return typeof opened === 'string' ? opened : new FileIdentity(file, text, opened, opened, true, prompts);
  }

  async sign(data: Buffer, hash: string | undefined): Promise<Buffer> {
    if (this.#privateKey === null) {
      const opened = await decrypt(this.name, this.#text, this.#prompts);
      if (typeof opened === 'string') throw new Error(opened);
      this.#privateKey = opened;
    }
    // The types say Buffer; on failure it returns an Error.
    const signature: Buffer | Error = this.#privateKey.sign(data, hash);
    if (signature instanceof Error) throw signature;
    return signature;
  }
}

async function readOrNull(file: string): Promise<Buffer | string | null> {
  try {
    const bytes = await readFile(file);
    return bytes.length > LARGEST_KEY_FILE ? 'the file is too large for a key' : bytes;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === 'ENOENT' || code === 'ENOTDIR' ? null : `it cannot be read (${code ?? 'unknown error'})`;
  }
}

function firstKey(bytes: Buffer | string): ParsedKey | null {
  const key = utils.parseKey(bytes);
  return key instanceof Error ? null : key;
}

function isEncrypted(error: Error): boolean {
  return /encrypted|passphrase/i.test(error.message);
}

/** The public half that an openssh-key-v1 file holds in the clear (OpenSSH, PROTOCOL.key). */
function publicHalfOf(text: Buffer): ParsedKey | null {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(text.toString('latin1'))?.[1];
  if (body === undefined) return null;
  const bytes = Buffer.from(body, 'base64');
  try {
    let at = 'openssh-key-v1\0'.length;
    for (let skipped = 0; skipped < 3; skipped += 1) at += 4 + bytes.readUInt32BE(at); // cipher, kdf, options
    at += 4; // number of keys
    const length = bytes.readUInt32BE(at);
    const blob = bytes.subarray(at + 4, at + 4 + length);
    const typeLength = blob.readUInt32BE(0);
    const type = blob.toString('latin1', 4, 4 + typeLength);
    return firstKey(`${type} ${blob.toString('base64')}`);
  } catch {
    return null;
  }
}

async function decrypt(file: string, text: Buffer, prompts: Prompts): Promise<ParsedKey | string> {
  for (let turn = 0; turn < PASSPHRASE_TRIES; turn += 1) {
    const passphrase = await prompts.passphrase(file, turn > 0);
    if (passphrase === undefined) throw new Failure('cancelled', 'Signing in was cancelled.');
    const key = utils.parseKey(text, passphrase);
    if (!(key instanceof Error)) return key;
    if (!isWrongPassphrase(key)) return whyUnreadable(text, key);
  }
  return 'the passphrase was wrong';
}

/** ssh2 has no error of its own for a wrong passphrase: these are what its decryption ends in. */
function isWrongPassphrase(error: Error): boolean {
  return /bad passphrase|integrity check|bad decrypt|malformed|unable to authenticate|wrong tag|encrypted/i.test(
    error.message,
  );
}

function whyUnreadable(text: Buffer, error: Error): string {
  const head = text.toString('latin1', 0, 4096);
  if (head.includes('BEGIN OPENSSH PRIVATE KEY')) {
    const body = Buffer.from(head.replace(/-----[^-]+-----/g, ''), 'base64').toString('latin1');
    if (/sk-(ssh|ecdsa)/.test(body)) return `${FIDO} are not supported; put a plain key beside it`;
    if (body.includes('chacha20-poly1305')) {
      return 'keys encrypted with chacha20-poly1305 are not supported; `ssh-keygen -p -Z aes256-ctr` changes that';
    }
  }
  // Of PuTTY's formats ssh2 reads version 2, and RSA in it only.
  if (head.startsWith('PuTTY-User-Key-File-')) {
    return 'of PuTTY keys only RSA of version 2 can be read; `puttygen KEY -O private-openssh-new -o NEW`, or Conversions in PuTTYgen, makes an OpenSSH key of it';
  }
  return `its format is not supported (${error.message})`;
}

/** An agent of exactly one key, in the form in which ssh2 takes it for one attempt. */
export class OneKeyAgent extends BaseAgent<ParsedKey> {
  constructor(
    readonly identity: Identity,
    /** Algorithms by which it may sign. */
    private readonly algorithms: readonly string[],
    /** Called when the key has signed, with null, or with what kept it from that. */
    private readonly signed: (error: unknown) => void,
  ) {
    super();
  }

  override getIdentities(done: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    done(undefined, [this.identity.publicKey]);
  }

  /** ssh2 goes by what the server names, SHA-1 where it names nothing; not by what the configuration allows. */
  async #sign(data: Buffer, hash: string | undefined): Promise<Buffer> {
    const { type } = this.identity.publicKey;
    if (type === 'ssh-rsa' && !this.algorithms.includes(`rsa-sha2-${hash?.replace('sha', '')}`)) {
      throw new Error(
        `the server takes RSA keys with ${(hash ?? 'sha1').toUpperCase()} only, which is not allowed`,
      );
    }
    return await this.identity.sign(data, hash);
  }

  override sign(
    _key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    const callback = typeof options === 'function' ? options : done;
    const hash = typeof options === 'function' ? undefined : options.hash;
    this.#sign(data, hash).then(
      (signature) => {
        this.signed(null);
        callback?.(undefined, signature);
      },
      (error: unknown) => {
        this.signed(error);
        callback?.(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }
}
