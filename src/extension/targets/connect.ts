import * as vscode from 'vscode';
import type { HostEntry } from '../../target/connection.ts';
import { views } from '../ids.ts';
import { targetKey } from './target-nodes.ts';
import type { TargetService } from './target-service.ts';
import type { TargetsView } from './targets-view.ts';

/** Asks which host; null when the person chose none. One that was lost comes first. */
export async function pickHost(view: TargetsView, targets: TargetService): Promise<HostEntry | null> {
  const active = targets.active;
  const first = active !== null && active.state === 'closed' ? targetKey(active.entry) : null;
  const items = view.hosts().then((hosts) =>
    hosts
      .map((entry) => {
        const target = targets.target(entry);
        return {
          label: entry.alias,
          description: target === null ? '' : target.state,
          ...(entry.configFile === null ? {} : { detail: entry.configFile }),
          entry,
        };
      })
      .sort((a, b) => Number(targetKey(b.entry) === first) - Number(targetKey(a.entry) === first)),
  );
  const picked = await vscode.window.showQuickPick(items, {
    title: 'Connect to which target?',
    placeHolder: 'A host of your ssh configuration',
  });
  return picked?.entry ?? null;
}

/** Connects with progress in the Targets view; Disconnect in its row ends the attempt. */
export async function connectTo(entry: HostEntry, targets: TargetService): Promise<void> {
  await vscode.window.withProgress({ location: { viewId: views.targets } }, async () => {
    await targets.connect(entry);
  });
}
