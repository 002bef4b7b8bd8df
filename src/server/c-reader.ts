import { readFile } from 'node:fs/promises';
import { Language, type Node, Parser } from 'web-tree-sitter';
import type { BodyCall, OuterCall } from '../core/symbols/call-sites.ts';
import type { IndexedFunction } from '../core/symbols/function-index.ts';

/** Bytes of a function that are parsed; longer ones are tables. */
const MAX_TEXT = 512 * 1024;

/** Calls around a call that are kept. */
const MAX_AROUND = 8;

/** Where the WebAssembly files of the parser are. */
export interface ParserFiles {
  /** Of web-tree-sitter. */
  readonly runtime: string;
  /** Of tree-sitter-c. */
  readonly grammar: string;
}

/** Reads the calls of one C function at a time with a parser, which is loaded when first needed. */
export class CReader {
  #parser: Promise<Parser | null> | null = null;

  constructor(
    private readonly files: ParserFiles,
    private readonly log: (text: string) => void,
  ) {}

  /**
   * The calls of a function's body, exact where the parser understood it.
   * @param text the whole file
   * @param scanned the calls as the index has them: what counts where the parser does not know better
   */
  async calls(
    of: IndexedFunction,
    text: string,
    scanned: readonly { readonly name: string; readonly line: number }[],
  ): Promise<readonly BodyCall[]> {
    const plain = scanned.map((call) => ({ ...call, around: [] }));
    const parser = await this.#load();
    const source = text
      .split('\n')
      .slice(of.startLine - 1, of.endLine)
      .join('\n');
    if (parser === null || source.length > MAX_TEXT) {
      return plain;
    }
    const tree = parser.parse(source);
    if (tree === null) {
      return plain;
    }
    try {
      const parsed = new Map<string, BodyCall[]>();
      for (const node of tree.rootNode.descendantsOfType('call_expression')) {
        const call = node === null ? null : bodyCall(node, of.startLine);
        if (call !== null) {
          const key = `${call.name}:${call.line}`;
          parsed.set(key, [...(parsed.get(key) ?? []), call]);
        }
      }
      // A text with errors (an #if that parts a statement, a macro that is a loop) hides calls.
      const isWhole = !tree.rootNode.hasError;
      return plain.flatMap(
        (call) => parsed.get(`${call.name}:${call.line}`)?.shift() ?? (isWhole ? [] : call),
      );
    } finally {
      tree.delete();
    }
  }

  async #load(): Promise<Parser | null> {
    this.#parser ??= loadParser(this.files).catch((error: unknown) => {
      this.log(`C functions are read without the parser: ${String(error)}`);
      return null;
    });
    return this.#parser;
  }
}

async function loadParser({ runtime, grammar }: ParserFiles): Promise<Parser> {
  await Parser.init({ locateFile: () => runtime });
  const parser = new Parser();
  parser.setLanguage(await Language.load(await readFile(grammar)));
  return parser;
}

/** @param firstLine 1-based line of the file that the parsed text starts with */
function bodyCall(node: Node, firstLine: number): BodyCall | null {
  const name = calledName(node);
  if (name === null) {
    return null;
  }
  const around: OuterCall[] = [];
  let inside = node;
  for (let up = node.parent; up !== null && around.length < MAX_AROUND; up = up.parent) {
    if (up.type === 'call_expression') {
      const isArgument = inside.parent?.type === 'argument_list' && inside.parent.parent?.equals(up) === true;
      around.push({ name: calledName(up) ?? '', line: up.startPosition.row + firstLine, isArgument });
      inside = up;
    }
  }
  return { name, line: node.startPosition.row + firstLine, around };
}

/** The function's name; null for a call through a member or a pointer. */
function calledName(node: Node): string | null {
  const called = node.childForFieldName('function');
  return called?.type === 'identifier' ? called.text : null;
}
