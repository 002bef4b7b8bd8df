/**
 * Marks that a passage has before each of its lines and that say nothing of a stack: the file and number
 * of grep, numbers of a listing, marks of lists, comments and diffs, the name of a console. One line
 * alone does not tell; a neighbour with the same mark does.
 */

/** What stands before a line. */
interface Mark {
  /** Equal for the same mark. */
  readonly key: string;
  /** Where lines are numbered, that of this one; else 0. */
  readonly number: number;
  /** Characters of the mark. */
  readonly length: number;
}

/** Begins the keys of the numbers of a listing; no other mark begins so. */
const NUMBERED = '\n';

/** How much of a line is looked at. */
const REACH = 300;

/** Ends of the names of source files: what stands before such a colon is a place, and no mark. */
const SOURCE = /\.(?:[chS]|cc|cpp|cxx|hpp|inc)$/;

/** What the kernel's own reports begin with, as headings.ts has them: two of them below each other are two reports. */
const REPORT =
  /^(?:INFO|BUG|WARNING|UBSAN|PANIC|panic|Oops|VERIFY\d?|ASSERT|SPLError|watchdog|rcu|refcount_t): $/;

/**
 * Groups: file and number of grep -n, a separator behind each; the number of a listing, unless macOS counts
 * its frames so; a name or file and a colon; a list's, comment's or diff's mark.
 */
const MARK =
  /(?:([A-Za-z./~][\w./~+@-]{0,255})([:-])(\d{1,7})\2| {0,8}(\d{1,7})([:.|\t]|(?= ))(?!\s*[\w.+-]{1,128}\s+0x[\da-f])|([A-Za-z][\w.@-]{0,63}(?:\[\d{1,8}\])?: |[A-Za-z./~][\w./~+@-]{0,255}[./][\w./~+@-]{0,255}:)| {0,4}([-+*#;%!\u2022]|\/\/|--|\/\*)(?=[\s]|$)|([+-])(?=[[A-Za-z_#=?@/\d]))/y;

/** Takes marks off lines that come one after the other. */
export class Marks {
  #text = '';
  /** Where the line begins whose mark {@link #next} is. */
  #at = -1;
  #next: Mark | null = null;
  #last: Mark | null = null;

  /**
   * Characters of the mark before the line from `from` to `to`, 0 if it has none; `next` is where the line
   * behind it begins. To be asked for each line in turn.
   */
  lengthAt(text: string, from: number, to: number, next: number): number {
    const known = this.#at === from && this.#text === text;
    const mark = known ? this.#next : markAt(text, from, to);
    const before = this.#last;
    this.#last = mark;
    this.#text = '';
    this.#at = -1;
    if (mark === null) {
      return 0;
    }
    if (before !== null && follows(before, mark)) {
      return mark.length;
    }
    this.#text = text;
    this.#at = next;
    this.#next = next < text.length ? markAt(text, next, lineEnd(text, next)) : null;
    return this.#next !== null && follows(mark, this.#next) ? mark.length : 0;
  }
}

function follows(before: Mark, mark: Mark): boolean {
  if (before.key !== mark.key) {
    return false;
  }
  // grep skips lines, a listing does not.
  return mark.key.startsWith(NUMBERED) ? mark.number === before.number + 1 : mark.number >= before.number;
}

function markAt(text: string, from: number, to: number): Mark | null {
  const first = text.charCodeAt(from);
  // A bracket, a tab, <: a log's own; so is a blank that no mark follows.
  if (first === 91 || first === 60 || first === 9 || first === 10 || from === to) {
    return null;
  }
  const head = text.slice(from, Math.min(to, from + REACH));
  MARK.lastIndex = 0;
  const match = MARK.exec(head);
  if (match === null) {
    return null;
  }
  const [whole, file, , line, number, behind = '', name, mark, diff] = match;
  if (file !== undefined) {
    return SOURCE.test(file) ? null : { key: `${file}:`, number: Number(line), length: whole.length };
  }
  if (number !== undefined) {
    return { key: `${NUMBERED}${behind}`, number: Number(number), length: whole.length };
  }
  if (name !== undefined) {
    const isOwn = SOURCE.test(name.slice(0, -1)) || REPORT.test(name);
    return isOwn ? null : { key: name, number: 0, length: whole.length };
  }
  return { key: mark ?? diff ?? '', number: 0, length: whole.length };
}

function lineEnd(text: string, from: number): number {
  const newline = text.indexOf('\n', from);
  return newline < 0 ? text.length : newline;
}
