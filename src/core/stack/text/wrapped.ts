/**
 * Entries of stacks that a mail program or a forum broke at one of their blanks: what of an entry can end a
 * line, and what can begin the next.
 */

/** A name of a function, and a place in a source file. */
const NAME = '[A-Za-z_.][\\w.$]*';
const PLACE = '[\\w./+~-]+\\.\\w{1,3}:-?\\d+(?::\\d+)?';

const pair = (ends: string, begins: string): readonly [RegExp, RegExp] => [
  new RegExp(`${ends}$`),
  new RegExp(`^${begins}`),
];

/** How the first line ends, and how the next one begins. */
const PAIRS: readonly (readonly [RegExp, RegExp])[] = [
  // syzkaller
  pair(PLACE, '\\[inline\\]'),
  pair(`(?:^|[\\s(])${NAME}`, `${PLACE} \\[inline\\]`),
  // decode_stacktrace.sh
  pair(`(?:^|\\s)${NAME}`, `\\((?:[\\w.+~-]+/)+[\\w.+~-]+\\.\\w{1,3}:\\d+(?::\\d+)?[ )]`),
  pair(`\\(${PLACE}(?: \\(discriminator \\d+\\))?`, `${PLACE}.*\\)`),
  // WARNING: at a place, in a function
  pair(`WARNING: .* at ${PLACE}`, `${NAME}(?:\\+0x| \\()`),
  // DDB with places
  pair(` at (?:\\w+:)?${NAME}\\+0x[\\da-f]+(?: ${NAME})?`, `${PLACE}(?: \\[inline\\])?$`),
  // assertions
  pair('\\bfile:?', '[\\w./+~-]+\\.\\w{1,3}\\b'),
  pair(' at', PLACE),
  pair(', function', `${NAME}\\(\\)`),
  // the graph of calls that ftrace draws, without and with a duration
  pair('(?:^|\\s)(?:\\d{1,4}\\)|funcgraph_entry:) .*\\|', `${NAME}(?: \\[[\\w-]+\\])?\\(.*\\)(?: ?\\{|;)$`),
  pair('funcgraph_entry: .*\\d', 'us +\\|'),
  // procstat: a line of frames
  pair(`\\s${NAME}\\+0x[\\da-f]{1,4}`, `${NAME}\\+0x[\\da-f]{1,4}(?: ${NAME}\\+0x[\\da-f]{1,4})+$`),
  // macOS: a decimal or hexadecimal offset
  pair(`0x[\\da-f]{4,16} .*${NAME} \\+`, '(?:0x[\\da-f]{1,12}|\\d{1,9})(?:$| \\()'),
  // libspl
  pair('\\(in \\S+', '\\+0x[\\da-f]+\\)'),
  // Red Hat's 2.4: the offset
  pair(`(?:^|[>\\s])${NAME} \\[[\\w-]+\\]`, '0x[\\da-f]+ \\(0x[\\da-f]{8}\\)'),
  // WinDbg: arguments, and the place
  pair('(?:[\\da-f`]{17} +){2}: [\\da-f` ]*', '[\\da-f`]{17} .*: \\w+!'),
  pair('\\w!\\S+', '\\[(?:[A-Za-z]:|[\\w.-]+)\\\\'),
];

/** Most lines begin as no pair's second does. */
const BEGINS = new RegExp(PAIRS.map(([, begins]) => begins.source).join('|'));

/** Entries that are longer than a line may be: with a number, an address, a library or a name of the source before them. */
const LONG_ENTRY =
  /^(?:#\d{1,4}:? |(?:at|by) 0x[\dA-F]{4,16}: |(?:\[?0x)?[\da-f]{4,16}\]? [A-Za-z_$.~]\S*\+0x|(?:\[?0x)?[\da-f]{6,16}\]? [A-Za-z_]|.* \| +[A-Za-z_][\w.]*$|> ?\/|\/\S+\(|\*? ?frame #\d|[+!:|* ]{0,80}\d{1,9} +\S|(?:\? )?[A-Za-z_][\w.$]*(?:\+0x[\da-f]+)?$|\. [A-Za-z_]|BUG: .* in [A-Za-z_][\w.$]*$|(?:\d+us \[[^\]]+\] +)?[A-Za-z_][\w.$]*\+0x[\da-f]+ *$|.*-> +\S+$)/;
/** A debugger's with a place or a library: nothing is left of them. */
const WHOLE_ENTRY = /\) (?:at [^\s:]{1,512}:\d{1,7}|from \/\S{1,512}\.so[\w.]{0,32})$/;
/** What of them can begin a line. */
const REST =
  /^(?:at \S|from \S|in \S|\(|\[[\w.+/-]+(?:\.\w+)?\]|\/[^\s()]+\)$|[\w.+-]+`[A-Za-z_]|\+ \d|- \/|[\w@]+=|const\b|[\w./+~-]+\.\w{1,3}:\d+(?::\d+)? ?(?:\[inline\]|$)|[A-Za-z_][\w.$@]* \()/;
/** What begins an entry of its own. */
const ENTRY =
  /^(?:#\d|\*? ?frame #|Thread \d|(?:at|by) 0x|0x[\da-f]{6}|\[?[\da-f]{12,16}\]? |[A-Z][\w ]{2,30}:|\d{1,3} +\S+ +0x)/;

const NUMBERED = /^(?:#|\*? ?frame #)\d/;

/** Whether `head` can be the rest of an entry that was broken at a blank in the line `first`: what most lines are not. */
export function mayBeRest(first: string, head: string): boolean {
  return first.includes('#') || REST.test(head) || BEGINS.test(head);
}

/** Whether an entry that was broken at a blank, `body` so far, goes on in `head`, the next line. */
export function goesOnBehindBlank(body: string, head: string): boolean {
  if (BEGINS.test(head) && PAIRS.some(([ends, begins]) => begins.test(head) && ends.test(body))) {
    return true;
  }
  if (!LONG_ENTRY.test(body) || WHOLE_ENTRY.test(body) || ENTRY.test(head)) {
    return false;
  }
  return (
    REST.test(head) || (NUMBERED.test(body) && (isOpen(body) || /(?: at| in| -| from| \+|[=,])$/.test(body)))
  );
}

/** Whether a bracket of a list of arguments or types is not closed. */
function isOpen(body: string): boolean {
  let open = 0;
  for (const character of body) {
    open += character === '(' || character === '<' ? 1 : character === ')' || character === '>' ? -1 : 0;
  }
  return open > 0;
}
