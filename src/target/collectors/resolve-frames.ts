import { Failure } from '../../core/failure.ts';
import type { Frame } from '../../core/stack/frame.ts';
import type { DebugLine } from '../../core/symbols/location.ts';
import type { Collector } from '../collector.ts';

/** How it went with one module. */
export type ModuleOutcome =
  | 'dwarf'
  | 'no-dwarf'
  | 'no-file'
  | 'different-build'
  | 'no-tools'
  | 'no-room'
  | 'unpack-failed';

export interface ResolvedModule {
  /** Name of the module; `*` for all that were asked about. */
  readonly module: string;
  readonly outcome: ModuleOutcome;
  /** Hex of the running module's GNU build-id; empty when it has none or was not looked at. */
  readonly buildId: string;
}

export interface ResolvedFrames {
  /** What debug info says of each frame asked for, in order, innermost place first; null where it says nothing. */
  readonly frames: readonly (readonly DebugLine[] | null)[];
  readonly modules: readonly ResolvedModule[];
  /** Sentences for the person on what cannot be exact, and what to do about it. */
  readonly remarks: readonly string[];
}

export interface ResolveParams {
  readonly frames: readonly Frame[];
}

/** What a symbol or module may look like to be asked about; nothing else gets into the script. */
const NAME = /^[A-Za-z_][\w.$]{0,255}$/;
const MODULE = /^[\w-]{1,64}$/;

/**
 * Reads the debug info of the loaded modules with the target's own binutils.
 *
 * A module is a relocatable file whose sections all start at 0, so an address means something only
 * with its section: `addr2line -j`. The file is used only when its build-id is that of the running
 * module (/sys/module/M/notes). It is unpacked into memory (/dev/shm) for as long as the script runs.
 * A frame's address is a return address: the call is the instruction before it, so it is looked up
 * one byte earlier. Symbols of one name are told apart by the size that the frame carries, which is the
 * distance to the next symbol (kernel/kallsyms.c): the function's own size and what pads it. A frame
 * whose size fits none is not answered.
 *
 * Output, a line each, tab-separated: `M module outcome build-id`, `F index` and after it one line
 * `L function TAB path:line` a place, innermost first.
 */
