/**
 * The part of an external declaration before its brace or semicolon, and the question whether it
 * is the head of a function definition, and of which.
 */
import { canBeFunctionName, isKernelAttribute } from './c-lexer.ts';

/** The head of a function definition. Offsets count UTF-16 units of the text. */
export interface Signature {
  readonly name: string;
  /** 1-based line of the name. */
  readonly line: number;
  /** 1-based line where the declaration starts. */
  readonly startLine: number;
  readonly parametersStart: number;
  readonly parametersEnd: number;
}

/** Parentheses at file level, with the word before them: a parameter list, an attribute's arguments ... */
interface Group {
  /** Offsets of the word directly before the parenthesis; -1 when there is none. */
  readonly wordStart: number;
  readonly wordEnd: number;
  readonly wordLine: number;
  readonly open: number;
  close: number;
  /** Tokens between the previous group (or the start) and this one's word. */
  readonly tokensBefore: number;
  /** 1-based line of the first token behind the group; 0 when there is none. */
  lineAfter: number;
}

/** Groups that are kept; a declaration with more of them is a list of macros without semicolons. */
const MAX_GROUPS = 24;
const MAX_ALTERNATIVES = 8;

export class Head {
  #startLine = 0;
  #groups: Group[] = [];
  #inGroup: Group | null = null;
  /** Tokens since the last group's end, or since the start. */
  #tokens = 0;
  #wordStart = -1;
  #wordEnd = -1;
  #wordLine = 0;
  #hasEquals = false;
  #isTypedef = false;
  #isAggregate = false;
  #isExtern = false;
  #hasString = false;
  #alternatives: Head[] = [];
  /** What {@link #signature} said last; undefined after any change. */
  #known: Signature | null | undefined;

  get isEmpty(): boolean {
    return this.#startLine === 0 && this.#groups.length === 0;
  }

  /** `extern "C" {`: what follows is at file level still. */
  get isLinkageBlock(): boolean {
    return this.#isExtern && this.#hasString && this.#groups.length === 0 && !this.#hasEquals;
  }

  /** Whether the declaration goes on behind its braces: `struct a { ... } b;`, `int a[] = { ... };`. */
  get continuesAfterBlock(): boolean {
    return this.#isAggregate || this.#hasEquals || this.#isTypedef;
  }

  copy(): Head {
    const copy = new Head();
    copy.#startLine = this.#startLine;
    copy.#groups = this.#groups.map((group) => ({ ...group }));
    copy.#inGroup = this.#inGroup === null ? null : { ...this.#inGroup };
    copy.#tokens = this.#tokens;
    copy.#wordStart = this.#wordStart;
    copy.#wordEnd = this.#wordEnd;
    copy.#wordLine = this.#wordLine;
    copy.#hasEquals = this.#hasEquals;
    copy.#isTypedef = this.#isTypedef;
    copy.#isAggregate = this.#isAggregate;
    copy.#isExtern = this.#isExtern;
    copy.#hasString = this.#hasString;
    copy.#alternatives = [...this.#alternatives];
    copy.#known = this.#known;
    return copy;
  }

  /** The same declaration as another branch of an `#if` has it. */
  addAlternative(other: Head): void {
    if (other.#groups.length > 0 && this.#alternatives.length < MAX_ALTERNATIVES) {
      this.#alternatives.push(other);
    }
  }

  start(line: number): void {
    this.#startLine = line;
  }

  word(text: string, start: number, end: number, line: number): void {
    this.#token(line);
    this.#wordStart = start;
    this.#wordEnd = end;
    this.#wordLine = line;
    switch (text.charCodeAt(start)) {
      case 101: // e
        this.#isExtern ||= isWord(text, start, end, 'extern');
        this.#isAggregate ||= isWord(text, start, end, 'enum');
        break;
      case 115: // s
        this.#isAggregate ||= isWord(text, start, end, 'struct');
        break;
      case 116: // t
        this.#isTypedef ||= isWord(text, start, end, 'typedef');
        break;
      case 117: // u
        this.#isAggregate ||= isWord(text, start, end, 'union');
        break;
    }
  }

  string(): void {
    this.#hasString = true;
    this.punctuation();
  }

  equals(): void {
    this.#hasEquals = true;
    this.punctuation();
  }

  punctuation(): void {
    this.#token(0);
    this.#wordStart = -1;
  }

