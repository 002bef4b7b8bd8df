import type { KernelSymbol, SymbolFacts } from '../../core/tracing/why-not.ts';
import type { Collector } from '../collector.ts';

export interface ExplainParams {
  /** Source names to look for: the function and its callers. */
  readonly names: readonly string[];
}

const NAME = /^[A-Za-z_]\w{0,255}$/;

/** Names asked about at once, at most. */
const NAMES = 1000;

/**
 * Looks the names up in what the kernel lists, each list read once: /proc/kallsyms
 * (kernel/kallsyms.c: address type name [module]), kprobes/blacklist (kernel/kprobes.c: range name)
 * and available_filter_functions (kernel/trace/ftrace.c: name [module]). Output, a line each,
 * tab-separated: `K symbol module`, `B symbol`, `T symbol`, `t` when the last list could be read,
 * `Z` when zfs is loaded.
 */
const SCRIPT = `
[ -d /sys/module/zfs ] && echo Z
names | awk '
  function asked(symbol,   base) {
    base = symbol
    sub(/\\..*/, "", base)
    return base in name
  }
  FILENAME == "-" { name[$1]; next }
  FILENAME == "/proc/kallsyms" {
    if ($2 ~ /^[tTwW]$/ && asked($3)) {
      module = $4
      gsub(/[][]/, "", module)
      print "K\\t" $3 "\\t" module
    }
    next
  }
  FILENAME ~ /blacklist$/ { if (asked($2)) print "B\\t" $2; next }
  { if (asked($1)) print "T\\t" $1 }
' - $(for file in /proc/kallsyms /sys/kernel/debug/kprobes/blacklist; do [ -r $file ] && echo $file; done) \
  $(for file in /sys/kernel/tracing/available_filter_functions /sys/kernel/debug/tracing/available_filter_functions; do
      [ -r $file ] && echo $file && break; done)
for file in /sys/kernel/tracing/available_filter_functions /sys/kernel/debug/tracing/available_filter_functions; do
  [ -r $file ] && echo t && break
done
exit 0
`;

/** What the running kernel knows of functions that could not be traced, and of their callers. */
export const explainUntraceable: Collector<ExplainParams, SymbolFacts> = {
  name: 'explain-untraceable',
  title: 'Why a function cannot be traced: symbols, notrace marks and the kprobes blacklist',
  grade: 'observe',
  needsRoot: true,
  timeoutMs: 60_000,
  script: ({ names }) => {
    const lines = names.filter((name) => NAME.test(name)).slice(0, NAMES);
    return `names() {\ncat <<'ZSCOPE_NAMES'\n${lines.join('\n')}\nZSCOPE_NAMES\n}\n${SCRIPT}`;
  },
  decode: (output) => {
    const symbols: KernelSymbol[] = [];
    const blacklisted: string[] = [];
    const traceable: string[] = [];
    let readable = false;
    let zfsLoaded = false;
    for (const line of output.split('\n')) {
      const [kind, symbol = '', module = ''] = line.split('\t');
      switch (kind) {
        case 'K':
          symbols.push({ symbol, module: module === '' ? null : module });
          break;
        case 'B':
          blacklisted.push(symbol);
          break;
        case 'T':
          traceable.push(symbol);
          break;
        case 't':
          readable = true;
          break;
        case 'Z':
          zfsLoaded = true;
          break;
      }
    }
    return { symbols, blacklisted, traceable: readable ? traceable : null, zfsLoaded };
  },
};
