import * as vscode from 'vscode';
import type { RaisedError } from '../../core/zfs/errno-lines.ts';
import type { ErrorSite } from '../../core/zfs/errno-sites.ts';
import { commandLink } from '../vscode-table.ts';
import { agoText, siteDescription, siteLabel, siteTooltip, taskText } from './error-labels.ts';

/** A row of the list of errors. */
export type ErrorNode =
  | { readonly kind: 'site'; readonly key: string }
  /** Errors that are answers. */
  | { readonly kind: 'expected' }
  | { readonly kind: 'raised'; readonly key: string; readonly error: RaisedError };

type NodeOf<K extends ErrorNode['kind']> = Extract<ErrorNode, { kind: K }>;

/** The row above these places. */
export function expectedItem(sites: readonly ErrorSite[]): vscode.TreeItem {
  const count = sites.reduce((sum, site) => sum + site.count, 0);
  const item = new vscode.TreeItem('Expected', vscode.TreeItemCollapsibleState.Collapsed);
  item.id = 'expected';
  item.description = `×${count.toLocaleString('en-US')} at ${sites.length} lines`;
  item.tooltip = 'Errors that are answers, such as a lookup of what is not there.';
  return item;
}

/** @param site undefined once it was cleared */
export function siteItem(node: NodeOf<'site'>, site: ErrorSite | undefined): vscode.TreeItem {
  const item = new vscode.TreeItem(
    site === undefined ? '' : siteLabel(site),
    vscode.TreeItemCollapsibleState.Collapsed,
  );
  item.id = node.key;
  if (site !== undefined) {
    item.description = siteDescription(site);
    item.tooltip = siteTooltip(site);
    item.iconPath = new vscode.ThemeIcon(
      site.expected ? 'info' : 'warning',
      site.expected ? undefined : new vscode.ThemeColor('list.warningForeground'),
    );
    item.command = commandLink('zscope.openError', 'Open Source of Error', node);
  }
  return item;
}

/** One of the last errors of a place. @param site undefined once it was cleared */
export function raisedItem(node: NodeOf<'raised'>, site: ErrorSite | undefined): vscode.TreeItem {
  const item = new vscode.TreeItem(taskText(node.error));
  const newest = site?.recent[0]?.time ?? node.error.time;
  const since = newest - node.error.time;
  item.description = since === 0 ? 'last' : `${agoText(since * 1000).replace(' ago', '')} before the last`;
  item.command = commandLink('zscope.openError', 'Open Source of Error', node);
  return item;
}
