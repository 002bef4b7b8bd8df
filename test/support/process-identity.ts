/** Telling whether a recorded process is still the same one. */
import { readFileSync } from 'node:fs';

/** A process as it can be recognised later: its id may be reused, its start time is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** `starttime` of proc_pid_stat(5): clock ticks since the machine was booted. */
  readonly startTicks: number;
}

/** The identity of a process, or undefined when there is none (or only a zombie) of that id. */
export function identify(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  const parsed = parseStat(stat);
  return parsed === undefined || parsed.state === 'Z' ? undefined : { pid, startTicks: parsed.startTicks };
}

/** State letter and start time of a /proc/PID/stat line; its comm may hold blanks and brackets. */
export function parseStat(stat: string): { state: string; startTicks: number } | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTicks = Number(fields[19]);
  return state === undefined || !Number.isInteger(startTicks) ? undefined : { state, startTicks };
}

/** Whether that very process still runs. */
export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startTicks === process.startTicks;
}
