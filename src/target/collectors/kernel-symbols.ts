import { MOST_ASKED } from '../../core/tracing/raw/kernel-symbols.ts';
import { type Collector, shellWord } from '../collector.ts';

/**
 * Which symbols of the kernel some addresses are in: the nearest symbol at or below each, and its size by the next one above, as the
 * kernel itself finds them (kernel/kallsyms.c, get_symbol_pos; kernel/module/kallsyms.c, find_kallsyms_symbol). The
 * symbols of the kernel come in the order of their addresses, those of modules in none; so each is put between two of
 * the addresses, which rarely are others than those of the symbol before. A module's last symbol has no size.
 *
 * Addresses in the lower half are none of code: per-cpu offsets of x86, and all of them where the kernel hides them
 * (kptr_restrict), which would make everything a part of its first symbol.
 */
export const kernelSymbols: Collector<{ readonly addresses: readonly string[] }, string> = {
  name: 'kernel-symbols',
  title: 'Names of addresses in stacks',
  grade: 'observe',
  needsRoot: true,
  timeoutMs: 60_000,
  script: ({ addresses }) => {
    const wanted = addresses.filter((address) => /^[0-9a-f]{16}$/.test(address)).slice(0, MOST_ASKED);
    return `awk -v wanted=${shellWord([...wanted].sort().join(' '))} '
  BEGIN { n = split(wanted, word, " "); at = 1; low = ""; high = word[1] "" }
  {
    if ($3 == "" || $3 ~ /^(\\[|\\$|\\.L)/) next
    address = $1 ""
    if (address < "8") next
    if (!(address > low && (at > n || address <= high))) {
      from = 1; to = n + 1
      while (from < to) {
        half = int((from + to) / 2)
        if (word[half] "" >= address) to = half; else from = half + 1
      }
      at = from
      low = word[at - 1] ""
      high = word[at] ""
    }
    if (at <= n && address > below[at] "") { below[at] = address; name[at] = $3; module[at] = $4 }
    if (at > 1 && (above[at - 1] "" == "" || address < above[at - 1] "")) { above[at - 1] = address; next_in[at - 1] = $4 }
  }
  END {
    for (i = n - 1; i > 0; i--) if (above[i] "" == "") { above[i] = above[i + 1]; next_in[i] = next_in[i + 1] }
    for (i = 1; i <= n; i++) {
      if (below[i] "" == "") { below[i] = below[i - 1]; name[i] = name[i - 1]; module[i] = module[i - 1] }
      if (name[i] "" != "") print word[i], below[i], module[i] "" == next_in[i] "" && above[i] "" != "" ? above[i] : "-", name[i], module[i]
    }
  }' /proc/kallsyms
`;
  },
  decode: (output) =>
    output
      .split('\n')
      .flatMap((line) => answer(line) ?? [])
      .join('\n'),
};

/** `ffffffffc0a1b23d ffffffffc0a1b200 ffffffffc0a1b310 zil_commit [zfs]`. */
const LINE = /^([0-9a-f]{16}) ([0-9a-f]{16}) ([0-9a-f]{16}|-) (\S{1,511})(?: (\[[\w.-]{1,64}\]))?\s*$/;

/** As the kernel prints a frame, behind its address. */
function answer(line: string): string | null {
  const [, address, start, end = '-', name, module] = LINE.exec(line) ?? [];
  if (address === undefined || name === undefined) {
    return null;
  }
  const from = BigInt(`0x${start}`);
  const offset = (BigInt(`0x${address}`) - from).toString(16);
  const size = end === '-' ? '' : `/0x${(BigInt(`0x${end}`) - from).toString(16)}`;
  return `${address} ${name}+0x${offset}${size}${module === undefined ? '' : ` ${module}`}`;
}
