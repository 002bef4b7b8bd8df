/** Functions of a C text that is in no index: of another revision than the one that is open. */
import { parseParameters } from './c-parameters.ts';
import { scanSource } from './c-scanner.ts';
import type { Parameter } from './location.ts';

/** A function that a text defines. Lines are 1-based. */
export interface TextFunction {
  readonly name: string;
  /** Line of the name. */
  readonly line: number;
  readonly endLine: number;
  readonly parameters: () => readonly Parameter[];
}

/** By line. */
export function functionsOfText(text: string): readonly TextFunction[] {
  return scanSource(text).functions.map(({ name, line, endLine, parameterText, oldStyleText }) => ({
    name,
    line,
    endLine,
    parameters: () => parseParameters(parameterText, oldStyleText),
  }));
}

/** The function of this name, where a line of its head is preferred; null when the text defines none. */
export function functionNamed(
  functions: readonly TextFunction[],
  name: string,
  line = 0,
): TextFunction | null {
  const named = functions.filter((one) => one.name === name);
  return named.find((one) => one.line === line) ?? named[0] ?? null;
}

/** The function whose body holds a line; null when none does. */
export function functionAround(functions: readonly TextFunction[], line: number): TextFunction | null {
  return functions.findLast((one) => one.line <= line && line <= one.endLine) ?? null;
}
