/** A connection to the lab VM as the extension makes it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Collector } from '../src/target/collector.ts';
import type { Connection } from '../src/target/connection.ts';
import { connect } from '../src/target/index.ts';
import * as lab from '../test/lab/lab.ts';

/** Connects as root; trusts the VM's key, which is new to it. */
export async function connectToLab(vm: lab.LabInfo): Promise<Connection> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-bench-'));
  const configFile = path.join(folder, 'ssh_config');
  const knownHosts = path.join(folder, 'known_hosts');
  writeFileSync(configFile, readFileSync(vm.sshConfig, 'utf8').replaceAll(vm.knownHosts, knownHosts));
  try {
    return await connect(
      { alias: lab.hostAliases.root, configFile },
      {
        trustHostKey: async () => true,
        passphrase: async () => undefined,
        password: async () => undefined,
        answer: async () => undefined,
      },
      {},
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
