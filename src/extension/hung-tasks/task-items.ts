import * as vscode from 'vscode';
import { formatFrame } from '../../core/stack/frame.ts';
import { inert } from '../../core/text/inert.ts';
import { commandLink } from '../vscode-table.ts';
import {
  frameDescription,
  groupDescription,
  groupLabel,
  groupTooltip,
  howSentence,
  memberDescription,
} from './labels.ts';
import { groupId } from './shown-groups.ts';
import type { SeenGroup } from './task-history.ts';
import type { FrameNode, MemberNode, MembersNode, TaskNode } from './task-nodes.ts';

/** How a row of the Hung Tasks view looks. */
export function taskItem(node: TaskNode): vscode.TreeItem {
  switch (node.kind) {
    case 'group':
      return groupItem(node.group);
    case 'members':
      return membersItem(node);
    case 'member':
      return memberItem(node);
    case 'frame':
      return frameItem(node);
  }
}

function groupItem(group: SeenGroup): vscode.TreeItem {
  const { Collapsed, None } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(groupLabel(group), group.trace.length === 0 ? None : Collapsed);
  item.id = groupId(group);
  item.description = groupDescription(group);
  item.tooltip = groupTooltip(group);
  item.contextValue = 'group';
  item.iconPath = group.tasks.some((task) => task.hung)
    ? new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'))
    : new vscode.ThemeIcon('circle-outline');
  const count = group.tasks.length === 1 ? '1 task' : `${group.tasks.length} tasks`;
  item.accessibilityInformation = { label: `${groupLabel(group)}, ${count}, ${groupDescription(group)}` };
  return item;
}

function membersItem({ parent: { group } }: MembersNode): vscode.TreeItem {
  const item = new vscode.TreeItem(`${group.tasks.length} tasks`, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `${groupId(group)}/members`;
  item.iconPath = new vscode.ThemeIcon('list-unordered');
  return item;
}

function memberItem({ task, parent }: MemberNode): vscode.TreeItem {
  const item = new vscode.TreeItem(inert(`${task.comm} (${task.pid})`));
  item.id = `${groupId(parent.parent.group)}/${task.pid}`;
  item.description = inert(memberDescription(task));
  return item;
}

function frameItem(node: FrameNode): vscode.TreeItem {
  const { frame, place } = node;
  const item = new vscode.TreeItem(inert(place.function));
  item.description = frameDescription(frame, place);
  // Line by line: in one line a line's end is shown as a stand-in.
  item.tooltip = [
    place.inlined ? `${place.function}, inlined into ${frame.symbol}` : formatFrame(frame),
    place.path === null ? 'no source in the workspace' : `${place.path}:${place.line ?? '?'}`,
    howSentence(place),
  ]
    .filter((line) => line !== '')
    .map((line) => inert(line, 1000))
    .join('\n');
  item.iconPath = new vscode.ThemeIcon(place.inlined ? 'indent' : 'debug-stackframe');
  item.contextValue = place.uri === null ? 'frame' : 'frame.source';
  if (place.uri !== null) {
    item.command = commandLink('zscope.openFrame', 'Open Source of Frame', node);
  }
  return item;
}
