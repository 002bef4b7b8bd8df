/** A connection to a hostile server, and a download from it that nobody reads. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DownloadCollector } from '../../src/target/collector.ts';
import type { Connection } from '../../src/target/connection.ts';
import { connect } from '../../src/target/index.ts';
import { Person } from './client.ts';

const never = () => new Promise<void>(() => {});
/** A download of what a script prints: its first line, and the bytes after it. */
export function downloadOf(script: string): DownloadCollector<null, string> {
  return {
    name: 'test-download',
    title: 'A download',
    grade: 'observe',
    needsRoot: false,
    idleMs: 60_000,
    script: () => script,
    header: (line) => line,
  };
}

/** Signs in to a server on loopback, by any password unless told else. @param folder for the configuration and known_hosts */
export function connectWithin(
  folder: string,
  port: number,
  person = new Person(),
  method = 'password',
): Promise<Connection> {
  const configFile = join(folder, 'config');
  const settings = [
    'HostName 127.0.0.1',
    `Port ${port}`,
    'User root',
    `UserKnownHostsFile ${join(folder, 'known_hosts')}`,
    'StrictHostKeyChecking accept-new',
    'IdentityAgent none',
    'IdentityFile none',
    `PreferredAuthentications ${method}`,
  ];
  writeFileSync(configFile, `Host box\n${settings.map((line) => `  ${line}\n`).join('')}`);
  person.passwords = ['any'];
  return connect({ alias: 'box', configFile }, person);
}

/** A download whose header is never taken in, so that its channel is not read any more. */
export function downloadUnread(connection: Connection): Promise<unknown> {
  return connection.download(downloadOf('cat /dev/zero'), null, { header: never, bytes: never });
}
