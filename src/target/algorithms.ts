import constants from 'ssh2/lib/protocol/constants.js';
import { Failure } from '../core/failure.ts';
import { BeyondLibrary } from './beyond-library.ts';
import { HOST_KEY_ALGORITHMS } from './known-hosts.ts';
import type { SshOptions } from './surroundings.ts';

/** MACs without SHA-1; the `-etm` ones first, as OpenSSH orders them. */
const MACS: readonly string[] = [
  'hmac-sha2-256-etm@openssh.com',
  'hmac-sha2-512-etm@openssh.com',
  'hmac-sha2-256',
  'hmac-sha2-512',
];

/** What is offered to a server, best first. None of the lists is empty. */
export interface Algorithms {
  readonly kex: readonly string[];
  readonly cipher: readonly string[];
  readonly hmac: readonly string[];
  readonly serverHostKey: readonly string[];
  /** With which keys are signed in: PubkeyAcceptedAlgorithms. Our library signs with what it verifies. */
  readonly publicKey: readonly string[];
}

/**
 * What our library can do, without what the configuration leaves out. The order is ours: that of a list which
 * nobody wrote cannot be told from one that a person did.
 * @throws BeyondLibrary when nothing is left of a list
 */
export function algorithmsOf(alias: string, options: SshOptions): Algorithms {
  const allowed = (directive: string, ours: readonly string[], before = directive): readonly string[] => {
    const text = (options.get(directive.toLowerCase()) ?? options.get(before.toLowerCase()))?.[0];
    const left = text === undefined ? ours : ours.filter((name) => allows(text, name));
    if (left.length > 0) return left;
    throw new BeyondLibrary(
      new Failure(
        'unsupported',
        `${directive} in the ssh configuration of ${alias} names nothing that ZScope has.`,
        `Allow one of these: ${ours.join(', ')}.`,
      ),
      `its ${directive}`,
    );
  };
  return {
    kex: allowed('KexAlgorithms', constants.DEFAULT_KEX),
    cipher: allowed('Ciphers', constants.DEFAULT_CIPHER),
    hmac: allowed('MACs', MACS),
    serverHostKey: allowed('HostKeyAlgorithms', HOST_KEY_ALGORITHMS),
    // Its name before OpenSSH 8.5.
    publicKey: allowed('PubkeyAcceptedAlgorithms', HOST_KEY_ALGORITHMS, 'PubkeyAcceptedKeyTypes'),
  };
}

/**
 * The algorithms of ours by which a key of this type may sign; empty for none.
 * @param type as ssh2 names it: `ssh-rsa` for every RSA key (RFC 8332)
 */
export function signatureAlgorithms(type: string, { publicKey }: Algorithms): readonly string[] {
  return publicKey.filter((name) => (type === 'ssh-rsa' ? name.startsWith('rsa-sha2-') : name === type));
}

/** Whether a list of ssh_config(5) has an algorithm that it has by default: `a,b`, `+c`, `-d*`, `^e`. */
function allows(list: string, name: string): boolean {
  if (/^[+^]/.test(list)) return true;
  const removes = list.startsWith('-');
  const names = list.slice(removes ? 1 : 0).split(',');
  return names.some((one) => matches(one.trim(), name)) !== removes;
}

/** A pattern with `*` and `?`; ssh_config(5), PATTERNS. */
function matches(pattern: string, name: string): boolean {
  const text = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${text}$`).test(name);
}
