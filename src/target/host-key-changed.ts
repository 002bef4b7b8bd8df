import { Failure, isFailure } from '../core/failure.ts';

/** A host shows another key than known_hosts has; all that is needed to replace it. */
export interface HostKeyChange {
  /** As the person calls the machine: what has to be typed. */
  readonly alias: string;
  /** The name in known_hosts: `host`, `[host]:port`, or HostKeyAlias. */
  readonly name: string;
  /** The key that was shown, as the server sends it, in base64. */
  readonly key: string;
  readonly keyType: string;
  /** `SHA256:...` */
  readonly fingerprint: string;
  /** The entries that say otherwise, at least one. */
  readonly lines: readonly HostKeyLine[];
}

export interface HostKeyLine {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly keyType: string;
  readonly fingerprint: string;
}

export class HostKeyChanged extends Failure {
  constructor(
    message: string,
    remedy: string,
    readonly change: HostKeyChange,
  ) {
    super('host-key-changed', message, remedy);
  }

  override before(words: string): HostKeyChanged {
    return new HostKeyChanged(`${words}${this.message}`, this.remedy, this.change);
  }
}

/** What changed, when that is what an error of any bundle says. */
export function hostKeyChangeOf(error: unknown): HostKeyChange | null {
  return isFailure(error) && 'change' in error ? (error as HostKeyChanged).change : null;
}
