/** Reads the parameter list of a C function definition. */
import type { Parameter } from './location.ts';

/** Text that is looked at; a longer list is generated code that nobody traces. */
const MAX_TEXT = 16_384;

/**
 * Parameters in order. `void` gives none, and `...` is left out.
 *
 * @param parameterText what stands between the parentheses, comments and `#if` lines included
 * @param oldStyleText the declarations of an old-style (K&R) definition, else empty
 */
export function parseParameters(parameterText: string, oldStyleText = ''): Parameter[] {
  const parts = splitTopLevel(plain(parameterText), ',');
  if (oldStyleText === '') {
    return parts.filter((part) => part !== 'void' && part !== '...').map(parseDeclaration);
  }
  const declared = new Map(splitTopLevel(plain(oldStyleText), ';').flatMap(oldStyleDeclarations));
  return parts.map((name) => ({ name, type: declared.get(name) ?? 'int' }));
}

/** `char *a, b` -> a: `char *`, b: `char`. */
function oldStyleDeclarations(declaration: string): [string, string][] {
  const [first, ...others] = splitTopLevel(declaration, ',');
  if (first === undefined) {
    return [];
  }
  const one = parseDeclaration(first);
  const base = one.type.replace(/[\s*[(].*$/s, (rest) => /^(?:\s+[A-Za-z_]\w*)*/.exec(rest)?.[0] ?? '');
  return [one, ...others.map((other) => parseDeclaration(`${base} ${other}`))].map((p) => [p.name, p.type]);
}

function plain(text: string): string {
  return text
    .slice(0, MAX_TEXT)
    .replace(/\/\*.*?(?:\*\/|$)|\/\/[^\n]*/gs, ' ')
    .replace(/^[ \t]*#(?:[^\n\\]|\\.)*$/gms, ' ');
}

/** Non-empty trimmed pieces between separators that stand in no bracket. */
function splitTopLevel(text: string, separator: string): string[] {
  const pieces: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    const char = text[i];
    if (char === '(' || char === '[' || char === '{') {
      depth++;
    } else if (char === ')' || char === ']' || char === '}') {
      depth--;
    } else if (i === text.length || (char === separator && depth <= 0)) {
      pieces.push(text.slice(from, i).trim());
      from = i + 1;
    }
  }
  return pieces.filter((piece) => piece !== '');
}

const qualifiers = new Set([
  'const',
  'volatile',
  'restrict',
  '__restrict',
  'register',
  '__user',
  '__iomem',
  '__rcu',
]);
const tags = new Set(['struct', 'union', 'enum']);
const baseTypes = new Set(
  'void char short int long float double signed unsigned _Bool bool __int128 _Complex'.split(' '),
);

function parseDeclaration(declaration: string): Parameter {
  const text = declaration.replace(/\b__attribute(?:__)?\s*\(\((?:[^()]|\([^()]*\))*\)\)/g, ' ');
  const inner = /\(\s*(?:\*[\s*]*(?:const\s+)?([A-Za-z_]\w*)|([A-Za-z_]\w*)\s*\)\s*\()/.exec(text);
  const innerName = inner?.[1] ?? inner?.[2];
  if (inner !== null && innerName !== undefined) {
    // A pointer to a function or an array, or a function: its name stands inside the parentheses.
    const at = text.indexOf(innerName, inner.index);
    return { name: innerName, type: tidy(text.slice(0, at) + text.slice(at + innerName.length)) };
  }
  const bracket = text.search(/[[(]/);
  const head = bracket < 0 ? text : text.slice(0, bracket);
  const suffix = bracket < 0 ? '' : text.slice(bracket);
  const found = declaredName(head);
  if (found === null) {
    return { name: '', type: tidy(text) };
  }
  return { name: found.name, type: tidy(`${head.slice(0, found.at)} ${suffix}`) };
}

/** The word that is the name in `const struct a *b` with its offset, or null when all of it is type. */
function declaredName(head: string): { name: string; at: number } | null {
  const tokens = [...head.matchAll(/[A-Za-z_]\w*|\*/g)];
  const wordAt = (i: number) => tokens.at(i)?.[0] ?? '';
  // Attributes by macro stand last: `void *arg __maybe_unused`.
  while (tokens.length > 2 && /^__|^UNUSED|_UNUSED$/.test(wordAt(-1))) {
    tokens.pop();
  }
  const last = tokens.at(-1);
  const name = wordAt(-1);
  if (last === undefined || name === '*' || qualifiers.has(name) || tags.has(name) || baseTypes.has(name)) {
    return null;
  }
  const before = tokens.slice(0, -1).flatMap(([word]) => (qualifiers.has(word) ? [] : [word]));
  const isTagName = tags.has(before.at(-1) ?? '');
  return before.length === 0 || isTagName ? null : { name, at: last.index };
}

function tidy(type: string): string {
  return type
    .replace(/\s+/g, ' ')
    .replace(/\s*\*\s*/g, '*')
    .replace(/([\w\])])\*/g, '$1 *')
    .replace(/\*(?=[A-Za-z_])/g, '*')
    .replace(/\( +/g, '(')
    .replace(/ +([),])/g, '$1')
    .trim();
}
