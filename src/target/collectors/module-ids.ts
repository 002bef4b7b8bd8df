import type { Collector } from '../collector.ts';
import { buildId } from './facts.ts';

/** Modules asked about at once; more are not loaded anywhere. */
const MAX_MODULES = 500;
/** What a module may look like to be asked about; nothing else gets into the script. */
const MODULE = /^[\w-]{1,64}$/;

/**
 * Lines of shell: what {@link decodeModuleIds} reads, for the modules named by `$@`. The kernel's notes
 * (kernel/ksysfs.c) and those of modules (kernel/module/sysfs.c) are kept in memory by the kernel: reading
 * them waits for nothing. One `od` for all: starting it is what takes the time.
 */
export const MODULE_IDS = `z_files= z_names=
for z_m; do
  z_f=/sys/module/$z_m/notes/.note.gnu.build-id
  [ -r "$z_f" ] || continue
  z_files="$z_files $z_f" z_names="$z_names $z_m"
done
[ -z "$z_files" ] || { echo "modules$z_names"; od -An -v -tx1 $z_files; echo .; }
`;

/** The GNU build-ids of loaded modules by name; those without one, or not loaded, are left out. */
export const moduleIds: Collector<{ readonly modules: readonly string[] }, ReadonlyMap<string, string>> = {
  name: 'module-ids',
  title: 'Which builds of modules are loaded',
  grade: 'observe',
  needsRoot: true,
  timeoutMs: 20_000,
  script: ({ modules }) => {
    const names = modules.filter((name) => MODULE.test(name)).slice(0, MAX_MODULES);
    return `set -- ${names.map((name) => name.replaceAll('-', '_')).join(' ')}\n${MODULE_IDS}exit 0\n`;
  },
  decode: (output) => decodeModuleIds(output.split('\n')),
};

/**
 * Reads `modules NAME ...` and the hex of their notes one after the other, up to a line with a dot. Each
 * note says how long it is.
 */
export function decodeModuleIds(lines: readonly string[]): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  const start = lines.findIndex((line) => line.startsWith('modules '));
  const end = lines.indexOf('.', start);
  if (start < 0 || end < 0) {
    return ids;
  }
  const names = (lines[start] ?? '').split(' ').slice(1);
  let notes = lines
    .slice(start + 1, end)
    .join('')
    .replace(/\s/g, '');
  for (const name of names) {
    const id = buildId(notes);
    if (id === null) {
      break; // Whose notes the rest are cannot be told.
    }
    ids.set(name, id);
    notes = notes.slice(noteLength(id));
  }
  return ids;
}

/** Hex digits of a note with this id: three words, the name "GNU" and the id, which is padded to words. */
function noteLength(id: string): number {
  return 2 * (16 + 4 * Math.ceil(id.length / 8));
}
