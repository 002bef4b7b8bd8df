import { Failure } from '../../core/failure.ts';
import type { Collector } from '../collector.ts';
import type { TargetFacts } from '../connection.ts';

/**
 * What a target is: one fork for uname, one for id, two for sudo, one for od. Files of /proc/sys
 * and /sys only, none of which can join a hang.
 */
export const facts: Collector<null, TargetFacts> = {
  name: 'facts',
  title: 'Which kernel, which ZFS, and how to be root',
  grade: 'observe',
  needsRoot: false,
  timeoutMs: 20_000,

  // `sudo -n -l CMD` would say what the rules allow, but not whether PAM lets it pass: so it is run.
  // The note is a struct elf_note (include/uapi/linux/elf.h): three words, the name "GNU", the id.
  script: () => `
printf 'uname '; uname -nrm || exit
read -r z </proc/sys/kernel/random/boot_id && printf 'boot %s\\n' "$z"
if [ "$(id -u)" = 0 ]; then echo 'root root'
elif command -v sudo >/dev/null 2>&1 && sudo -n /bin/sh -c : >/dev/null 2>&1; then echo 'root sudo'
else echo 'root none'; fi
m=/sys/module/zfs
[ -d $m ] || exit 0
z=loaded; [ -r $m/version ] && read -r z <$m/version; printf 'version %s\\n' "$z"
[ -r $m/srcversion ] && read -r z <$m/srcversion && printf 'srcversion %s\\n' "$z"
[ -r $m/notes/.note.gnu.build-id ] && printf 'note %s\\n' "$(od -An -v -tx1 $m/notes/.note.gnu.build-id | tr -d ' \\n')"
exit 0
`,

  decode(output) {
    const said = new Map<string, string>();
    for (const line of output.split('\n')) {
      const space = line.indexOf(' ');
      if (space > 0) said.set(line.slice(0, space), line.slice(space + 1).trim());
    }
    const [hostname, kernelRelease, machine] = (said.get('uname') ?? '').split(' ');
    const root = said.get('root');
    if (
      hostname === undefined ||
      kernelRelease === undefined ||
      machine === undefined ||
      (root !== 'root' && root !== 'sudo' && root !== 'none')
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
      zfsVersion: said.get('version') ?? null,
      zfsBuildId: buildId(said.get('note') ?? ''),
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
  if (nameSize !== 4 || note.readUInt32LE(8) !== NT_GNU_BUILD_ID || note.length < 16 + idSize) return null;
  return idSize === 0 ? null : note.toString('hex', 16, 16 + idSize);
}
