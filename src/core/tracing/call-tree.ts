import { type Frame, frameKey, type Trace } from '../stack/frame.ts';
import type { CallEvent, StackCount } from './events.ts';

/** Calls of one function from one place of the tree. */
export interface CallNode {
  readonly frame: Frame;
  /** A stack that the frame is of, and where in it: what it calls says which of its lines is meant. */
  readonly trace: Trace;
  readonly index: number;
  readonly calls: number;
  /** All of them together, in nanoseconds; null where that is not measured. */
  readonly totalNs: number | null;
  /** In a call graph in the order of their first calls, else the most frequent first. */
  readonly children: readonly CallNode[];
}

/** A node with its place in the drawing. */
export interface TreeItem {
  readonly node: CallNode;
  /** 0 for the root. */
  readonly depth: number;
  /** In a call graph: on the way from the root down to where the most time went. */
  readonly isSlowest: boolean;
}

interface Growing {
  readonly frame: Frame;
  readonly trace: Trace;
  readonly index: number;
  calls: number;
  totalNs: number | null;
  readonly children: Map<string, Growing>;
}

/** What calls of one function called: the same functions at the same place of the tree are one node. */
export function treeBelow(calls: readonly CallEvent[]): CallNode | null {
  const [first] = calls;
  if (first === undefined) {
    return null;
  }
  const module = first.stack.find(({ symbol }) => symbol === first.symbol)?.module ?? null;
  const top: Frame = { symbol: first.symbol, offset: 0, size: null, module, reliable: true };
  const root = growing(top, [top], 0, 0);
  for (const { durationNs, below = [] } of calls) {
    add(root, durationNs ?? 0);
    const path = [root];
    for (const call of below) {
      path.length = Math.max(1, Math.min(path.length, call.depth));
      const parent = path.at(-1) ?? root;
      const node = childOf(parent, call.frame, [call.frame], 0, 0);
      add(node, call.durationNs ?? 0);
      path.push(node);
    }
  }
  return finished(root, () => 0);
}

/** Who calls a function, and who calls these in turn: each way up counts. */
export function treeOfCallers(symbol: string, rows: readonly StackCount[]): CallNode {
  const top: Frame = { symbol, offset: 0, size: null, module: null, reliable: true };
  let root: Growing | null = null;
  for (const { stack, count } of rows) {
    const start = stack[0]?.symbol === symbol ? 1 : 0;
    const own = start === 1 ? stack[0] : undefined;
    root ??= growing({ ...top, module: own?.module ?? null }, [top], 0, null);
    root.calls += count;
    let node = root;
    for (let i = start; i < stack.length; i++) {
      const frame = stack[i];
      if (frame?.reliable) {
        node = childOf(node, frame, stack, i, null);
        node.calls += count;
      }
    }
  }
  return finished(root ?? growing(top, [top], 0, null), (a, b) => b.calls - a.calls);
}

/** The nodes as they are drawn, each before its children: at most so many. */
export function treeItems(root: CallNode, most: number): TreeItem[] {
  const items: TreeItem[] = [];
  const visit = (node: CallNode, depth: number, isSlowest: boolean): void => {
    if (items.length >= most) {
      return;
    }
    items.push({ node, depth, isSlowest });
    const slowest = isSlowest ? slowestOf(node) : null;
    for (const child of node.children) {
      visit(child, depth + 1, child === slowest);
    }
  };
  visit(root, 0, root.totalNs !== null);
  return items;
}

/** The child that took the most time; null when the function itself took longer than each of them. */
function slowestOf({ children, totalNs }: CallNode): CallNode | null {
  const [slowest] = [...children].sort((a, b) => (b.totalNs ?? 0) - (a.totalNs ?? 0));
  return slowest !== undefined && (slowest.totalNs ?? 0) >= selfNs({ children, totalNs }) ? slowest : null;
}

/** Nanoseconds that were spent in none of the functions that were called. */
export function selfNs({ totalNs, children }: Pick<CallNode, 'totalNs' | 'children'>): number {
  return Math.max(0, (totalNs ?? 0) - children.reduce((sum, child) => sum + (child.totalNs ?? 0), 0));
}

function growing(frame: Frame, trace: Trace, index: number, totalNs: number | null): Growing {
  return { frame, trace, index, calls: 0, totalNs, children: new Map() };
}

function add(node: Growing, durationNs: number): void {
  node.calls += 1;
  node.totalNs = (node.totalNs ?? 0) + durationNs;
}

function childOf(
  { children }: Growing,
  frame: Frame,
  trace: Trace,
  index: number,
  totalNs: number | null,
): Growing {
  const key = frameKey(frame);
  let child = children.get(key);
  if (child === undefined) {
    child = growing(frame, trace, index, totalNs);
    children.set(key, child);
  }
  return child;
}

function finished(node: Growing, order: (a: Growing, b: Growing) => number): CallNode {
  const { frame, trace, index, calls, totalNs, children } = node;
  const ordered = [...children.values()].sort(order);
  return { frame, trace, index, calls, totalNs, children: ordered.map((child) => finished(child, order)) };
}
