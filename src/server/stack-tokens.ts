import {
  type Range,
  type SemanticTokens,
  SemanticTokensBuilder,
  type SemanticTokensDelta,
} from 'vscode-languageserver/node';
import { isZfsModule } from '../core/zfs/zfs-modules.ts';
import { commonEnds } from './common-ends.ts';
import type { StackDocument } from './stack-documents.ts';

/** What tokens are made of, as package.json describes it to themes. */
export const stackLegend = {
  tokenTypes: ['function'],
  tokenModifiers: ['zfs', 'unreliable'],
};

const ZFS = 1 << 0;
const UNRELIABLE = 1 << 1;

/**
 * The functions of frames: those of ZFS, and those that the kernel is not sure of.
 * @param range only the frames in it; null for all
 */
export function stackTokens(document: StackDocument, range: Range | null): SemanticTokens {
  const builder = new SemanticTokensBuilder();
  const first = range?.start.line ?? 0;
  const last = range?.end.line ?? Number.POSITIVE_INFINITY;
  document.lines.forEach((item, line) => {
    if (item.kind === 'frame' && line >= first && line <= last) {
      const length = Math.min(item.function.length, item.end - item.start);
      const modifiers = (isZfsModule(item.module) ? ZFS : 0) | (item.reliable ? 0 : UNRELIABLE);
      builder.push(line, item.start, length, 0, modifiers);
    }
  });
  return builder.build();
}

/** The tokens of whole documents; after an edit, only those around it are sent. */
export class DocumentTokens {
  readonly #last = new WeakMap<StackDocument, { readonly id: string; readonly data: readonly number[] }>();
  #answered = 0;

  /** @param known the answer that the client has; null for none */
  of(document: StackDocument, known: string | null): SemanticTokens | SemanticTokensDelta {
    const before = this.#last.get(document);
    const { data } = stackTokens(document, null);
    this.#answered++;
    const resultId = String(this.#answered);
    this.#last.set(document, { id: resultId, data });
    if (before === undefined || before.id !== known) {
      return { resultId, data };
    }
    // Tokens say how far they are from the one before, so those behind an edit are the same.
    const { head, tail } = commonEnds(before.data, data);
    const deleteCount = before.data.length - head - tail;
    const added = data.slice(head, data.length - tail);
    const edits = deleteCount === 0 && added.length === 0 ? [] : [{ start: head, deleteCount, data: added }];
    return { resultId, edits };
  }
}
