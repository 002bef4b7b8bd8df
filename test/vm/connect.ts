/** A connection to the lab VM as the extension makes it, for tests and figures. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Collector } from '../../src/target/collector.ts';
import type { Connection, ConnectOptions } from '../../src/target/connection.ts';
import { connect } from '../../src/target/index.ts';
import * as lab from '../lab/lab.ts';

export interface LabConnectOptions extends ConnectOptions {
  /** root unless given; dev has `sudo -n`, plain has no way to root. */
  readonly user?: lab.LabUser;
  /** Another port of 127.0.0.1 that leads to the VM: a {@link Relay}'s. */
  readonly port?: number;
}

/** Connects; the VM's key is new to the connection and trusted. */
export async function connectToLab(vm: lab.LabInfo, options: LabConnectOptions = {}): Promise<Connection> {
  const { user = 'root', port = vm.port, ...rest } = options;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-vm-'));
  const configFile = path.join(folder, 'ssh_config');
  const config = readFileSync(vm.sshConfig, 'utf8')
    .replaceAll(vm.knownHosts, path.join(folder, 'known_hosts'))
    .replaceAll(/^( +Port) \d+$/gm, `$1 ${port}`);
  writeFileSync(configFile, config);
  try {
    return await connect(
      { alias: lab.hostAliases[user], configFile },
      {
        trustHostKey: async () => true,
        passphrase: async () => undefined,
        password: async () => undefined,
        answer: async () => undefined,
      },
      rest,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A collector that runs a script as it stands and gives back its output. */
export function raw(name: string, script: string, timeoutMs: number): Collector<null, string> {
  return {
    name,
    title: name,
    grade: 'observe',
    needsRoot: true,
    timeoutMs,
    script: () => script,
    decode: (output) => output,
  };
}
