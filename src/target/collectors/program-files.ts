import { buildIdOfHead } from '../../core/symbols/elf/identity.ts';
import { type Collector, shellWord } from '../collector.ts';
import { hungRoot, isOnHungRoot, zfsOnRoot } from './module-file.ts';

/** Programs and libraries asked about at once; OpenZFS has some thirty. */
const MAX_NAMES = 32;
/** Files of one name, of all versions and places; more are not looked at. */
const MAX_FILES = 16;
/** What a program or library may be named to be asked about; nothing else gets into the script. */
const NAME = /^[A-Za-z][\w.+-]{0,63}$/;
/** Bytes at a file's beginning that hold its build-id: linkers put notes right behind the headers. */
const HEAD = 4096;

/** A program or library that lies on a target. */
export interface ProgramFile {
  /** As it was asked for. */
  readonly name: string;
  /** Absolute. Untrusted. */
  readonly path: string;
  /** Hex of its GNU build-id. */
  readonly buildId: string;
}

export interface ProgramFilesParams {
  /** `zdb`, or a library without its version: `libzpool`. */
  readonly names: readonly string[];
  /** As {@link ModuleFileParams.zfsHangs}: programs lie in the root file system as well. */
  readonly zfsHangs: boolean;
  /** Folders on the target where OpenZFS is built: libtool puts the programs into `.libs` below them. */
  readonly folders: readonly string[];
}

/**
 * Prints the path and the first bytes of each file of a name. Programs are where PATH and hier(7) have them,
 * libraries where ld.so(8) looks, below some of these in a folder for each architecture (Debian's multiarch). A folder
 * that is a link is another one's double (a merged /usr), and so is a library's: its real file has the whole version.
 */
const SCRIPT = `show() {
  [ -f "$1" ] && [ -r "$1" ] || return 0
  case $seen in *"$1
"*) return 0 ;; esac
  seen="$seen$1
"
  left=$((left - 1))
  [ $left -ge 0 ] || return 0
  printf 'file\\t%s\\t%s\\n' "$name" "$1"
  od -An -v -tx1 -N ${HEAD} "$1"
}
libraries() {
  for file in "$1/$name".so*; do
    [ -L "$file" ] || show "$file"
  done
}
for name; do
  seen= left=${MAX_FILES}
  case $name in
    lib*)
      for dir in /usr/local/lib /usr/local/lib64 /usr/lib64 /lib64 /usr/lib /lib; do
        [ -L "$dir" ] && continue
        libraries "$dir"
        for sub in "$dir"/*-linux-*; do libraries "$sub"; done
      done ;;
    *)
      path=$(command -v "$name") && case $path in /*) show "$path" ;; esac
      for dir in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
        [ -L "$dir" ] || show "$dir/$name"
      done ;;
  esac
  folders | while IFS= read -r dir; do
    case $name in
      lib*) for sub in "$dir/.libs" "$dir/lib/$name/.libs"; do libraries "$sub"; done ;;
      *) for sub in "$dir/.libs" "$dir/cmd/$name/.libs"; do show "$sub/$name"; done ;;
    esac
  done
done
exit 0
`;

/** Builds of ZFS's programs and libraries that are installed on the target, or were built there. */
export const programFiles: Collector<ProgramFilesParams, readonly ProgramFile[]> = {
  name: 'program-files',
  title: 'Which builds of programs are installed',
  grade: 'observe',
  // Packages install them for all to read; what was built by hand may lie in root's home.
  needsRoot: 'if-had',
  timeoutMs: 60_000,
  script: ({ names, zfsHangs, folders }) => {
    const asked = names.filter((name) => NAME.test(name)).slice(0, MAX_NAMES);
    const own = folders.filter((folder) => folder.startsWith('/') && !folder.includes('\0'));
    return `set -- ${asked.map(shellWord).join(' ')}
hangs=${zfsHangs ? 'yes' : 'no'}
folders() {
:
${own.map((folder) => `printf '%s\\n' ${shellWord(folder.replace(/\/+$/, ''))}\n`).join('')}}
${zfsOnRoot}${SCRIPT}`;
  },
  decode: (output) => {
    if (isOnHungRoot(output.trimEnd())) {
      throw hungRoot('a program');
    }
    const files: ProgramFile[] = [];
    for (const part of output.split(/^file\t/m).slice(1)) {
      const end = part.indexOf('\n');
      const [name = '', ...path] = part.slice(0, end).split('\t');
      const buildId = buildIdOfHead(Buffer.from(part.slice(end).replace(/\s/g, ''), 'hex'));
      if (end > 0 && path.length > 0 && buildId !== null) {
        files.push({ name, path: path.join('\t'), buildId });
      }
    }
    return files;
  },
};
