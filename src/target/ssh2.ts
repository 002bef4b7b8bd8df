import * as named from 'ssh2';

/**
 * ssh2 is CommonJS. Node finds only some of its exports by name when an ES module imports it (its
 * lexer stops at the first `require` among them); all are on the default export, which the types
 * don't know of.
 */
const library = (named as typeof named & { readonly default?: typeof named }).default ?? named;

export const { Client, OpenSSHAgent, BaseAgent, utils } = library;
