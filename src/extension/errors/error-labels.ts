/** The words of Watch Errors: pure functions of what was raised. */
import { inert } from '../../core/text/inert.ts';
import type { RaisedError } from '../../core/zfs/errno-lines.ts';
import { baseName, type ErrorSite } from '../../core/zfs/errno-sites.ts';
import type { StreamEnd } from '../../target/connection.ts';

/** `now`, `2 s ago`, `3 min ago`, `2 h ago`. */
export function agoText(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 1) {
    return 'now';
  }
  if (seconds < 60) {
    return `${seconds} s ago`;
  }
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
}

/** `ENOSPC ×128` */
export function siteLabel(site: Pick<ErrorSite, 'name' | 'count'>): string {
  return `${site.name} ×${site.count.toLocaleString('en-US')}`;
}

/** `dmu_tx.c:1021 dmu_tx_try_assign  txg_sync` */
export function siteDescription(site: ErrorSite): string {
  const last = site.recent[0]?.comm ?? '';
  return inert(`${baseName(site.file)}:${site.line} ${site.function}  ${last}`.trimEnd(), 300);
}

/**
 * What stands behind the line in the editor: `ENOSPC ×128, 2 s ago, txg_sync`; of several errors each.
 * @param now null where nobody writes it anew as time goes on: then it says no time
 */
export function lineText(sites: readonly ErrorSite[], now: number | null): string {
  const newest = [...sites].sort((a, b) => b.lastAt - a.lastAt);
  const texts = newest.slice(0, 3).map((site) => {
    const last = site.recent[0]?.comm ?? '';
    const ago = now === null ? '' : agoText(now - site.lastAt);
    return [siteLabel(site), ago, last].filter((part) => part !== '').join(', ');
  });
  const more = newest.length > 3 ? `; ${newest.length - 3} more` : '';
  return inert(texts.join('; ') + more, 300);
}

/** `dd (634)` */
export function taskText({ comm, pid }: RaisedError): string {
  return inert(`${comm} (${pid})`, 100);
}

/** Plain text for a tooltip: who raised it how often. */
export function siteTooltip(site: ErrorSite): string {
  const tasks = [...site.tasks].sort(([, a], [, b]) => b - a).slice(0, 10);
  return [
    `${siteLabel(site)} of ${site.function}()`,
    `${site.file}:${site.line}`,
    ...tasks.map(([comm, count]) => `${comm} ×${count.toLocaleString('en-US')}`),
    ...(site.expected ? ['An answer to a question, such as a lookup of what is not there.'] : []),
  ]
    .map((line) => inert(line, 500))
    .join('\n');
}

/** True when the words of a filter all occur in the place, the error or a task's name. */
export function siteMatches(site: ErrorSite, filter: string): boolean {
  const text = [site.name, site.function, `${baseName(site.file)}:${site.line}`, ...site.tasks.keys()]
    .join('\n')
    .toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** `waiting`: interrupted, to go on by itself. */
export type WatchState = 'starting' | 'watching' | 'waiting' | 'ended';

/** What is said above the list. */
export function watchText(watch: {
  readonly target: string;
  readonly state: WatchState;
  readonly count: number;
  /** By the kernel's count; 0 while it said none. */
  readonly hits: number;
  /** Some were not recorded. */
  readonly lost: boolean;
  /** It has ended, and what came last may be missing. */
  readonly isCut: boolean;
  /** How often it was interrupted and went on. */
  readonly gaps: number;
  readonly filter: string;
  /** Why it ended, empty for the person's wish; what it waits for, as a sentence. */
  readonly why: string;
}): string {
  const missing = Math.max(0, watch.hits - watch.count);
  const parts = [
    watch.state === 'starting'
      ? `Starting to watch ${watch.target}...`
      : watch.state === 'watching'
        ? `${watch.target}: ${watch.count.toLocaleString('en-US')} errors`
        : watch.state === 'waiting'
          ? watch.why
          : `${watch.target}: ${watch.why === '' ? 'stopped' : watch.why}`,
    watch.gaps > 0
      ? `${watch.gaps === 1 ? 'a gap' : `${watch.gaps} gaps`}: errors while it was interrupted are not among them`
      : '',
    missing > 0 && watch.lost
      ? `${missing.toLocaleString('en-US')} more were counted and not recorded: they came too fast`
      : '',
    watch.isCut ? 'what came last may be missing' : '',
    watch.filter === '' ? '' : `only "${watch.filter}"`,
  ];
  return inert(parts.filter((part) => part !== '').join('; '), 600);
}

/** How a watch ended, behind the target's name; empty when it was stopped and nothing is left. */
export function watchEndText(end: StreamEnd): string {
  switch (end.reason) {
    case 'lost':
      if (end.cleanUp === 'unknown') {
        return 'the connection ended, and the target removes the probe by itself within 25 seconds';
      }
      return `the target heard nothing from here for a while and ended it${end.cleanUp === 'confirmed' ? '' : ', and could not remove everything'}`;
    case 'stopped':
      return end.cleanUp === 'confirmed'
        ? ''
        : 'stopped, and the target did not confirm that the probe is gone';
    case 'finished':
      return `ended by itself with status ${end.status ?? 'unknown'} ${inert(end.stderr, 300)}`.trim();
  }
}
