/**
 * Finds the function definitions of C source text and the calls in their bodies, without a
 * preprocessor and without knowing any type: fast enough for a whole tree, and for text that does
 * not compile yet. Linear in the text's length; never throws.
 *
 * All branches of an `#if` are read; each starts from where the `#if` stands, and what follows
 * `#endif` continues from the end of the first branch, so branches that open or close braces
 * differently do no harm. `#if 0` is left out. Of macros it is only read what they call.
 */

import { calledBefore } from './c-calls.ts';
import { Conditionals, type Draft, endOfBranch, isNever, MAX_ALTERNATIVES, State } from './c-conditionals.ts';
import { Head, type Signature } from './c-head.ts';
import {
  isBlank,
  isFirstOnLine,
  isIdentifierUnit,
  readDirective,
  skipComment,
  skipQuoted,
} from './c-lexer.ts';
import { readMacro } from './c-macros.ts';
import type { CallSite, ScannedMacro, ScannedSource } from './scanned-source.ts';

const HASH = 35;
const QUOTE = 34;
const APOSTROPHE = 39;
const OPEN = 40;
const CLOSE = 41;
const SLASH = 47;
const SEMICOLON = 59;
const EQUALS = 61;
const BRACE_OPEN = 123;
const BRACE_CLOSE = 125;

/** Bytes that a body's loop stops at. */
const bodyStops: Uint8Array = (() => {
  const table = new Uint8Array(128);
  for (const unit of [HASH, QUOTE, APOSTROPHE, OPEN, SLASH, BRACE_OPEN, BRACE_CLOSE]) {
    table[unit] = 1;
  }
  return table;
})();

/** The function definitions of a C file, and its macros that call something. */
export function scanSource(text: string): ScannedSource {
  const first = new Scanner(text, false);
  if (first.run()) {
    return first.found();
  }
  // Braces or parentheses do not match up. A closing brace in the first column is then believed
  // to end a function, as everybody's style has it.
  const second = new Scanner(text, true);
  second.run();
  return second.found();
}

class Scanner {
  readonly #text: string;
  readonly #trustColumn: boolean;
  readonly #drafts: Draft[] = [];
  readonly #macros: ScannedMacro[] = [];
  readonly #conditionals = new Conditionals();
  #state = new State();
  /** Blocks of `extern "C" {` that are open. */
  #linkage = 0;
  #balanced = true;
  #line = 1;
  #lineEnd: number;

  constructor(text: string, trustColumn: boolean) {
    this.#text = text;
    this.#trustColumn = trustColumn;
    this.#lineEnd = text.indexOf('\n');
  }

  found(): ScannedSource {
    return { functions: this.#drafts.sort((a, b) => a.line - b.line), macros: this.#macros };
  }

  /** Reads the whole text. False when braces or parentheses did not match up. */
  run(): boolean {
    const text = this.#text;
    let i = 0;
    while (i < text.length) {
      i = this.#state.depth > 0 ? this.#body(i) : this.#fileLevel(i);
    }
    const lastLine = this.#lineAt(text.length);
    for (const draft of this.#state.open) {
      draft.endLine = lastLine;
    }
    return this.#balanced && this.#state.depth === 0 && this.#state.paren === 0;
  }

  /** Handles the next token inside braces; returns the offset behind it. */
  #body(from: number): number {
    const text = this.#text;
    const length = text.length;
    let i = from;
    for (;;) {
      let unit = text.charCodeAt(i);
      while (i < length && (unit > 127 || bodyStops[unit] === 0)) {
        i++;
        unit = text.charCodeAt(i);
      }
      if (i >= length) {
        return i;
      }
      switch (unit) {
        case SLASH:
          i = skipComment(text, i);
          break;
        case QUOTE:
        case APOSTROPHE:
          i = skipQuoted(text, i);
          break;
        case OPEN:
          this.#call(i);
          i++;
          break;
        case BRACE_OPEN:
          this.#state.depth++;
          i++;
          break;
        case BRACE_CLOSE:
          if (this.#state.depth === 1 || this.#trustColumn) {
            this.#closeBrace(i);
            return i + 1;
          }
          this.#state.depth--;
          i++;
          break;
        default:
          // A directive may put another state in place of this one.
          return isFirstOnLine(text, i) ? this.#directive(i) : i + 1;
      }
    }
  }

