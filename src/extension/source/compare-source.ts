import * as vscode from 'vscode';
import { indexStatusRequest } from '../../protocol/server.ts';
import type { FailureFunnel } from '../failures.ts';
import type { HungTasksView } from '../hung-tasks/hung-tasks-view.ts';
import type { TargetService } from '../targets/target-service.ts';
import type { LazyServer } from './lazy-server.ts';
import { versionRemark } from './version-check.ts';

/**
 * When another target becomes the active one, or other folders are opened: says in the task view,
 * once, when the source that is open is not the source that runs.
 */
export function compareSource(
  targets: TargetService,
  server: LazyServer,
  view: HungTasksView,
  funnel: FailureFunnel,
): vscode.Disposable {
  const compare = () => {
    const connection = targets.connection;
    if (connection === null) {
      return;
    }
    funnel.guard('Comparing the source with the running module', async () => {
      const index = await server.request(indexStatusRequest, null);
      if (targets.connection === connection) {
        view.versionRemark = versionRemark(connection.facts.zfsVersion, index.zfsVersion, index.files);
      }
    });
  };
  return vscode.Disposable.from(
    targets.onActiveChange(compare),
    vscode.workspace.onDidChangeWorkspaceFolders(compare),
  );
}
