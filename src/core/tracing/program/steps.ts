/** What a program has the target do, one after another: an instance's files by their path in it. */
export type Step =
  /** Sets a probe: at one of the places, with what is fetched, or with the lesser fetches where the kernel refuses these. */
  | {
      readonly do: 'probe';
      /** `p` at the entry, `r512` at the return with so many calls at a time (kprobetrace.rst, MAXACTIVE). */
      readonly type: 'p' | 'r512';
      readonly event: string;
      readonly fetches: string;
      readonly lesser: string;
      readonly places: readonly string[];
    }
  /** An event with numbers of its own, which the kernel makes of others (histogram.rst, 2.3). */
  | { readonly do: 'synthetic'; readonly event: string; readonly fields: string }
  /** At each `to`, the time since the same task's last `from` becomes an `into` (histogram.rst, 2.2). */
  | {
      readonly do: 'measure';
      readonly from: string;
      readonly to: string;
      readonly into: string;
      readonly filter: string | null;
    }
  /** Records entry and return of a symbol, and of the functions of ZFS's modules with these names (ftrace.rst, function_graph). */
  | { readonly do: 'graph'; readonly symbol: string; readonly names: readonly string[] }
  | { readonly do: 'filter'; readonly event: string; readonly filter: string }
  /** Tries the texts in order until one is taken: older kernels have other words. */
  | {
      readonly do: 'trigger';
      /** `probe` for an event of the session's own group. */
      readonly group: 'probe' | 'synthetic';
      readonly event: string;
      readonly texts: readonly string[];
    };
