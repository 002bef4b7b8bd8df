import { ZFS_MODULES } from '../../core/zfs/zfs-modules.ts';
import type { Collector } from '../collector.ts';

/** Functions that are kept: ZFS has some ten thousand. */
const MOST = 100_000;

/**
 * Which functions of ZFS's modules their BTF tells of, with the module of each (/sys/kernel/btf, Linux 5.11 with CONFIG_DEBUG_INFO_BTF_MODULES):
 * the names among the strings of it that are functions by /proc/kallsyms. A member of a structure may have such a name
 * too; for what is none of BTF's functions after all bpftrace says so.
 */
export const btfFunctions: Collector<null, ReadonlyMap<string, string>> = {
  name: 'btf-functions',
  title: "Functions that the BTF of ZFS's modules has",
  grade: 'observe',
  needsRoot: false,
  timeoutMs: 60_000,
  script: () => `
for module in ${ZFS_MODULES.join(' ')}; do
  [ -r /sys/kernel/btf/$module ] || continue
  echo "[$module]"
  { grep -F "[$module]" /proc/kallsyms; echo; tr '\\000' '\\n' </sys/kernel/btf/$module; } | LC_ALL=C awk '
    isBtf { if ($0 in functions) print; next }
    NF == 0 { isBtf = 1; next }
    $2 ~ /^[tT]$/ { functions[$3] }
  '
done
exit 0
`,
  decode: (output) => {
    const functions = new Map<string, string>();
    let module = '';
    for (const line of output.split('\n', MOST)) {
      module = /^\[(\w{1,64})\]$/.exec(line)?.[1] ?? module;
      if (module !== '' && /^\w{1,255}$/.test(line)) {
        functions.set(line, module);
      }
    }
    return functions;
  },
};
