import type { HostEntry } from '../../target/connection.ts';

/** A row of the Targets view. */
export interface TargetNode {
  readonly kind: 'target';
  readonly entry: HostEntry;
}

/** Two entries are the same target when both the name and the configuration file are. */
export function targetKey(entry: HostEntry): string {
  return `${entry.configFile ?? ''}\n${entry.alias}`;
}
