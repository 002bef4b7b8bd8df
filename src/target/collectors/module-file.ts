import { Failure } from '../../core/failure.ts';
import { inert } from '../../core/text/inert.ts';
import { type DownloadCollector, shellWord } from '../collector.ts';
import { KERNEL } from './module-ids.ts';

/** How a file's bytes are packed on the way; the extension of the file, or `gz` for one packed by the script. */
export type Packing = 'none' | 'gz' | 'xz' | 'zst';

/** A file on a target, as far as tells whether it is still the same one. */
export interface RemoteFile {
  /** Untrusted. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly packing: Packing;
}

export interface ModuleFileParams {
  /** As `/sys/module` spells it; {@link KERNEL} for the kernel itself; base name of a program. */
  readonly module: string;
  /** Path of a program or library on the target, absolute; null for what the kernel has loaded. */
  readonly program: string | null;
  /** Hex of the build-id of what runs. */
  readonly buildId: string;
  /** Name in the module's `.gnu_debuglink`, where its debug info was split off; null for none. */
  readonly debugLink: string | null;
  /** Tasks hang in ZFS: reading from a root file system that is ZFS would hang as well, so it is not tried. */
  readonly zfsHangs: boolean;
  /** Folders on the target where modules are built, to look into as well: absolute, given by the person. */
  readonly folders: readonly string[];
  /** Files that turned out to be of no use. */
  readonly skip: readonly string[];
  /** What is here of which file: sent from there on when it is still the same. */
  readonly resume: { readonly file: RemoteFile; readonly offset: number } | null;
}

export interface ModuleFileHeader {
  readonly file: RemoteFile;
  /** Where in what is sent the bytes that follow begin. */
  readonly offset: number;
  /** Bytes sent in all, those before the offset included; null when that is not known before. */
  readonly total: number | null;
}

/** The target has no (further) file that may be of the build, or only files of other builds. */
export type NoModuleFile = 'none' | 'other-build';

const MODULE = /^[\w-]{1,64}$/;
const BUILD_ID = /^[0-9a-f]{8,128}$/;
const FILE_NAME = /^[\w.+-]{1,200}$/;
/** Larger is no module's file. */
const MAX_SIZE = 4 * 1024 ** 3;

/**
 * Lines of shell that print `hangs` and end where `$hangs` is yes and the root file system is ZFS. Whether it is, the
 * kernel's command line tells (contrib/initramfs and contrib/dracut of OpenZFS): the list of mounts asks ZFS, and so may hang.
 */
export const zfsOnRoot = `read -r cmdline </proc/cmdline
case $hangs$cmdline in
  yes*root=[Zz][Ff][Ss][=:]*|yes*boot=zfs*) echo hangs; exit 0 ;;
esac
`;

/** Whether an answer is that of {@link zfsOnRoot}. */
export function isOnHungRoot(line: string): boolean {
  return line === 'hangs';
}

/** @param what that was to be read: `the file of a module` */
export function hungRoot(what: string): Failure {
  return new Failure(
    'unsupported',
    `The target runs from ZFS, in which tasks hang: reading ${what} there would hang as well.`,
    'Open the folder that it was built in, or connect once before anything hangs.',
  );
}

/**
 * Where debug info of a module may be, the likeliest first: by build-id and beside /lib/modules as gdb's
 * "Separate Debug Files" has it, then the module itself (kmod's modules.dep lists all that there are); of a
 * program likewise. That of the kernel is where the debug packages of Debian, Ubuntu and Fedora put it, or where it was built.
 *
 * A file that is not packed is looked through for the bytes of the build-id first, where `grep` is there.
 * The file goes as it is, from the offset on; one that is not packed is packed by gzip where that is
 * there (107 MB of zfs.ko become 25): the same file, offset and gzip give the same bytes again. Only
 * `stat` looks at what is not sent.
 */
const SCRIPT = `read -r release </proc/sys/kernel/osrelease
lib=/lib/modules/$release
beside() {
  [ -z "$link" ] || printf '%s\\n' "\${1%/*}/$link" "\${1%/*}/.debug/$link" "/usr/lib/debug\${1%/*}/$link"
}
paths() {
  echo "/usr/lib/debug/.build-id/\${id%"\${id#??}"}/\${id#??}.debug"
  if [ -n "$program" ]; then
    beside "$program"
    printf '%s\\n' "/usr/lib/debug$program" "/usr/lib/debug$program.debug" "$program"
    return
  fi
  if [ -z "$module" ]; then
    folders | while IFS= read -r folder; do echo "$folder/vmlinux"; done
    for path in /boot/vmlinux-$release $lib/vmlinux $lib/build/vmlinux; do
      printf '%s\n' "/usr/lib/debug$path" "/usr/lib/debug$path.debug" "/usr/lib/debug/usr$path" "$path"
    done
    return
  fi
  folders | while IFS= read -r folder; do
    for folder in "$folder" "$folder/module"; do
      printf '%s\\n' "$folder/$module.ko" "$folder/$module/$module.ko"
    done
  done
  awk -v want="$module" '{
    sub(/:.*/, ""); file = $0; name = file
    sub(/.*\\//, "", name); sub(/\\.ko(\\..*)?$/, "", name); gsub(/-/, "_", name)
    if (name == want) print file
  }' "$lib/modules.dep" 2>/dev/null | while IFS= read -r path; do
    case $path in /*) ;; *) path=$lib/$path ;; esac
    beside "$path"
    bare=\${path%.[xgz]*}
    for file in "$bare" "$bare.debug"; do
      echo "/usr/lib/debug$file"
      echo "/usr/lib/debug/usr$file"
    done
    echo "$path"
  done
}
is_build() {
  case $1 in /usr/lib/debug/.build-id/*) return 0 ;; esac
  [ -z "$bytes" ] || ! command -v grep >/dev/null 2>&1 || grep -qaF -- "$(printf "$bytes")" "$1"
}
paths | {
  other=
  while IFS= read -r path; do
    [ -f "$path" ] && [ -r "$path" ] && ! skipped "$path" || continue
    packing=none
    case $path in
      *.xz) packing=xz ;;
      *.zst) packing=zst ;;
      *.gz) packing=gz ;;
    esac
    [ $packing != none ] || is_build "$path" || { other=' other'; continue; }
    set -- $(stat -L -c '%s %Y' "$path") || continue
    [ $# = 2 ] || continue
    total=$1 pack=cat
    if [ $packing = none ] && command -v gzip >/dev/null 2>&1; then
      packing=gz total=- pack='gzip -1 -n -c'
    fi
    from=0
    [ "$packing $1 $2 $path" != "$known" ] || from=$offset
    printf 'file\\t%s\\t%s\\t%s\\t%s\\t%s\\t%s\\n' $packing $1 $2 $from $total "$path"
    if [ "$pack" = cat ]; then
      tail -c +$((from + 1)) "$path"
    elif [ $from = 0 ]; then
      $pack <"$path"
    else
      $pack <"$path" | tail -c +$((from + 1))
    fi
    exit
  done
  echo "none$other"
}
`;

