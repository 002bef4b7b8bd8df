/** A tree of calls as lines with places in the source. */
import { formatFrame, type Trace } from '../../core/stack/frame.ts';
import type { Place } from '../../core/symbols/location.ts';
import { inert } from '../../core/text/inert.ts';
import type { TreeItem } from '../../core/tracing/call-tree.ts';
import { durationText } from '../../core/tracing/duration-text.ts';
import { isZfsModule } from '../../core/zfs/zfs-modules.ts';
import type { TreeRow } from '../../protocol/trace-view.ts';
import { sourceText } from '../hung-tasks/labels.ts';

/** Lines of a tree that are sent to a page: what is below has hardly any part in it. */
export const MOST_TREE_LINES = 1000;

/** What a line of a tree shows, with what a click on it opens. */
export interface TreeLine {
  readonly shown: TreeRow;
  readonly trace: Trace;
  /** 0-based position of its frame in the stack. */
  readonly index: number;
  readonly place: Place | null;
}

/**
 * @param items of one root and all below it
 * @param placesOf places of the frames of a stack, by frame; empty when they are not known yet
 */
export function treeLines(
  items: readonly TreeItem[],
  placesOf: (trace: Trace) => readonly (readonly Place[])[],
): TreeLine[] {
  const root = items[0]?.node;
  return items.map(({ node: { frame, trace, index, calls, totalNs }, depth, isSlowest }) => {
    const place = placesOf(trace)[index]?.[0] ?? null;
    const whole = totalNs === null ? root?.calls : root?.totalNs;
    return {
      trace,
      index,
      place,
      shown: {
        depth,
        key: inert(formatFrame(frame)),
        // Nearly all of them are of ZFS: where that went without saying there is room for names.
        label: inert(
          frame.module === null || isZfsModule(frame.module)
            ? frame.symbol
            : `${frame.symbol} [${frame.module}]`,
        ),
        source: place === null ? '' : sourceText(place),
        canOpen: place !== null && place.uri !== null,
        count: calls,
        time: totalNs === null ? '' : durationText(totalNs),
        share: Math.min(1, (totalNs ?? calls) / Math.max(1, whole ?? 1)),
        isSlowest,
      },
    };
  });
}
