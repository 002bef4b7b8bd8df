/**
 * The line of a function's body where the stack goes on inwards: the call of the next inner frame's
 * function. It may stand in a macro, or in a function that the compiler inlined and that therefore
 * has no frame. Calls through pointers are not found.
 */
import { canLeadTo } from './call-names.ts';
import type { FunctionIndex, IndexedFunction } from './function-index.ts';

/** A call or macro in whose arguments another call stands. */
export interface OuterCall {
  /** Empty for a call through a member or a pointer. */
  readonly name: string;
  /** 1-based. */
  readonly line: number;
  /** Whether what stands in it is one of its arguments, not a part of one. */
  readonly isArgument: boolean;
}

/** A call in a function's body. */
export interface BodyCall {
  readonly name: string;
  /** 1-based line where the name stands. */
  readonly line: number;
  /** The calls and macros around it, innermost first. */
  readonly around: readonly OuterCall[];
}

/** Reads the calls of one function's body in text order. Never rejects. */
export type ReadBody = (of: IndexedFunction) => Promise<readonly BodyCall[]>;

/** A function on the way from a frame inwards, and the line in it that leads on. */
export interface CallStep {
  readonly of: IndexedFunction;
  /** 1-based. */
  readonly line: number;
}

/** From the frame's own function inwards, through functions without a frame of their own. */
export type CallPath = readonly CallStep[];

/** Functions without a frame that a path may go through. */
const MAX_INLINED = 3;

/** Macros that a macro may be made of. */
const MAX_MACROS = 6;

/** Lines from the last call of a function to its closing brace, if it is the last statement. */
const MAX_JUMP_LINES = 2;

/** Paths that are looked for; more are no answer. */
const MAX_PATHS = 64;

/** The sources that ways are looked for in. */
export interface CallSource {
  readonly index: FunctionIndex;
  readonly readBody: ReadBody;
  /** Whether code of a file can be on the way: of the kernel, not of processes or another system. */
  readonly counts: (file: string) => boolean;
}

/**
 * The ways from a function to a call of `inner`, in text order; empty when none is seen. Only where
 * there is none otherwise, a function counts for what its last statement calls: compiled to a jump,
 * such a call leaves no frame of the function that makes it (`__cv_wait` and `cv_wait_common`).
 * @param inner source name of the next inner frame's function
 */
export async function callPaths(source: CallSource, of: IndexedFunction, inner: string): Promise<CallPath[]> {
  const direct = await new Search(source, inner, false).paths(of, [of]);
  const paths = direct.length > 0 ? direct : await new Search(source, inner, true).paths(of, [of]);
  return withoutDoubles(paths).slice(0, MAX_PATHS);
}

class Search {
  /** By name: whether a call or macro of that name is one of the function looked for. */
  readonly #leading = new Map<string, boolean>();
  /** By function and depth: whether its body, or one inlined into it, holds such a call. */
  readonly #holding = new Map<string, boolean>();
  /** By the caller's file and the name called. */
  readonly #inlines = new Map<string, IndexedFunction[]>();

  constructor(
    private readonly source: CallSource,
    private readonly inner: string,
    /** Calls lead on through functions that end with a jump. */
    private readonly jumps: boolean,
  ) {}

