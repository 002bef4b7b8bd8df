import { Failure } from '../core/failure.ts';
import { undecided } from './config-notices.ts';
import { matchesPattern } from './known-hosts.ts';

/** One directive of a configuration file. */
export interface Directive {
  /** Lower case. */
  readonly keyword: string;
  readonly args: readonly string[];
  /** Of an Include: the directives of each file that it names. */
  readonly included?: ReadonlyArray<readonly Directive[]>;
}

/** Whom a connection is for. */
export interface Asked {
  /** The host as the person names it. */
  readonly alias: string;
  /** The account on this machine. */
  readonly localUser: string;
}

/** Directives of which all values count; of others the first does. */
const ALL_COUNT: ReadonlySet<string> = new Set(['identityfile', 'certificatefile']);

/**
 * What the directives of a configuration come to for one host (ssh_config(5)): the first value of each counts. A `Match`
 * is decided by what the lines above it said; what an included file leaves open ends with it, and in a block that is for
 * other hosts all of it is for them.
 */
export class HostOptions {
  /** By lower-case keyword, in the order in which they were set. */
  readonly options = new Map<string, string[]>();
  /** Criteria of Match that could not be decided, so that their blocks were left out. */
  readonly leftOut: string[] = [];

  constructor(private readonly asked: Asked) {}

  /** @throws Failure unsupported for a Match that ssh refuses as well */
  apply(directives: readonly Directive[], isMeant = true): void {
    let isActive = isMeant;
    for (const { keyword, args, included } of directives) {
      if (keyword === 'host') isActive = isMeant && matchesWords(this.asked.alias, args);
      else if (keyword === 'match') isActive = isMeant && this.#matches(args);
      else if (!isActive) continue;
      else if (included !== undefined) for (const file of included) this.apply(file);
      else this.#set(keyword, args);
    }
  }

  #set(keyword: string, args: readonly string[]): void {
    const value = args.join(' ');
    const before = this.options.get(keyword);
    if (before === undefined) this.options.set(keyword, [value]);
    else if (ALL_COUNT.has(keyword) && !before.includes(value)) before.push(value);
  }

  /** The name or address that is connected to, as far as it is known by now. */
  hostname(): string {
    const { alias } = this.asked;
    const name = this.options.get('hostname')?.[0];
    return name === undefined
      ? alias
      : name.replace(/%([%h])/g, (_, letter) => (letter === 'h' ? alias : '%'));
  }

  /** Whether all criteria of a Match hold. */
  #matches(args: readonly string[]): boolean {
    const unknown = undecided(args);
    if (unknown.length > 0) {
      this.leftOut.push(...unknown);
      return false;
    }
    let isMatch = true;
    for (let at = 0; at < args.length; at += 1) {
      const word = args[at]?.toLowerCase() ?? '';
      const name = word.replace(/^!/, '');
      if (name === 'all') continue;
      at += 1;
      const patterns = args[at];
      if (patterns === undefined) throw this.#broken(`Match ${name} lacks its value`);
      const { alias, localUser } = this.asked;
      const subject =
        name === 'host'
          ? this.hostname()
          : name === 'originalhost'
            ? alias
            : name === 'user'
              ? (this.options.get('user')?.[0] ?? localUser)
              : localUser;
      const isHost = name === 'host' || name === 'originalhost';
      const list = isHost ? patterns.toLowerCase() : patterns;
      if (matchesWords(subject, list.split(',')) === (word !== name)) isMatch = false;
    }
    return isMatch;
  }

  #broken(why: string): Failure {
    return new Failure(
      'unsupported',
      `The ssh configuration of ${this.asked.alias} cannot be read: ${why}.`,
      'Correct the ssh configuration; where ssh is installed, `ssh -G` shows what is wrong with it.',
    );
  }
}

/** Whether one of the patterns matches, and none of those with `!` before them does (ssh_config(5), PATTERNS). */
function matchesWords(text: string, patterns: readonly string[]): boolean {
  let isFound = false;
  for (const pattern of patterns) {
    if (!pattern.startsWith('!')) isFound ||= matchesPattern(text, pattern);
    else if (matchesPattern(text, pattern.slice(1))) return false;
  }
  return isFound;
}