const SCRIPT = `umask 077
for d in /dev/shm/zscope.*; do
  owner=\${d#/dev/shm/zscope.}; owner=\${owner%%.*}
  [ -d "$d" ] && [ ! -L "$d" ] && [ ! -d "/proc/$owner" ] && rm -rf "$d"
done
dir=$(mktemp -d "/dev/shm/zscope.$$.XXXXXX") || { echo 'M	*	no-room'; exit 0; }
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM PIPE
for tool in readelf addr2line; do
  command -v $tool >/dev/null 2>&1 || { echo 'M	*	no-tools'; exit 0; }
done
release=$(uname -r)
lib=/lib/modules/$release

build_id() {
  od -An -v -tx1 -j16 "/sys/module/$1/notes/.note.gnu.build-id" 2>/dev/null | tr -d ' \\n'
}
file_id() {
  readelf -n "$1" 2>/dev/null | awk '/Build ID:/ { print $3; exit }'
}
# Paths that may hold the module with its debug info, the likeliest first.
candidates() {
  [ -n "$id" ] && echo "/usr/lib/debug/.build-id/\${id%"\${id#??}"}/\${id#??}.debug"
  awk -v want="$1" '{
    sub(/:.*/, ""); file = $0; name = file
    sub(/.*\\//, "", name); sub(/\\.ko(\\..*)?$/, "", name); gsub(/-/, "_", name)
    if (name == want) print file
  }' "$lib/modules.dep" 2>/dev/null | while IFS= read -r path; do
    case $path in /*) ;; *) path=$lib/$path ;; esac
    echo "/usr/lib/debug$path"
    echo "$path"
  done
}
has_lines() {
  readelf -SW "$1" 2>/dev/null | grep -q ' \\.z\\{0,1\\}debug_line '
}
unpack() {
  case $1 in
    *.xz) xz -dc "$1" ;;
    *.zst) zstd -dcq "$1" ;;
    *.gz) gzip -dc "$1" ;;
  esac >"$dir/module.ko" 2>/dev/null
}
# Sets file and outcome.
find_module() {
  id=$(build_id "$1")
  outcome=no-file
  file=
  candidates "$1" >"$dir/paths"
  while IFS= read -r path; do
    [ -f "$path" ] || continue
    try=$path
    case $path in
      *.xz|*.zst|*.gz)
        try=$dir/module.ko
        unpack "$path" || { outcome=unpack-failed; continue; } ;;
    esac
    if [ -z "$id" ] || [ "$(file_id "$try")" != "$id" ]; then
      outcome=different-build
    elif has_lines "$try"; then
      outcome=dwarf; file=$try
      return
    else
      outcome=no-dwarf
    fi
  done <"$dir/paths"
}

frames >"$dir/frames"
for module in $(awk '{ if (!seen[$2]++) print $2 }' "$dir/frames"); do
  find_module "$module"
  printf 'M\\t%s\\t%s\\t%s\\n' "$module" "$outcome" "$id"
  [ $outcome = dwarf ] || continue
  readelf -SW "$file" | sed -n 's/^ *\\[ *\\([0-9]*\\)\\] \\([^ ]*\\).*/S \\1 \\2/p' >"$dir/sections"
  readelf -sW "$file" >"$dir/symbols"
  # One file of addresses a section: index of the frame, address.
  awk -v module="$module" -v dir="$dir" '
    function number(hex,   i, v) {
      v = 0
      for (i = 1; i <= length(hex); i++) v = v * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
      return v
    }
    function hex(v,   s) {
      s = ""
      do { s = substr("0123456789abcdef", v % 16 + 1, 1) s; v = int(v / 16) } while (v > 0)
      return s
    }
    FILENAME == dir "/frames" {
      if ($2 == module) { want[$3]++; index_of[$3, want[$3]] = $1; offset[$1] = $4; size[$1] = $5 }
      next
    }
    FILENAME == dir "/sections" { section[$2] = $3; next }
    ($8 in want) && $4 != "SECTION" && $7 in section {
      bytes = $3 ~ /^0x/ ? number(substr($3, 3)) : $3 + 0
      for (i = 1; i <= want[$8]; i++) {
        frame = index_of[$8, i]
        padding = size[frame] == "-" ? 0 : size[frame] - bytes
        if (padding < 0 || padding >= 64 || (frame in best && best[frame] <= padding)) continue
        best[frame] = padding
        home[frame] = $7
        at[frame] = number($2) + offset[frame] - (offset[frame] > 0)
      }
    }
    END {
      for (frame in best) {
        number_of = home[frame]
        print frame > (dir "/index." number_of)
        print "0x" hex(at[frame]) > (dir "/address." number_of)
        if (!listed[number_of]++) print number_of, section[number_of] > (dir "/used")
      }
    }
  ' "$dir/frames" "$dir/sections" "$dir/symbols"
  [ -f "$dir/used" ] || continue
  while read -r number section; do
    addr2line -a -i -f -j "$section" -e "$file" <"$dir/address.$number" 2>/dev/null |
      awk -v indexes="$dir/index.$number" '
        /^0x[0-9a-f]+$/ { getline frame < indexes; print "F\\t" frame; odd = 0; next }
        !odd { name = $0; odd = 1; next }
        { sub(/ \\(discriminator [0-9]+\\)$/, ""); print "L\\t" name "\\t" $0; odd = 0 }'
  done <"$dir/used"
  rm -f "$dir"/used "$dir"/index.* "$dir"/address.* "$dir/module.ko"
done
`;

