import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { hostname as localHostname } from 'node:os';
import { Failure } from '../core/failure.ts';
import { type Algorithms, algorithmsOf } from './algorithms.ts';
import { BeyondLibrary } from './beyond-library.ts';
import { unusedDirectives } from './config-notices.ts';
import type { HostEntry } from './connection.ts';
import { formatJumps, type Overrides, type Route, routeOf } from './route.ts';
import { computeFromFiles } from './ssh-config-files.ts';
import { isSafeAlias, PIPES, printable, type SshOptions, type Surroundings } from './surroundings.ts';
import { LONGEST_MS, patienceMs, seconds } from './times.ts';

/** Everything that the ssh configuration says about reaching one host, ready to use. */
export interface ResolvedHost {
  readonly alias: string;
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  /** 0: IPv4 or IPv6. */
  readonly family: 0 | 4 | 6;
  readonly bindAddress: string | null;
  readonly connectTimeoutMs: number;
  /** Given up after so long without a byte; null where the configuration does not say. */
  readonly patienceMs: number | null;
  /** Absolute paths; they need not exist. */
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** Socket or named pipe of the agent; null for none. */
  readonly agent: string | null;
  readonly userKnownHostsFiles: readonly string[];
  readonly globalKnownHostsFiles: readonly string[];
  readonly hashKnownHosts: boolean;
  readonly hostKeyAlias: string | null;
  /** `no` is read as `ask`: an unknown key is never taken silently unless the person said accept-new. */
  readonly strictHostKeyChecking: 'yes' | 'ask' | 'accept-new';
  /** Ways to sign in that may be tried, best first. */
  readonly methods: readonly SignInMethod[];
  /** GSSAPIAuthentication: the person has Kerberos tickets, maybe. */
  readonly gssapi: boolean;
  readonly algorithms: Algorithms;
  readonly route: Route;
  /** Directives that the configuration has and that do nothing here. */
  readonly unused: readonly string[];
  /** The configuration that says all this, for the jump hosts too; null for the person's own. */
  readonly configFile: string | null;
}

export type SignInMethod = 'publickey' | 'keyboard-interactive' | 'password';

const DEFAULT_CONNECT_SECONDS = 10;
const SSH_G_TIMEOUT_MS = 15_000;

/**
 * What the configuration says of a host: by `ssh -G` where there is an ssh, else by reading the
 * files ourselves.
 * @throws Failure for an unsafe name, a broken configuration, or an option we cannot honour.
 */
export async function resolveHost(
  entry: HostEntry,
  around: Surroundings,
  signal?: AbortSignal,
  overrides: Overrides = { user: null, port: null, hops: [] },
): Promise<ResolvedHost> {
  return interpret(entry, await readOptions(entry, around, overrides, signal), around);
}

/** What the configuration says of a host. @throws Failure for an unsafe name or a broken configuration */
export async function readOptions(
  entry: HostEntry,
  around: Surroundings,
  overrides: Overrides,
  signal?: AbortSignal,
): Promise<SshOptions> {
  if (!isSafeAlias(entry.alias)) {
    throw new Failure(
      'no-host',
      `'${printable(entry.alias)}' cannot be the name of a host.`,
      'Host names have letters, digits and . _ - : only, and do not begin with a dash.',
    );
  }
  const text = await sshG(entry, around, overrides, signal);
  return text === null ? await computeFromFiles(entry, around, overrides) : parseSshG(text);
}

/** Output of `ssh -G`; null when there is no ssh on this machine. */
function sshG(
  entry: HostEntry,
  around: Surroundings,
  { user, port, hops }: Overrides,
  signal?: AbortSignal,
): Promise<string | null> {
  const args = [
    '-G',
    ...(entry.configFile === null ? [] : ['-F', entry.configFile]),
    ...(user === null ? [] : ['-l', user]),
    ...(port === null ? [] : ['-p', String(port)]),
    ...(hops.length === 0 ? [] : ['-J', formatJumps(hops)]),
    '--',
    entry.alias,
  ];
  return new Promise((resolve, reject) => {
    const child = execFile(
      'ssh',
      args,
      {
        env: around.env,
        timeout: SSH_G_TIMEOUT_MS,
        maxBuffer: 4 * 1024 * 1024,
        windowsHide: true,
        ...(signal === undefined ? {} : { signal }),
      },
      (error, stdout, stderr) => {
        if (error === null) {
          resolve(stdout);
        } else if (error.code === 'ENOENT') {
          resolve(null);
        } else if (signal?.aborted) {
          reject(new Failure('cancelled', 'Connecting was cancelled.'));
        } else {
          const said = stderr.trim().split('\n')[0] ?? '';
          reject(
            new Failure(
              'unsupported',
              `ssh cannot read the configuration of ${entry.alias}: ${said === '' ? error.message : said}.`,
              'Correct the ssh configuration; `ssh -G` shows what ssh makes of it.',
            ),
          );
        }
      },
    );
    child.stdin?.end();
  });
}

