import { Failure } from '../../core/failure.ts';
import type { Collector } from '../collector.ts';
import type { TargetFacts } from '../connection.ts';
import type { RootProgram } from '../root-shell.ts';
import { NOTES } from '../supervisor.ts';

/** Longer is no name, version or id; in UTF-16 units. */
const LONGEST_VALUE = 200;
/** su last: it wants the password of root. */
const PROGRAMS: readonly RootProgram[] = ['sudo', 'doas', 'su'];
/** More are not told apart. */
const MOST_LEFTOVERS = 999;
/** Of the hex of a note section, with its spaces. */
const LONGEST_NOTE = 4096;

/**
 * What a target is. Reads files of /proc and /sys only, none of which can join a hang, by the shell's
 * own `read`: for root with Linux 6.1 or newer one program is started, od.
 */
export const facts: Collector<null, TargetFacts> = {
  name: 'facts',
  title: 'Which kernel, which ZFS, and how to be root',
  grade: 'observe',
  needsRoot: false,
  timeoutMs: 20_000,

  // `sudo -n -l CMD` would say what the rules allow, but not whether PAM lets it pass: so it is run.
  // Where proc is mounted with hidepid nobody but root knows whose notes are of processes that are there.
  // The note is a struct elf_note (include/uapi/linux/elf.h): three words, the name "GNU", the id.
  script: () => `
k=/proc/sys/kernel m=/sys/module/zfs
one() { [ -r "$2" ] && read -r z <"$2" && printf '%s %s\\n' "$1" "$z"; }
one hostname $k/hostname
one release $k/osrelease
one machine $k/arch || printf 'machine %s\\n' "$(uname -m)"
one boot $k/random/boot_id
while read -r z uid euid z2; do [ "$z" != Uid: ] || break; done </proc/self/status
has() { command -v $1 >/dev/null 2>&1; }
if [ "$euid" = 0 ]; then echo 'root root'
elif has sudo && sudo -n /bin/sh -c : >/dev/null 2>&1; then echo 'root sudo'
elif has doas && doas -n /bin/sh -c : >/dev/null 2>&1; then echo 'root doas'
else
echo 'root none'
z= ; for z2 in sudo doas su; do has $z2 && z="$z $z2"; done
echo "programs$z"
fi
n=0
[ ! -r /proc/1/stat ] || for f in ${NOTES}/*.*; do
f=\${f##*/} z=
case $f in *[!0-9.]*) continue;; esac
{ read -r z </proc/\${f%.*}/stat; } 2>/dev/null
set -- \${z##*) }
[ "$1" != Z ] && [ "\${20-}" = "\${f#*.}" ] || n=$((n+1))
done
[ $n = 0 ] || echo "leftovers $n"
[ -d $m ] || exit 0
one version $m/version || echo 'version loaded'
one srcversion $m/srcversion
[ -r $m/notes/.note.gnu.build-id ] || exit 0
echo note; od -An -v -tx1 $m/notes/.note.gnu.build-id
exit 0
`,

  decode(output) {
    const [lines = '', note = ''] = output.split(/^note$/m);
    const said = new Map<string, string>();
    for (const line of lines.split('\n')) {
      const space = line.indexOf(' ');
      if (space > 0)
        said.set(
          line.slice(0, space),
          line
            .slice(space + 1)
            .trim()
            .slice(0, LONGEST_VALUE),
        );
    }
    const hostname = said.get('hostname');
    const kernelRelease = said.get('release');
    const machine = said.get('machine');
    const root = said.get('root');
    if (
      hostname === undefined ||
      kernelRelease === undefined ||
      machine === undefined ||
      (root !== 'root' && root !== 'sudo' && root !== 'doas' && root !== 'none')
    ) {
      throw new Failure(
        'bad-output',
        'The machine does not answer like a Linux machine.',
        'ZScope needs Linux with /bin/sh, coreutils and /proc on the target.',
      );
    }
    return {
      hostname,
      kernelRelease,
      machine,
      bootId: said.get('boot') ?? '',
      root,
      leftovers: Math.min(MOST_LEFTOVERS, Number(/^\d+$/.exec(said.get('leftovers') ?? '')?.[0] ?? 0)),
      rootPrograms: PROGRAMS.filter((name) => said.get('programs')?.split(' ').includes(name)),
      zfsVersion: said.get('version') ?? null,
      zfsBuildId: buildId(note.slice(0, LONGEST_NOTE).replace(/\s/g, '')),
      zfsSrcversion: said.get('srcversion') ?? null,
    };
  },
};

/**
 * The id in the hex of a note section; null when it has none. Words are little-endian: all machines
 * that ZFS on Linux is built for today, but s390x.
 */
export function buildId(hex: string): string | null {
  const note = Buffer.from(hex, 'hex');
  if (note.length < 16) return null;
  const nameSize = note.readUInt32LE(0);
  const idSize = note.readUInt32LE(4);
  const NT_GNU_BUILD_ID = 3;
  // Types are numbered by each name for itself: Xen has a 3 of its own.
  const isId =
    nameSize === 4 &&
    note.toString('latin1', 12, 16) === 'GNU\0' &&
    note.readUInt32LE(8) === NT_GNU_BUILD_ID &&
    note.length >= 16 + idSize;
  if (!isId) return null;
  return idSize === 0 ? null : note.toString('hex', 16, 16 + idSize);
}
