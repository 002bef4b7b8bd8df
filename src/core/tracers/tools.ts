import { KINDS, type TraceKind } from '../tracing/kinds.ts';

/** What traces on the target: the kernel's own tracefs, or a program that is installed there. */
export type TraceTool = 'ftrace' | 'bpftrace' | 'bcc' | 'perf-tools';

export const TRACE_TOOLS: readonly TraceTool[] = ['ftrace', 'bpftrace', 'bcc', 'perf-tools'];

/** The programs that a tool is made of, by what the tool's own project calls them. */
export type ToolProgram = 'bpftrace' | 'trace' | 'argdist' | 'stackcount' | 'funclatency' | 'kprobe';

/** What of the tools a target has. */
export interface InstalledTools {
  /** As it says of itself, `0.23.2`; null when it is not installed. */
  readonly bpftrace: string | null;
  /** As the package manager has it; empty when that does not say, null when it is not installed. */
  readonly bcc: string | null;
  readonly 'perf-tools': string | null;
  /** Names or paths that start the programs: distributions call them differently. */
  readonly programs: Readonly<Partial<Record<ToolProgram, string>>>;
}

export const NO_TOOLS: InstalledTools = { bpftrace: null, bcc: null, 'perf-tools': null, programs: {} };

interface ToolTraits {
  readonly label: string;
  readonly about: string;
  /** Which program finds out what; a kind that is missing cannot be had. */
  readonly kinds: Readonly<Partial<Record<TraceKind, ToolProgram>>>;
  /** Why a program of the tool that finds out another kind is not used, for a person. */
  readonly unused?: Readonly<Partial<Record<TraceKind, string>>>;
  /** What to install. */
  readonly packages: string;
}

const ALL_BY_BPFTRACE = Object.fromEntries(
  (['calls', 'returns', 'errors', 'count', 'latency', 'stacks', 'callers'] as const).map((kind) => [
    kind,
    'bpftrace',
  ]),
);

export const TOOLS: Readonly<Record<Exclude<TraceTool, 'ftrace'>, ToolTraits>> = {
  bpftrace: {
    label: 'bpftrace',
    about: 'a program that you can change and run again; takes seconds to start',
    kinds: ALL_BY_BPFTRACE,
    packages: 'the package bpftrace (Debian, Ubuntu, Fedora, Arch)',
  },
  bcc: {
    label: 'bcc',
    about: 'trace, argdist, stackcount, funclatency; takes ten seconds and more to start',
    kinds: {
      calls: 'trace',
      returns: 'trace',
      errors: 'trace',
      count: 'argdist',
      latency: 'funclatency',
      stacks: 'stackcount',
      callers: 'stackcount',
    },
    packages: 'the package bpfcc-tools (Debian, Ubuntu), bcc-tools (Fedora) or bcc-tools (Arch)',
  },
  'perf-tools': {
    label: 'perf-tools',
    about:
      'kprobe, not funcgraph, which has the kernel trace all functions; uses the top level of tracefs, so nobody else may trace there',
    kinds: { calls: 'kprobe', errors: 'kprobe' },
    unused: {
      graph: 'funcgraph has the kernel trace all of its functions',
      count: 'funccount profiles the whole machine and tells no task',
    },
    packages: 'the package perf-tools-unstable (Debian, Ubuntu)',
  },
};

/** Whether a tool can find out what is asked. */
export function canTrace(tool: TraceTool, kind: TraceKind): boolean {
  return tool === 'ftrace' ? kind in KINDS : TOOLS[tool].kinds[kind] !== undefined;
}

/** A version in numbers, so that two can be compared. */
export interface ToolVersion {
  readonly major: number;
  readonly minor: number;
}

/** @param text `0.23.2`, `v0.17.0`; one that says nothing is taken for the oldest that is known */
export function toolVersion(text: string): ToolVersion {
  const [, major, minor] = /(\d{1,4})\.(\d{1,4})/.exec(text) ?? [];
  return { major: Number(major ?? 0), minor: Number(minor ?? 17) };
}

export function isAtLeast(version: ToolVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}
