/** A workload whose calls are known: lookups of names that are not there, and the kernel's own count of them. */
import { randomBytes } from 'node:crypto';
import type { Connection } from '../../src/target/connection.ts';
import { zfsLookup } from '../support/zfs-functions.ts';
import { ask } from './target.ts';

/** The name of the process that looks up. */
export const COMM = 'zlookups';

export interface Lookups {
  /** What the names begin with. */
  readonly prefix: string;
  /** The process that looked them up. */
  readonly pid: number;
}

/** Looks up so many names, each another: `zt_<random>_0` and so on. */
export async function lookUpAs(observer: Connection, folder: string, calls: number): Promise<Lookups> {
  const prefix = `zt_${randomBytes(4).toString('hex')}_`;
  const pid = await ask(
    observer,
    `sh -c 'printf ${COMM} >/proc/self/comm; i=0
      while [ $i -lt ${calls} ]; do [ ! -e ${folder}/${prefix}$i ] || exit 1; i=$((i + 1)); done; echo $$'`,
  );
  return { prefix, pid: Number(pid) };
}

/** The same. @returns what the names begin with */
export async function lookUp(observer: Connection, folder: string, calls: number): Promise<string> {
  return (await lookUpAs(observer, folder, calls)).prefix;
}

/** What {@link lookUp} calls, and who by. */
const LOOKUPS = { symbol: zfsLookup.symbol, comm: COMM } as const;

/** How often a function of ZFS was called by tasks of that name while `during` ran, by a probe of the kernel that only counts. */
export async function counted(
  observer: Connection,
  during: () => Promise<void>,
  { symbol, comm }: { readonly symbol: string; readonly comm: string } = LOOKUPS,
): Promise<number> {
  const own = `zvmtest_${randomBytes(4).toString('hex')}`;
  const hist = `hist:keys=common_pid if comm == "${comm}"`;
  await ask(
    observer,
    `cd /sys/kernel/tracing && mkdir instances/${own} && echo 'p:${own}/n zfs:${symbol}' >>kprobe_events &&
    echo '${hist}' >instances/${own}/events/${own}/n/trigger`,
  );
  try {
    await during();
    return Number(
      await ask(
        observer,
        `awk '/Hits:/ { print $2 }' /sys/kernel/tracing/instances/${own}/events/${own}/n/hist`,
      ),
    );
  } finally {
    await ask(
      observer,
      `cd /sys/kernel/tracing; echo '!${hist}' >instances/${own}/events/${own}/n/trigger
      rmdir instances/${own}; echo '-:${own}/n' >>kprobe_events`,
    );
  }
}