  /** Notes the call whose opening parenthesis stands at `at`, if it is one. */
  #call(at: number): void {
    const called = this.#state.open.length === 0 ? null : calledBefore(this.#text, at);
    if (called === null) {
      return;
    }
    const site: CallSite = { name: called.name, line: this.#lineAt(called.start) };
    for (const draft of this.#state.open) {
      draft.calls.push(site);
    }
  }

  #closeBrace(at: number): void {
    const state = this.#state;
    state.depth--;
    if (this.#trustColumn) {
      state.depth = this.#endsByLayout(at) ? 0 : Math.max(state.depth, 1);
    }
    if (state.depth > 0) {
      return;
    }
    const line = this.#lineAt(at);
    for (const draft of state.open) {
      draft.endLine = line;
    }
    if (state.open.length > 0 || !state.head.continuesAfterBlock) {
      state.head = new Head();
    }
    state.open = [];
    state.oldStyle = null;
  }

  /** When braces cannot be counted on: whether the brace at `at` ends the body by where it stands. */
  #endsByLayout(at: number): boolean {
    const text = this.#text;
    if (at === 0 || text.charCodeAt(at - 1) === 10) {
      return true;
    }
    if (this.#state.depth > 0) {
      return false;
    }
    const openedOn = text.lastIndexOf('\n', this.#state.opened);
    const indented = isBlank(text.charCodeAt(openedOn + 1));
    return indented || text.lastIndexOf('\n', at) === openedOn;
  }

  /** Handles the next token outside of braces; returns the offset behind it. */
  #fileLevel(from: number): number {
    const text = this.#text;
    const state = this.#state;
    let at = from;
    let unit = text.charCodeAt(at);
    while (unit <= 32 && isBlank(unit)) {
      unit = text.charCodeAt(++at);
    }
    if (at >= text.length) {
      return at;
    }
    if (unit === SLASH) {
      return skipComment(text, at);
    }
    if (unit === HASH && isFirstOnLine(text, at)) {
      return this.#directive(at);
    }
    if (state.paren > 0) {
      return this.#parenthesis(at);
    }
    if (isIdentifierUnit(unit)) {
      let end = at + 1;
      while (end < text.length && isIdentifierUnit(text.charCodeAt(end))) {
        end++;
      }
      if (state.head.isEmpty) {
        state.head.start(this.#lineAt(at));
      }
      state.head.word(text, at, end, this.#lineAt(at));
      return end;
    }
    switch (unit) {
      case QUOTE:
      case APOSTROPHE:
        state.head.string();
        return skipQuoted(text, at);
      case OPEN:
        state.paren = 1;
        state.head.openGroup(at);
        return at + 1;
      case SEMICOLON:
        this.#semicolon(at);
        return at + 1;
      case EQUALS:
        state.head.equals();
        return at + 1;
      case BRACE_OPEN:
        this.#openBrace(at);
        return at + 1;
      case BRACE_CLOSE:
        this.#strayBrace();
        return at + 1;
      default:
        state.head.punctuation();
        return at + 1;
    }
  }

  /** Handles what stands in parentheses, up to a token that is the same there as elsewhere. */
  #parenthesis(from: number): number {
    const text = this.#text;
    const state = this.#state;
    for (let at = from; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit > 127 || bodyStops[unit] === 0) {
        if (unit !== CLOSE) {
          continue;
        }
        state.paren--;
        if (state.paren === 0) {
          state.head.closeGroup(at);
          return at + 1;
        }
        continue;
      }
      switch (unit) {
        case QUOTE:
        case APOSTROPHE:
          return skipQuoted(text, at);
        case OPEN:
          state.paren++;
          break;
        case BRACE_OPEN:
          if (this.#trustColumn && text.charCodeAt(at - 1) === 10) {
            state.paren = 0;
            state.head = new Head();
            this.#openBrace(at);
            return at + 1;
          }
          break;
        case SLASH:
          return skipComment(text, at);
        case HASH:
          if (isFirstOnLine(text, at)) {
            return at > from ? at : at + 1;
          }
          break;
      }
    }
    return text.length;
  }

  #semicolon(at: number): void {
    const state = this.#state;
    if (state.oldStyle === null) {
      const signature = state.head.oldStyleSignature(this.#text);
      if (signature !== null) {
        state.oldStyle = { signature, declarations: signature.parametersEnd + 1 };
      }
    } else if (at - state.oldStyle.declarations > 8192) {
      state.oldStyle = null;
    }
    state.head = new Head();
  }

  #openBrace(at: number): void {
    const state = this.#state;
    const { head, oldStyle } = state;
    state.opened = at;
    if (head.isLinkageBlock) {
      this.#linkage++;
      state.head = new Head();
      return;
    }
    state.depth = 1;
    if (head.isEmpty && oldStyle !== null) {
      this.#define([oldStyle.signature], this.#text.slice(oldStyle.declarations, at));
      return;
    }
    this.#define(head.signatures(this.#text).slice(0, MAX_ALTERNATIVES), '');
  }

  #define(signatures: readonly Signature[], oldStyleText: string): void {
    const text = this.#text;
    const drafts = signatures.map(
      (signature): Draft => ({
        name: signature.name,
        line: signature.line,
        startLine: signature.startLine,
        endLine: signature.line,
        parameterText: text.slice(signature.parametersStart, signature.parametersEnd),
        oldStyleText,
        calls: [],
      }),
    );
    this.#drafts.push(...drafts);
    this.#state.open = drafts;
    this.#state.oldStyle = null;
  }

  #strayBrace(): void {
    if (this.#linkage > 0) {
      this.#linkage--;
    } else {
      this.#balanced = false;
    }
    this.#state.head = new Head();
    this.#state.oldStyle = null;
  }

  /** Steps over the directive at `at`; returns the offset behind it. */
  #directive(at: number): number {
    const text = this.#text;
    const directive = readDirective(text, at);
    switch (directive.name) {
      case 'if':
      case 'ifdef':
      case 'ifndef':
        this.#conditionals.begin(this.#state);
        return isNever(text, directive) ? this.#skipBranch(directive.end) : directive.end;
      case 'else':
      case 'elif':
      case 'elifdef':
      case 'elifndef':
        this.#state = this.#conditionals.otherwise(this.#state);
        return directive.end;
      case 'endif':
        this.#state = this.#conditionals.end(this.#state);
        return directive.end;
      case 'define': {
        const macro = readMacro(text, directive);
        if (macro !== null) {
          this.#macros.push(macro);
        }
        return directive.end;
      }
      default:
        return directive.end;
    }
  }

  /** Leaves a branch of `#if 0` out; returns where the text counts again. */
  #skipBranch(from: number): number {
    const directive = endOfBranch(this.#text, from);
    if (directive === null) {
      return this.#text.length;
    }
    this.#state =
      directive.name === 'endif'
        ? this.#conditionals.end(this.#state)
        : this.#conditionals.skipped(this.#state);
    return directive.end;
  }

  /** 1-based line of an offset. Offsets come in nearly ascending order, so this walks. */
  #lineAt(offset: number): number {
    const text = this.#text;
    while (this.#lineEnd >= 0 && this.#lineEnd < offset) {
      this.#line++;
      this.#lineEnd = text.indexOf('\n', this.#lineEnd + 1);
    }
    return this.#line;
  }
}
