/** What is being written at a place of a program. */
export type BpftraceContext =
  /** The function of a probe: behind `kprobe:` or `kprobe:zfs:`. */
  | {
      readonly kind: 'function';
      /** Null where none is written. */
      readonly module: string | null;
      /** As far as it is written. */
      readonly prefix: string;
    }
  /** An argument of the function that the probe around is of. */
  | {
      readonly kind: 'argument';
      readonly symbol: string;
      readonly module: string | null;
      /** `args`: by name behind `args.` or `args->`; `arg0`: by number. */
      readonly by: 'args' | 'arg0';
    };

/** Text before the place that is looked at, in UTF-16 units: a probe's head is not further away. */
const NEAR = 20_000;

const PROBES = 'kprobe|kretprobe|k|kr|fentry|fexit|kfunc|kretfunc|f|fr';
const WRITING = new RegExp(`(?:^|[\\s,])(?:${PROBES}):(?:([\\w-]{1,64}):)?([\\w.$]{0,255})$`);
const HEAD = new RegExp(`(?:^|[\\s,}])(?:${PROBES}):(?:([\\w-]{1,64}):)?"?([A-Za-z_][\\w.$]{0,255})"?`, 'g');

/** @param before the program up to the place; null where nothing of ours is written */
export function bpftraceContext(before: string): BpftraceContext | null {
  const text = before.slice(-NEAR);
  const line = text.slice(text.lastIndexOf('\n') + 1);
  if (isInBlock(text)) {
    const by = /\bargs(?:\.|->)\w{0,64}$/.test(line) ? 'args' : /\barg\d?$/.test(line) ? 'arg0' : null;
    const last = by === null ? undefined : [...headOf(text).matchAll(HEAD)].at(-1);
    const symbol = last?.[2];
    return by === null || symbol === undefined
      ? null
      : { kind: 'argument', symbol, module: last?.[1] ?? null, by };
  }
  const writing = WRITING.exec(line);
  return writing === null ? null : { kind: 'function', module: writing[1] ?? null, prefix: writing[2] ?? '' };
}

/** Braces in strings and comments do not count. */
function bare(text: string): string {
  return text.replace(/"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (found) =>
    found.startsWith('"') && !/[{}]/.test(found) ? found : '',
  );
}

function isInBlock(text: string): boolean {
  let depth = 0;
  for (const [sign] of bare(text).matchAll(/[{}]/g)) {
    depth = sign === '{' ? depth + 1 : Math.max(0, depth - 1);
  }
  return depth > 0;
}

/** What stands before the outermost block that is open. */
function headOf(text: string): string {
  const found = bare(text);
  let depth = 0;
  let head = 0;
  for (const { 0: sign, index } of found.matchAll(/[{}]/g)) {
    if (sign === '{' && depth === 0) {
      head = index;
    }
    depth = sign === '{' ? depth + 1 : Math.max(0, depth - 1);
  }
  return found.slice(0, head);
}