  /** @param through the functions on the way, the last of them `of` */
  async paths(of: IndexedFunction, through: readonly IndexedFunction[]): Promise<CallPath[]> {
    if (!this.#holds(of, through.length)) {
      return [];
    }
    const found: { readonly path: CallPath; readonly isAsserted: boolean }[] = [];
    for (const call of await this.source.readBody(of)) {
      const step = { of, line: this.#codeLine(call) };
      const isAsserted = call.around.some(({ name }) => name.startsWith('ASSERT'));
      if (this.#leads(call.name)) {
        found.push({ path: [step], isAsserted });
        continue;
      }
      for (const callee of this.#inlined(of, call.name, through.length)) {
        if (!through.some((one) => isSame(one, callee))) {
          const inwards = await this.paths(callee, [...through, callee]);
          found.push(...inwards.map((path) => ({ path: [step, ...path], isAsserted })));
        }
      }
      if (found.length > MAX_PATHS) {
        break;
      }
    }
    // Built without --enable-debug, an ASSERT evaluates nothing (include/os/linux/spl/sys/debug.h).
    const running = found.filter(({ isAsserted }) => !isAsserted);
    return (running.length > 0 ? running : found).map(({ path }) => path);
  }

  #leads(name: string, depth = 0): boolean {
    let leads = this.#leading.get(name);
    if (leads === undefined) {
      // A macro that is made of itself leads nowhere.
      this.#leading.set(name, false);
      leads =
        canLeadTo(this.inner, name) ||
        (depth < MAX_MACROS &&
          (this.source.index.macroCalls(name).some((one) => this.#leads(one, depth + 1)) ||
            (this.jumps && this.#definitions(name).some((one) => this.#jumpsOn(one, depth + 1)))));
      this.#leading.set(name, leads);
    }
    return leads;
  }

  /** Whether the last statement of a function leads on. */
  #jumpsOn(of: IndexedFunction, depth: number): boolean {
    const last = this.source.index.calls(of).at(-1);
    return last !== undefined && of.endLine - last.line <= MAX_JUMP_LINES && this.#leads(last.name, depth);
  }

  #definitions(name: string): IndexedFunction[] {
    return this.source.index.definitions(name).filter(({ file }) => this.source.counts(file));
  }

  /** A look at the index before bodies are read. */
  #holds(of: IndexedFunction, depth: number): boolean {
    const key = `${depth}:${of.line}:${of.file}`;
    let holds = this.#holding.get(key);
    if (holds === undefined) {
      this.#holding.set(key, false);
      holds = this.source.index
        .calls(of)
        .some(
          ({ name }) =>
            this.#leads(name) || this.#inlined(of, name, depth).some((one) => this.#holds(one, depth + 1)),
        );
      this.#holding.set(key, holds);
    }
    return holds;
  }

  /**
   * The functions that the compiler can have put into the caller where it calls `name`: those of its
   * own file, or of a header; for a macro those that it calls.
   */
  #inlined(caller: IndexedFunction, name: string, depth: number): IndexedFunction[] {
    if (depth > MAX_INLINED) {
      return [];
    }
    const key = `${caller.file}:${name}`;
    let found = this.#inlines.get(key);
    if (found === undefined) {
      found = [...this.#expansion(name)].flatMap((one) => {
        const own = this.source.index.definitionsIn(caller.file, one);
        return own.length > 0 ? own : this.#definitions(one).filter(({ file }) => file.endsWith('.h'));
      });
      this.#inlines.set(key, found);
    }
    return found;
  }

  /** The name and, if it is a macro, what its definition calls, through other macros too. */
  #expansion(name: string, depth = 0, names = new Set<string>()): Set<string> {
    if (!names.has(name)) {
      names.add(name);
      if (depth < MAX_MACROS) {
        for (const one of this.source.index.macroCalls(name)) {
          this.#expansion(one, depth + 1, names);
        }
      }
    }
    return names;
  }

  /**
   * The line that GCC gives a call: all that a macro's arguments hold has the line of the macro's
   * name, and a call that is an argument itself has that of the call it is passed to (gimplify_arg
   * of gcc/gimplify.cc).
   */
  #codeLine(call: BodyCall): number {
    const macro = call.around.findLast(({ name }) => this.source.index.macroCalls(name).length > 0);
    if (macro !== undefined) {
      return macro.line;
    }
    const parted = call.around.findIndex(({ isArgument }) => !isArgument);
    const passedTo = call.around.slice(0, parted < 0 ? undefined : parted).at(-1);
    return (passedTo ?? call).line;
  }
}

function isSame(a: IndexedFunction, b: IndexedFunction): boolean {
  return a.file === b.file && a.line === b.line;
}

function withoutDoubles(paths: readonly CallPath[]): CallPath[] {
  const seen = new Map<string, CallPath>();
  for (const path of paths) {
    const key = path.map(({ of, line }) => `${of.file}:${line}`).join('>');
    if (!seen.has(key)) {
      seen.set(key, path);
    }
  }
  return [...seen.values()];
}

/** The steps that all paths begin with. */
export function commonStart(paths: readonly CallPath[]): CallPath {
  const [first = [], ...others] = paths;
  const differs = first.findIndex(({ of, line }, i) =>
    others.some((other) => other[i]?.of.file !== of.file || other[i]?.line !== line),
  );
  return differs < 0 ? first : first.slice(0, differs);
}
