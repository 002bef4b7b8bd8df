import { describe, expect, it } from 'vitest';
import { type SymbolFacts, type WhyNotQuestion, whyNot } from '../../../../src/core/tracing/why-not.ts';

const nothing: SymbolFacts = { symbols: [], blacklisted: [], traceable: [], zfsLoaded: true };

function ask(question: Partial<WhyNotQuestion> & { symbol: string }) {
  return whyNot({ inSource: true, callers: [], refusal: '', facts: nothing, ...question });
}

const zfs = (symbol: string) => ({ symbol, module: 'zfs' });

describe('why a function cannot be traced', () => {
  it('offers the compiled forms, but not the cold part', () => {
    const verdict = ask({
      symbol: 'zil_lwb_commit',
      facts: {
        ...nothing,
        symbols: [
          zfs('zil_lwb_commit.isra.0'),
          zfs('zil_lwb_commit.cold'),
          zfs('zil_lwb_commit.part.0.cold'),
        ],
      },
    });
    expect(verdict.reason).toBe('clone');
    expect(verdict.suggestions).toEqual([{ ...zfs('zil_lwb_commit.isra.0'), kind: 'clone' }]);
  });

  it('offers the nearest generation of callers that has code', () => {
    const verdict = ask({
      symbol: 'list_remove_head',
      callers: [['zil_commit_writer'], ['zil_commit_impl', 'other']],
      facts: { ...nothing, symbols: [zfs('zil_commit_impl'), zfs('other.constprop.0')] },
    });
    expect(verdict.reason).toBe('inlined');
    expect(verdict.suggestions.map(({ symbol }) => symbol)).toEqual(['zil_commit_impl', 'other.constprop.0']);
  });

  it('tells a notrace function from one the kernel forbids', () => {
    const symbols = [{ symbol: 'do_int3', module: null }];
    expect(ask({ symbol: 'do_int3', facts: { ...nothing, symbols } }).reason).toBe('notrace');
    expect(ask({ symbol: 'do_int3', facts: { ...nothing, symbols, blacklisted: ['do_int3'] } }).reason).toBe(
      'blacklisted',
    );
  });

  it('gives the kernel its word when nothing else explains it', () => {
    const facts = { ...nothing, symbols: [zfs('zil_commit')], traceable: ['zil_commit'] };
    const verdict = ask({ symbol: 'zil_commit', refusal: 'Too many probes', facts });
    expect(verdict.reason).toBe('refused');
    expect(verdict.sentence).toContain('Too many probes');
  });

  it('offers each module of a name that several have, but not one it has twice', () => {
    const symbols = [zfs('init'), { symbol: 'init', module: 'spl' }, { symbol: 'init', module: 'spl' }];
    const verdict = ask({ symbol: 'init', facts: { ...nothing, symbols, traceable: ['init'] } });
    expect(verdict.reason).toBe('ambiguous');
    expect(verdict.suggestions).toEqual([{ ...zfs('init'), kind: 'clone' }]);
  });

  it('says when the module is not loaded, or the function in no module', () => {
    expect(ask({ symbol: 'zil_commit', facts: { ...nothing, zfsLoaded: false } }).reason).toBe('no-module');
    expect(ask({ symbol: 'zdb_main' }).reason).toBe('not-in-module');
    expect(ask({ symbol: 'nosuch', inSource: false }).sentence).toContain('There is no function nosuch');
  });
});