  #token(line: number): void {
    this.#tokens++;
    this.#known = undefined;
    const last = this.#groups.at(-1);
    if (last !== undefined && last.lineAfter === 0) {
      last.lineAfter = line;
    }
  }

  openGroup(at: number): void {
    const hasWord = this.#wordStart >= 0;
    this.#inGroup = {
      wordStart: this.#wordStart,
      wordEnd: this.#wordEnd,
      wordLine: this.#wordLine,
      open: at,
      close: at,
      tokensBefore: this.#tokens - (hasWord ? 1 : 0),
      lineAfter: 0,
    };
  }

  closeGroup(at: number): void {
    if (this.#inGroup === null) {
      return;
    }
    this.#inGroup.close = at;
    if (this.#groups.length === MAX_GROUPS) {
      this.#groups.splice(0, MAX_GROUPS / 2);
    }
    this.#groups.push(this.#inGroup);
    this.#known = undefined;
    this.#inGroup = null;
    this.#tokens = 0;
    this.#wordStart = -1;
  }

  /** The functions whose body a brace now opens: none, one, or one per alternative. */
  signatures(text: string): Signature[] {
    const found = [this, ...this.#alternatives].flatMap((head) => head.#signature(text) ?? []);
    return found.filter((one, i) => found.findIndex((other) => other.line === one.line) === i);
  }

  /**
   * At a semicolon: the head of an old-style definition whose first parameter declaration ends
   * here (`int f(a, b) int a;`), else null.
   */
  oldStyleSignature(text: string): Signature | null {
    const last = this.#groups.at(-1);
    if (last === undefined || this.#tokens < 2 || last.close - last.open > 1024) {
      return null;
    }
    if (!/^\s*[A-Za-z_]\w*\s*(?:,\s*[A-Za-z_]\w*\s*)*$/.test(text.slice(last.open + 1, last.close))) {
      return null;
    }
    return this.#signature(text);
  }

  #signature(text: string): Signature | null {
    if (this.#known === undefined) {
      this.#known = this.#findSignature(text);
    }
    return this.#known;
  }

  #findSignature(text: string): Signature | null {
    if (this.#hasEquals || this.#isTypedef || (this.#isAggregate && this.#tokens > 0)) {
      return null;
    }
    for (let i = this.#groups.length - 1; i >= 0; i--) {
      const group = this.#groups[i];
      if (group === undefined) {
        continue;
      }
      const declarator = this.#inDeclarator(text, i);
      if (declarator !== null) {
        return declarator;
      }
      if (group.wordStart >= 0) {
        const name = text.slice(group.wordStart, group.wordEnd);
        if (this.#isName(name, group, i)) {
          return this.#signatureOf(name, group.wordLine, group.open + 1, group.close, i);
        }
      }
    }
    return null;
  }

  /** Whether the word before group `i` names the function, rather than an attribute or a macro. */
  #isName(name: string, group: Group, i: number): boolean {
    if (!canBeFunctionName(name) || isKernelAttribute(name) || /^\d/.test(name)) {
      return false;
    }
    const previous = this.#groups[i - 1];
    if (group.tokensBefore > 0) {
      return true;
    }
    // Nothing before it: an attribute behind a parameter list (`f(x) __must_check(1)`), the name of
    // an old function without a type (`main()`), or a macro that makes something (`DEFINE_X(y)`).
    const isMacro = /^[A-Z_$][A-Z0-9_$]*$/.test(name);
    return !(isMacro || (previous !== undefined && name.startsWith('__')));
  }

  /** The function whose name is inside parentheses: `int (f)(int)`, `void (*f(int))(char)`. */
  #inDeclarator(text: string, i: number): Signature | null {
    const group = this.#groups[i];
    const next = this.#groups[i + 1];
    if (group === undefined || next === undefined || next.wordStart >= 0 || next.tokensBefore > 0) {
      return null;
    }
    const inner = text.slice(group.open + 1, Math.min(group.close, group.open + 4096));
    const plain = /^\s*([A-Za-z_]\w*)\s*$/.exec(inner);
    if (plain?.[1] !== undefined) {
      return this.#signatureOf(plain[1], group.wordLine, next.open + 1, next.close, i);
    }
    const pointer = /^\s*\*[\s*]*([A-Za-z_]\w*)\s*\(/.exec(inner);
    if (pointer?.[1] === undefined) {
      return null;
    }
    const open = group.open + 1 + pointer[0].length;
    return this.#signatureOf(
      pointer[1],
      group.wordLine,
      open,
      closingParenthesis(text, open, group.close),
      i,
    );
  }

  #signatureOf(name: string, line: number, start: number, end: number, i: number): Signature {
    // Macros without a semicolon before it are not a part of the definition.
    const previous = this.#groups[i - 1];
    const startLine =
      previous !== undefined && previous.lineAfter > previous.wordLine ? previous.lineAfter : 0;
    return {
      name,
      line,
      startLine: startLine || this.#startLine || line,
      parametersStart: start,
      parametersEnd: end,
    };
  }
}

function isWord(text: string, start: number, end: number, word: string): boolean {
  return end - start === word.length && text.startsWith(word, start);
}

function closingParenthesis(text: string, from: number, limit: number): number {
  let depth = 1;
  for (let i = from; i < limit; i++) {
    const unit = text.charCodeAt(i);
    depth += unit === 40 ? 1 : unit === 41 ? -1 : 0;
    if (depth === 0) {
      return i;
    }
  }
  return limit;
}
