import { Failure } from '../../core/failure.ts';
import type { Connection, HostEntry } from '../../target/connection.ts';
import type { TargetService } from './target-service.ts';

/** The active target over its connection, and what a person calls it. */
export interface ConnectedTarget {
  readonly connection: Connection;
  readonly entry: HostEntry;
  readonly alias: string;
}

/** @throws Failure `bad-request` when none is connected */
export function connectedTarget({
  connection,
  active,
}: Pick<TargetService, 'connection' | 'active'>): ConnectedTarget {
  if (connection === null || active === null) {
    throw new Failure(
      'bad-request',
      'No target is connected.',
      'Connect to the machine that runs ZFS first: ZScope: Connect to Target...',
    );
  }
  return { connection, entry: active.entry, alias: active.entry.alias };
}
