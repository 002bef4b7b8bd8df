import { type Range, type SemanticTokens, SemanticTokensBuilder } from 'vscode-languageserver/node';
import { isZfsModule } from '../core/zfs/zfs-modules.ts';
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
