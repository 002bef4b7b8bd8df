/** A workload whose calls are known: lookups of names that are not there, and the kernel's own count of them. */
import { randomBytes } from 'node:crypto';
import type { Connection } from '../../src/target/connection.ts';
import { ask } from './target.ts';

/** The name of the process that looks up. */
export const COMM = 'zlookups';

/** Looks up so many names, each another: `zt_<random>_0` and so on. @returns what they begin with */
export async function lookUp(observer: Connection, folder: string, calls: number): Promise<string> {
  const prefix = `zt_${randomBytes(4).toString('hex')}_`;
  await ask(
    observer,
    `sh -c 'printf ${COMM} >/proc/self/comm; i=0
      while [ $i -lt ${calls} ]; do [ ! -e ${folder}/${prefix}$i ] || exit 1; i=$((i + 1)); done'`,
  );
  return prefix;
}

/** How often zfs_lookup() was called by {@link COMM} while `during` ran, by a probe in an instance of its own. */
export async function counted(observer: Connection, during: () => Promise<void>): Promise<number> {
  const own = `zvmtest_${randomBytes(4).toString('hex')}`;
  await ask(
    observer,
    `cd /sys/kernel/tracing && mkdir instances/${own} && echo 'p:${own}/n zfs:zfs_lookup' >>kprobe_events
    echo 'comm == "${COMM}"' >instances/${own}/events/${own}/n/filter
    echo 1 >instances/${own}/events/${own}/n/enable`,
  );
  try {
    await during();
    return Number(await ask(observer, `grep -c ': n: ' /sys/kernel/tracing/instances/${own}/trace || true`));
  } finally {
    await ask(
      observer,
      `cd /sys/kernel/tracing; echo 0 >instances/${own}/events/${own}/n/enable
      rmdir instances/${own}; echo '-:${own}/n' >>kprobe_events`,
    );
  }
}
