import type { Frame } from '../../core/stack/frame.ts';
import type { Place } from '../../core/symbols/location.ts';
import type { SeenGroup, SeenTask } from './task-history.ts';

/** A row of the Hung Tasks view. */
export type TaskNode = GroupNode | MembersNode | MemberNode | FrameNode;

/** Tasks with the same stack. */
export interface GroupNode {
  readonly kind: 'group';
  /** As of the last snapshot: the row stays while its stack does. */
  group: SeenGroup;
  /** The rows of its frames, while nothing more is known of them than when they were made. */
  frames: readonly FrameNode[] | null;
}

/** "12 tasks" inside a group of several. */
export interface MembersNode {
  readonly kind: 'members';
  readonly parent: GroupNode;
}

export interface MemberNode {
  readonly kind: 'member';
  readonly task: SeenTask;
  readonly parent: MembersNode;
}

/** One place of a frame: the frame's own function, or one inlined into it. */
export interface FrameNode {
  readonly kind: 'frame';
  readonly frame: Frame;
  /** 0-based position of the frame in its trace. */
  readonly index: number;
  readonly place: Place;
  readonly parent: GroupNode;
}