/** Reads `keyword value` lines as `ssh -G` prints them. Repeated keywords keep all values, in order. */
export function parseSshG(text: string): SshOptions {
  const options = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^([A-Za-z]+) (.*)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    const keyword = match[1].toLowerCase();
    const values = options.get(keyword);
    if (values === undefined) options.set(keyword, [match[2]]);
    else values.push(match[2]);
  }
  return options;
}

/** Options that change the way to a host, or whom we trust, and that ssh2 or ZScope cannot honour. */
const UNSUPPORTED: ReadonlyArray<readonly [keyword: string, name: string]> = [
  ['certificatefile', 'CertificateFile'],
  ['knownhostscommand', 'KnownHostsCommand'],
  ['revokedhostkeys', 'RevokedHostKeys'],
  ['pkcs11provider', 'PKCS11Provider'],
  ['bindinterface', 'BindInterface'],
];

/** Turns the options into what we use. @throws Failure unsupported, naming the option. */
export function interpret(
  { alias, configFile }: HostEntry,
  options: SshOptions,
  around: Surroundings,
): ResolvedHost {
  const one = (keyword: string): string | null => {
    const value = options.get(keyword)?.[0];
    return value === undefined || value === '' || value.toLowerCase() === 'none' ? null : value;
  };
  const yes = (keyword: string, otherwise: boolean): boolean => {
    const value = one(keyword);
    return value === null ? otherwise : /^(yes|true)$/i.test(value);
  };
  for (const [keyword, name] of UNSUPPORTED) {
    if (one(keyword) !== null) {
      throw new BeyondLibrary(
        new Failure(
          'unsupported',
          `The ssh configuration of ${alias} has ${name}, which ZScope does not support yet.`,
          `Use a Host entry without ${name} for this machine, for example with a port that you forward by ssh yourself.`,
        ),
        name,
      );
    }
  }
  if (yes('proxyusefdpass', false)) {
    throw new BeyondLibrary(
      new Failure(
        'unsupported',
        `The ssh configuration of ${alias} has ProxyUseFdpass, which ZScope does not support.`,
        'Use a ProxyCommand that passes the bytes itself.',
      ),
      'ProxyUseFdpass',
    );
  }
  const hostname = one('hostname') ?? alias;
  const port = Number(one('port') ?? '22');
  const user = one('user') ?? around.user;
  const tokens = { hostname, port: String(port), user, alias };
  const path = (text: string): string => expandPath(text, tokens, around);
  const connectSeconds = seconds(one('connecttimeout') ?? undefined) ?? 0;
  const family = one('addressfamily');
  const strict = (one('stricthostkeychecking') ?? 'ask').toLowerCase();
  return {
    alias,
    hostname,
    port,
    user,
    family: family === 'inet' ? 4 : family === 'inet6' ? 6 : 0,
    bindAddress: one('bindaddress'),
    connectTimeoutMs: Math.min(
      (connectSeconds > 0 ? connectSeconds : DEFAULT_CONNECT_SECONDS) * 1000,
      LONGEST_MS,
    ),
    patienceMs: patienceMs(options),
    identityFiles: [
      ...new Set(
        (options.get('identityfile') ?? []).filter((file) => file.toLowerCase() !== 'none').map(path),
      ),
    ],
    identitiesOnly: yes('identitiesonly', false),
    agent: agentSocket(options.get('identityagent')?.[0] ?? 'SSH_AUTH_SOCK', path, around),
    userKnownHostsFiles: fileList(options.get('userknownhostsfile')).map(path),
    globalKnownHostsFiles: fileList(options.get('globalknownhostsfile')).map(path),
    hashKnownHosts: yes('hashknownhosts', false),
    hostKeyAlias: one('hostkeyalias'),
    strictHostKeyChecking:
      strict === 'yes' || strict === 'true' ? 'yes' : strict === 'accept-new' ? 'accept-new' : 'ask',
    methods: signInMethods(one('preferredauthentications'), (method) =>
      method === 'publickey'
        ? (one('pubkeyauthentication') ?? 'yes').toLowerCase() !== 'no' &&
          one('pubkeyauthentication') !== 'false'
        : method === 'password'
          ? yes('passwordauthentication', true)
          : yes('kbdinteractiveauthentication', true),
    ),
    gssapi: yes('gssapiauthentication', false),
    algorithms: algorithmsOf(alias, options),
    route: routeOf(alias, options),
    unused: unusedDirectives(options),
    configFile,
  };
}

