/** What the scanner finds in a C file. */

/** A place in a function's body where a name stands before a parenthesis: a call, or a macro's use. */
export interface CallSite {
  readonly name: string;
  /** 1-based. */
  readonly line: number;
}

/** A function definition as the scanner found it. Lines are 1-based. */
export interface ScannedFunction {
  readonly name: string;
  /** Line of the name. */
  readonly line: number;
  /** Line where the definition starts: its return type or storage class. */
  readonly startLine: number;
  /** Line of the closing brace; the text's last line when there is none. */
  readonly endLine: number;
  /** Source text between the parentheses of the parameter list, comments included. */
  readonly parameterText: string;
  /** Source text of the declarations of an old-style (K&R) definition; else empty. */
  readonly oldStyleText: string;
  /** In text order; direct calls only, not those through a member (`ops->open(x)`). */
  readonly calls: readonly CallSite[];
}

/** What a C file holds. */
export interface ScannedSource {
  /** By line. */
  readonly functions: readonly ScannedFunction[];
  /** In text order; a name twice when branches of an `#if` define it differently. */
  readonly macros: readonly ScannedMacro[];
}

/** A macro whose body calls something. */
export interface ScannedMacro {
  readonly name: string;
  /** Names before a parenthesis in its body, or the one name that it stands for; each once. */
  readonly calls: readonly string[];
}