/** The file with the debug info of a loaded module, or of a program, as far as the target has one. */
export const moduleFile: DownloadCollector<ModuleFileParams, ModuleFileHeader | NoModuleFile> = {
  name: 'module-file',
  title: 'The file of a loaded module or a program',
  grade: 'observe',
  // Packages install modules and debug info for all to read; what was built by hand may lie in root's home.
  needsRoot: 'if-had',
  idleMs: 30_000,
  script: ({ module, program, buildId, debugLink, zfsHangs, folders, skip, resume }) => {
    const isKnown =
      program === null ? module === KERNEL || MODULE.test(module) : /^\/[^\0\n]+$/.test(program);
    if (!isKnown || !BUILD_ID.test(buildId)) {
      throw new Failure('bad-request', `${inert(module, 80)} is nothing with a build-id that can be read.`);
    }
    const known =
      resume === null
        ? ''
        : [resume.file.packing, resume.file.size, resume.file.mtime, resume.file.path].join(' ');
    const lines = [
      program === null
        ? `module=${module.replaceAll('-', '_')} program=`
        : `module= program=${shellWord(program)}`,
      `id=${buildId}`,
      `link=${debugLink !== null && FILE_NAME.test(debugLink) ? shellWord(debugLink) : ''}`,
      `known=${shellWord(known)} offset=${resume?.offset ?? 0} hangs=${zfsHangs ? 'yes' : 'no'}`,
      `bytes=${shellWord(pattern(buildId))}`,
      `folders() {\n:\n${folders
        .filter((folder) => folder.startsWith('/') && !folder.includes('\0'))
        .map((folder) => `printf '%s\\n' ${shellWord(folder.replace(/\/+$/, ''))}\n`)
        .join('')}}`,
      skip.length === 0
        ? 'skipped() { return 1; }'
        : `skipped() { case $1 in ${skip.map((path) => `'${path.replaceAll("'", "'\\''")}'`).join('|')}) return 0 ;; esac; return 1; }`,
    ];
    return `${lines.join('\n')}\n${zfsOnRoot}${SCRIPT}`;
  },
  header: (line, { program, resume }) => {
    if (line === 'none' || line === 'none other') {
      return line === 'none' ? 'none' : 'other-build';
    }
    if (isOnHungRoot(line)) {
      throw hungRoot(program === null ? 'the file of a module' : 'a program');
    }
    const [word, packing, size, mtime, from, total, ...path] = line.split('\t');
    const file = {
      path: path.join('\t'),
      size: number(size),
      mtime: number(mtime),
      packing: packingOf(packing),
    };
    const offset = number(from);
    if (word !== 'file' || file.path === '' || (offset !== 0 && offset !== resume?.offset)) {
      throw nonsense();
    }
    if (file.size > MAX_SIZE) {
      throw new Failure('bad-output', `${inert(file.path, 200)} on the target is too large for a module.`);
    }
    return { file, offset, total: total === '-' ? null : number(total) };
  },
};

/**
 * The longest part of a build-id that grep takes as one pattern, for `printf`: without zeros, which no word
 * holds, and line ends, which divide patterns. Empty when that is too short to tell builds apart.
 */
function pattern(buildId: string): string {
  const parts = (buildId.match(/../g) ?? []).join(' ').split(/00|0a/);
  const longest = parts.map((part) => part.trim().split(' ')).sort((a, b) => b.length - a.length)[0] ?? [];
  return longest.length < 4
    ? ''
    : longest.map((byte) => `\\${Number.parseInt(byte, 16).toString(8).padStart(3, '0')}`).join('');
}

function packingOf(word: string | undefined): Packing {
  if (word === 'none' || word === 'gz' || word === 'xz' || word === 'zst') {
    return word;
  }
  throw nonsense();
}

function number(text: string | undefined): number {
  if (text === undefined || !/^\d{1,15}$/.test(text)) {
    throw nonsense();
  }
  return Number(text);
}

function nonsense(): Failure {
  return new Failure(
    'bad-output',
    'The target was asked for the file of a module and answered something else.',
    'Show Log has what the target said.',
  );
}