/**
 * What the target's debug info says of frames of modules. Frames of the kernel itself, and frames
 * whose names no symbol can have, are not asked about.
 */
export const resolveFrames: Collector<ResolveParams, ResolvedFrames> = {
  name: 'resolve-frames',
  title: 'Source lines of stack frames, from the debug info of the loaded modules',
  grade: 'observe',
  needsRoot: true,
  timeoutMs: 120_000,
  script: ({ frames }) => {
    const lines = frames.flatMap(({ symbol, module, offset, size }, i) =>
      module !== null && MODULE.test(module) && NAME.test(symbol)
        ? [`${i} ${module.replaceAll('-', '_')} ${symbol} ${offset} ${size ?? '-'}`]
        : [],
    );
    // The quoted delimiter keeps the shell from looking into the lines; NAME keeps them harmless.
    return `frames() {\ncat <<'ZSCOPE_FRAMES'\n${lines.join('\n')}\nZSCOPE_FRAMES\n}\n${SCRIPT}`;
  },
  decode: (output, { frames }) => decode(output, frames),
};

function decode(output: string, frames: readonly Frame[]): ResolvedFrames {
  const answers: DebugLine[][] = frames.map(() => []);
  const modules: ResolvedModule[] = [];
  let current: DebugLine[] | undefined;
  for (const line of output.split('\n')) {
    const [kind, first = '', second = '', third = ''] = line.split('\t');
    switch (kind) {
      case 'M':
        modules.push({ module: first, outcome: outcomeOf(second), buildId: third });
        break;
      case 'F':
        current = answers[Number(first)];
        break;
      case 'L': {
        const place = /^(.+):(\d+)$/.exec(second);
        if (place !== null && current !== undefined && current.length < 64 && Number(place[2]) > 0) {
          current.push({
            function: first === '??' ? '' : first,
            path: place[1] ?? '',
            line: Number(place[2]),
          });
        }
        break;
      }
    }
  }
  return {
    frames: answers.map((places) => (places.length > 0 ? places : null)),
    modules,
    remarks: modules.flatMap(remark),
  };
}

const OUTCOMES: readonly ModuleOutcome[] = [
  'dwarf',
  'no-dwarf',
  'no-file',
  'different-build',
  'no-tools',
  'no-room',
  'unpack-failed',
];

function outcomeOf(word: string): ModuleOutcome {
  const outcome = OUTCOMES.find((known) => known === word);
  if (outcome === undefined) {
    throw new Failure('bad-output', 'The target answered something else than it was asked.', '');
  }
  return outcome;
}

function remark({ module, outcome }: ResolvedModule): string[] {
  // Modules of the kernel are stripped as a rule, and rarely open in the workspace: nothing to say.
  const ours = ['zfs', 'spl', 'zcommon', 'znvpair', 'zavl', 'icp', 'zlua', 'zunicode', 'zzstd'];
  switch (outcome) {
    case 'dwarf':
      return [];
    case 'no-tools':
      return [
        'Frames open at their function, not at their line: the target has no addr2line. Install binutils there.',
      ];
    case 'no-room':
      return [
        'Frames open at their function, not at their line: the module could not be unpacked into /dev/shm on the target.',
      ];
    case 'no-dwarf':
      return ours.includes(module)
        ? [
            `Frames of ${module} open at their function, not at their line: the module has no debug info. Build it with it (DKMS: ZFS_DKMS_DISABLE_STRIP="yes").`,
          ]
        : [];
    case 'different-build':
      return [
        `Frames of ${module} open at their function, not at their line: the module file on the target is not known to be the build that runs. Reload the module.`,
      ];
    case 'no-file':
    case 'unpack-failed':
      return ours.includes(module)
        ? [
            `Frames of ${module} open at their function, not at their line: the module's file ${outcome === 'no-file' ? 'was not found under /lib/modules' : 'could not be unpacked'} on the target.`,
          ]
        : [];
  }
}
