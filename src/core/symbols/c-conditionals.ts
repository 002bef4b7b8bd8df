/**
 * What `#if`, `#else` and `#endif` do to a scan. Each branch starts from where the `#if` stands;
 * what follows `#endif` continues from the end of the first branch.
 */
import { Head, type Signature } from './c-head.ts';
import { type Directive, isFirstOnLine, readDirective, skipComment, skipQuoted } from './c-lexer.ts';

/** Alternative signatures of one body that are kept; text with more is not source. */
export const MAX_ALTERNATIVES = 8;

/** A function definition while its body is being read. */
export interface Draft {
  readonly name: string;
  readonly line: number;
  readonly startLine: number;
  endLine: number;
  readonly parameterText: string;
  readonly oldStyleText: string;
  readonly calls: { readonly name: string; readonly line: number }[];
}

/** An old-style definition whose parameter declarations are being read. */
export interface OldStyle {
  readonly signature: Signature;
  /** Offset behind the parameter list. */
  readonly declarations: number;
}

/** Where the scanner stands between two tokens. */
export class State {
  /** Open braces of the body or block; 0 at file level. */
  depth = 0;
  /** Open parentheses at file level. */
  paren = 0;
  /** The functions whose body this is: one, or one per alternative signature; none in another block. */
  open: readonly Draft[] = [];
  /** The declaration at file level so far. */
  head = new Head();
  oldStyle: OldStyle | null = null;
  /** Offset of the brace that opened the body or block. */
  opened = 0;

  copy(): State {
    const copy = new State();
    copy.depth = this.depth;
    copy.paren = this.paren;
    copy.open = this.open;
    copy.head = this.head.copy();
    copy.oldStyle = this.oldStyle;
    copy.opened = this.opened;
    return copy;
  }
}

interface Conditional {
  readonly atIf: State;
  readonly ends: State[];
}

/** The conditionals that are open, outermost first. */
export class Conditionals {
  readonly #open: Conditional[] = [];

  /** At `#if`. */
  begin(state: State): void {
    this.#open.push({ atIf: state.copy(), ends: [] });
  }

  /** At `#else` or `#elif`, with the state at the end of the branch before: the state to go on from. */
  otherwise(state: State): State {
    const conditional = this.#open.at(-1);
    if (conditional === undefined) {
      return state;
    }
    conditional.ends.push(state);
    return conditional.atIf.copy();
  }

  /** At `#else` or `#elif` behind a branch that does not count: the state to go on from. */
  skipped(state: State): State {
    const conditional = this.#open.at(-1);
    return conditional === undefined ? state : conditional.atIf.copy();
  }

  /** At `#endif`, with the state at the end of the last branch: the state to go on from. */
  end(state: State): State {
    const conditional = this.#open.pop();
    const first = conditional?.ends[0];
    if (conditional === undefined || first === undefined) {
      return state;
    }
    for (const other of [...conditional.ends.slice(1), state]) {
      if (first.depth > 0 && other.depth > 0 && first.open.length < MAX_ALTERNATIVES) {
        first.open = [...new Set([...first.open, ...other.open])];
      } else if (first.depth === 0 && other.depth === 0) {
        first.head.addAlternative(other.head);
      }
    }
    return first;
  }
}

/** Whether the directive is `#if 0`. */
export function isNever(text: string, { name, nameEnd, end }: Directive): boolean {
  const isShort = name === 'if' && end - nameEnd < 80;
  return isShort && /^\s*\(?\s*0\s*\)?\s*(?:\/[*/].*)?$/s.test(text.slice(nameEnd, end));
}

/** The directive that ends the branch whose text starts at `from`; null when none does. */
export function endOfBranch(text: string, from: number): Directive | null {
  let nested = 0;
  let i = from;
  while (i < text.length) {
    const char = text[i];
    if (char === '/') {
      i = skipComment(text, i);
    } else if (char === '"') {
      i = skipQuoted(text, i);
    } else if (char === '#' && isFirstOnLine(text, i)) {
      const directive = readDirective(text, i);
      if (nested === 0 && /^(?:endif|else|elif(?:n?def)?)$/.test(directive.name)) {
        return directive;
      }
      nested += directive.name === 'endif' ? -1 : /^if(?:n?def)?$/.test(directive.name) ? 1 : 0;
      i = directive.end;
    } else {
      i++;
    }
  }
  return null;
}