function signInMethods(preferred: string | null, allowed: (method: SignInMethod) => boolean): SignInMethod[] {
  const all: readonly SignInMethod[] = ['publickey', 'keyboard-interactive', 'password'];
  const order =
    preferred === null ? all : preferred.split(',').flatMap((word) => all.filter((m) => m === word.trim()));
  return order.filter(allowed);
}

function agentSocket(value: string, path: (text: string) => string, around: Surroundings): string | null {
  if (value.toLowerCase() === 'none') return null;
  let socket: string;
  if (value === 'SSH_AUTH_SOCK') {
    socket = around.env['SSH_AUTH_SOCK'] ?? '';
    if (socket === '' && around.platform === 'win32') socket = `${PIPES}${agentPipe(around)}`;
  } else if (value.startsWith('$') && !value.startsWith('${')) {
    socket = around.env[value.slice(1)] ?? '';
  } else {
    socket = path(value);
  }
  return socket === '' ? null : socket;
}

/**
 * The pipe of the agent on Windows, where no variable names it: OpenSSH's has one name, Pageant's (PuTTY 0.77 and later)
 * ends in a hash that only this login session can make (PuTTY, windows/utils/agent_named_pipe_name.c). Both speak the
 * protocol of OpenSSH's agent.
 */
function agentPipe({ pipes, user }: Surroundings): string {
  const openssh = 'openssh-ssh-agent';
  const there = pipes?.() ?? [];
  const pageant = `pageant.${user}.`.toLowerCase();
  return there.includes(openssh)
    ? openssh
    : (there.find((name) => name.toLowerCase().startsWith(pageant)) ?? openssh);
}

/**
 * `ssh -G` joins several files by spaces and quotes none, so a file with spaces in its name is told
 * by its being there, else names are taken to begin at a `/` or `~` after a space.
 */
function fileList(values: readonly string[] | undefined): string[] {
  return (values ?? []).flatMap((value) => {
    if (value.toLowerCase() === 'none') return [];
    if (existsSync(value)) return [value];
    return value.split(/\s+(?=[/~%$]|[A-Za-z]:[\\/])/).filter((file) => file !== '');
  });
}

interface Tokens {
  readonly hostname: string;
  readonly port: string;
  readonly user: string;
  readonly alias: string;
}

/** Expands `~`, `${VAR}` and the `%` tokens of ssh_config(5), TOKENS. An unknown token stays. */
export function expandPath(text: string, tokens: Tokens, around: Surroundings): string {
  const values: Readonly<Record<string, string>> = {
    '%': '%',
    d: around.home,
    h: tokens.hostname,
    i: String(process.getuid?.() ?? 0),
    k: tokens.alias,
    L: localHostname().split('.')[0] ?? '',
    l: localHostname(),
    n: tokens.alias,
    p: tokens.port,
    r: tokens.user,
    u: around.user,
  };
  const expanded = text
    .replace(/\$\{([A-Za-z_]\w*)\}/g, (whole, name: string) => around.env[name] ?? whole)
    .replace(/%(.)/g, (whole, letter: string) => values[letter] ?? whole);
  if (expanded === '~' || expanded.startsWith('~/') || expanded.startsWith('~\\')) {
    return around.home + expanded.slice(1);
  }
  return expanded;
}
