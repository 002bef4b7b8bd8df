import type { SshOptions } from './surroundings.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** A time of ssh_config(5) in seconds: `90`, `1m30s` (sshd_config(5), TIME FORMATS). Null for anything else. */
export function seconds(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,9}(?:[smhdw]\d{1,9})*[smhdw]?$/i.test(text)) return null;
  return [...text.matchAll(/(\d+)([smhdw]?)/gi)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS[(unit ?? '').toLowerCase()] ?? 1),
    0,
  );
}

/** setTimeout takes no more. */
export const LONGEST_MS = 2 ** 31 - 1;

/** Sooner nothing is given up: that it is silent is said after 5 s, and it may come back. */
const LEAST_PATIENCE_MS = 10_000;

/**
 * After so long without a byte the configuration has a machine given up, in milliseconds; null where it does not say.
 * ssh asks each ServerAliveInterval and ends when as many as ServerAliveCountMax were not answered; here it is asked
 * every 2 s.
 */
export function patienceMs(options: SshOptions): number | null {
  const interval = seconds(options.get('serveraliveinterval')?.[0]) ?? 0;
  const count = Number(options.get('serveralivecountmax')?.[0] ?? '3');
  if (!(interval > 0 && count > 0)) return null;
  return Math.max(LEAST_PATIENCE_MS, Math.min(interval * count * 1000, LONGEST_MS));
}
