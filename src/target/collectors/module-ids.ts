import { type Collector, shellWord } from '../collector.ts';
import { buildId } from './facts.ts';

/** Modules asked about at once; more are not loaded anywhere. */
const MAX_MODULES = 500;
/** What a module may look like to be asked about; nothing else gets into the script. */
const MODULE = /^[\w-]{1,64}$/;
/** Longer is no sign of a build, in UTF-16 units. */
const LONGEST_SIGN = 256;

/**
 * Lines of shell that print `build NAME SIGN` for each module of `$@`. The kernel has the note of a module
 * in memory (kernel/module/sysfs.c): reading it waits for nothing. The sign is the note as the shell's own
 * `read` takes it, without its zeros, so that no program is started: enough to tell whether it is another
 * build than before, not to name it. Empty for a module without a build-id.
 * @param sys where sysfs is mounted
 */
export const buildSigns = (sys = '/sys') => `for z_m; do
  z_sign=
  while IFS= read -r z_line || [ -n "$z_line" ]; do z_sign=$z_sign$z_line/; done \\
    <${shellWord(sys)}/module/$z_m/notes/.note.gnu.build-id
  printf 'build %s %s\\n' "$z_m" "$z_sign"
done 2>/dev/null
`;

/** The signs by module name; what follows the name up to the end of the line is the sign. */
export function decodeBuildSigns(lines: readonly string[]): Map<string, string> {
  const signs = new Map<string, string>();
  for (const line of lines) {
    const [, module, sign] = /^build ([\w-]{1,64}) ([\s\S]*)$/.exec(line) ?? [];
    if (module !== undefined && sign !== undefined) {
      signs.set(module, sign.slice(0, LONGEST_SIGN));
    }
  }
  return signs;
}

/** The build of a loaded module. */
export interface LoadedBuild {
  /** Equal to that of another look exactly when it is the same build. */
  readonly sign: string;
  /** Hex of the GNU build-id; null when the module has none. */
  readonly buildId: string | null;
}

/** Stands for the kernel itself where a module is named. */
export const KERNEL = '';

/**
 * The builds of loaded modules, and of the kernel, by name. One `od` reads all notes: starting it is what
 * takes the time. The kernel's come last (/sys/kernel/notes, kernel/ksysfs.c): they are several.
 */
export const moduleIds: Collector<
  { readonly modules: readonly string[] },
  ReadonlyMap<string, LoadedBuild>
> = {
  name: 'module-ids',
  title: 'Which builds of modules are loaded',
  grade: 'observe',
  // Notes are for all to read, unless a hardened system hides /sys.
  needsRoot: 'if-had',
  timeoutMs: 20_000,
  script: ({ modules }) => {
    const names = modules.filter((name) => MODULE.test(name)).slice(0, MAX_MODULES);
    return `set -- ${names.map((name) => name.replaceAll('-', '_')).join(' ')}
${buildSigns()}files= names=
for name; do
  file=/sys/module/$name/notes/.note.gnu.build-id
  [ -r "$file" ] || continue
  files="$files $file" names="$names $name"
done
echo "notes$names"
od -An -v -tx1 $files /sys/kernel/notes
exit 0
`;
  },
  decode: (output) => {
    const lines = output.split('\n');
    // Nothing follows the word where only the kernel is asked for.
    const at = lines.findIndex((line) => /^notes(?: |$)/.test(line));
    const signs = decodeBuildSigns(at < 0 ? lines : lines.slice(0, at));
    const ids = at < 0 ? new Map<string, string>() : idsOf(lines[at] ?? '', lines.slice(at + 1));
    const builds = new Map<string, LoadedBuild>();
    for (const [module, sign] of [...signs, [KERNEL, ''] as const]) {
      builds.set(module, { sign, buildId: ids.get(module) ?? null });
    }
    return builds;
  },
};

/** Takes notes that stand one behind the other apart; each says how long it is. */
function idsOf(heading: string, hex: readonly string[]): Map<string, string> {
  const ids = new Map<string, string>();
  let notes = hex.join('').replace(/\s/g, '');
  for (const module of heading.split(' ').slice(1)) {
    const id = buildId(notes);
    if (id === null) {
      return ids; // Whose notes the rest are cannot be told.
    }
    ids.set(module, id);
    notes = notes.slice(noteLength(notes));
  }
  for (let length = noteLength(notes); length > 0 && notes !== ''; length = noteLength(notes)) {
    const id = buildId(notes);
    if (id !== null) {
      ids.set(KERNEL, id);
      break;
    }
    notes = notes.slice(length);
  }
  return ids;
}

/** Hex digits of the first note: three words, its name and its content, both padded to words; 0 for none. */
function noteLength(notes: string): number {
  const head = Buffer.from(notes.slice(0, 24), 'hex');
  const padded = (bytes: number) => 4 * Math.ceil(bytes / 4);
  return head.length < 12 ? 0 : 2 * (12 + padded(head.readUInt32LE(0)) + padded(head.readUInt32LE(4)));
}
