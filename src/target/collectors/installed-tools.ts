import type { InstalledTools, ToolProgram } from '../../core/tracers/tools.ts';
import type { Collector } from '../collector.ts';

/** Longest version or path that is kept; in UTF-16 units. */
const LONGEST = 200;

/** Names of each program: as Debian calls it, then as others do, then where others keep it out of the way. */
const NAMES: Readonly<Record<ToolProgram, readonly string[]>> = {
  bpftrace: ['bpftrace'],
  trace: ['trace-bpfcc', '/usr/share/bcc/tools/trace'],
  argdist: ['argdist-bpfcc', '/usr/share/bcc/tools/argdist'],
  stackcount: ['stackcount-bpfcc', '/usr/share/bcc/tools/stackcount'],
  funclatency: ['funclatency-bpfcc', '/usr/share/bcc/tools/funclatency'],
  kprobe: ['kprobe-perf', '/opt/perf-tools/bin/kprobe'],
};

const PROGRAMS = Object.keys(NAMES) as ToolProgram[];

/**
 * Which tracers are installed, and their versions. bpftrace tells its own; the others have none to tell, so the
 * package manager is asked.
 */
export const installedTools: Collector<null, InstalledTools> = {
  name: 'installed-tools',
  title: 'Which tracers are installed: bpftrace, bcc, perf-tools',
  grade: 'observe',
  needsRoot: false,
  timeoutMs: 60_000,
  script: () => `
find() {
  what=$1
  shift
  for name; do
    found=$(command -v "$name" 2>/dev/null) && [ -x "$found" ] && echo "program $what $name" && return
  done
}
${PROGRAMS.map((name) => `find ${name} ${NAMES[name].join(' ')}`).join('\n')}
command -v bpftrace >/dev/null 2>&1 && bpftrace --version 2>/dev/null | { read -r name version; echo "bpftrace $version"; }
package() {
  if command -v dpkg-query >/dev/null 2>&1; then
    dpkg-query -W -f "$1 \\\${Version}\\n" "$2" 2>/dev/null
  elif command -v rpm >/dev/null 2>&1; then
    rpm -q --qf "$1 %{VERSION}\\n" "$3" 2>/dev/null | grep "^$1 "
  fi
}
package bcc bpfcc-tools bcc-tools
package perf-tools perf-tools-unstable perf-tools
exit 0
`,
  decode: (output) => {
    const programs: Partial<Record<ToolProgram, string>> = {};
    const versions = new Map<string, string>();
    for (const line of output.split('\n')) {
      const [word = '', ...rest] = line.slice(0, LONGEST).split(' ');
      const program = PROGRAMS.find((name) => word === 'program' && name === rest[0]);
      const name = rest[1] ?? '';
      if (program !== undefined) {
        if (NAMES[program].includes(name)) {
          programs[program] = name;
        }
      } else if (/^v?\d[\w.:~+-]*$/.test(rest[0] ?? '')) {
        versions.set(word, (rest[0] ?? '').replace(/^v/, ''));
      }
    }
    const has = (...names: readonly ToolProgram[]) => names.some((name) => programs[name] !== undefined);
    const version = (name: string) => versions.get(name) ?? '';
    return {
      bpftrace: has('bpftrace') ? version('bpftrace') : null,
      bcc: has('trace', 'argdist', 'stackcount', 'funclatency') ? version('bcc') : null,
      'perf-tools': has('kprobe') ? version('perf-tools') : null,
      programs,
    };
  },
};
