import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Rule {
  readonly match: string;
  readonly name?: string;
  readonly captures?: Readonly<Record<string, { readonly name: string }>>;
}

interface Grammar {
  readonly scopeName: string;
  readonly patterns: readonly { readonly include: string }[];
  readonly repository: Readonly<Record<string, Rule>>;
}

// The file's own shape; the first test fails when it has another.
const grammar = JSON.parse(readFileSync('syntaxes/kernel-stack.tmLanguage.json', 'utf8')) as Grammar;
const configuration = JSON.parse(
  readFileSync('syntaxes/kernel-stack.language-configuration.json', 'utf8'),
) as { readonly wordPattern: string };

/** Applies the grammar's rules to one line as TextMate does: the earliest match, the first rule on a tie. */
function scopes(line: string): string[] {
  const found: string[] = [];
  const rules = grammar.patterns.map((pattern) => grammar.repository[pattern.include.slice(1)]);
  for (let from = 0; from < line.length; ) {
    let best: { readonly match: RegExpExecArray; readonly rule: Rule } | undefined;
    for (const rule of rules) {
      const pattern = new RegExp(rule?.match ?? '', 'dg');
      pattern.lastIndex = from;
      const match = pattern.exec(line);
      if (rule !== undefined && match !== null && match.index < (best?.match.index ?? Infinity)) {
        best = { match, rule };
      }
    }
    if (best === undefined) {
      break;
    }
    const { match, rule } = best;
    const captures = Object.entries(rule.captures ?? { 0: { name: rule.name ?? '' } });
    for (const [group, { name }] of captures) {
      if (match[Number(group)] !== undefined && !name.startsWith('punctuation')) {
        found.push(`${match[Number(group)]} ${name.replace('.kernel-stack', '')}`);
      }
    }
    from = match.index + Math.max(match[0].length, 1);
  }
  return found;
}

describe('the grammar of kernel stacks', () => {
  it('has rules that are all in use', () => {
    expect(grammar.scopeName).toBe('source.kernel-stack');
    expect(grammar.patterns.map((pattern) => pattern.include.slice(1)).sort()).toEqual(
      Object.keys(grammar.repository).sort(),
    );
  });

  it('tells a frame apart into function, numbers and module', () => {
    expect(scopes('[<0>] txg_wait_synced+0x10/0x40 [zfs]')).toEqual([
      '[<0>] comment.line.address',
      'txg_wait_synced entity.name.function',
      '0x10 constant.numeric.hex',
      '0x40 constant.numeric.hex',
      'zfs entity.name.type.module',
    ]);
  });

  it('greys frames that are not reliable, and times', () => {
    expect(scopes('[  247.109472]  ? zio_wait.part.0+0x10/0x40 [zfs]')).toEqual([
      '[  247.109472] comment.line.time',
      '? zio_wait.part.0+0x10/0x40 [zfs] comment.line.unreliable',
    ]);
  });

  it('knows reports, sections and source references', () => {
    expect(scopes('PANIC at zlog.c:123:zlog_commit()')).toEqual([
      'PANIC at keyword.control.report',
      'zlog.c string.unquoted.path',
      '123 constant.numeric.line',
      'zlog_commit entity.name.function',
    ]);
    expect(scopes('Call Trace:')).toEqual(['Call Trace: markup.heading.section']);
    expect(scopes('task:cat state:D pid:7')).toEqual([
      'task variable.parameter.field',
      'state variable.parameter.field',
      'pid variable.parameter.field',
    ]);
  });
});

describe('words in a kernel stack', () => {
  it('are whole symbols, with the suffix of the compiler and without a full stop', () => {
    const words = 'zio_wait.part.0+0x1b4/0x280. [zfs]'.match(new RegExp(configuration.wordPattern, 'g'));
    expect(words).toEqual(['zio_wait.part.0', '0x1b4', '0x280', 'zfs']);
  });
});
