import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as vscode from 'vscode';
import { type IndexStatus, indexStatusRequest } from '../../protocol/server.ts';
import { type FailureFunnel, withoutLinks } from '../failures.ts';
import type { HungTasksView } from '../hung-tasks/hung-tasks-view.ts';
import type { TargetService } from '../targets/target-service.ts';
import { changedSources, describeHead, firstCommit } from './git.ts';
import type { LazyServer } from './lazy-server.ts';
import type { RunningSource } from './running-source.ts';
import { changeRemark, revisionsOf, unknownRemark, versionRemark } from './version-check.ts';

/** Saves that come together are one change, ms. */
const SETTLE_MS = 1000;

/**
 * When another target becomes the active one, other folders are opened, or sources are saved: says in
 * the task view when the source that is open is not the source that runs, and once for each version
 * offers the lines as they stand in the running one.
 */
export function compareSource(
  targets: TargetService,
  server: LazyServer,
  view: HungTasksView,
  running: RunningSource,
  funnel: FailureFunnel,
): vscode.Disposable {
  const offered = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const compare = () => {
    const connection = targets.connection;
    if (connection === null) {
      running.set(null, false);
      return;
    }
    const version = connection.facts.zfsVersion;
    funnel.guard('Comparing the source with the running module', async () => {
      const index = await server.request(indexStatusRequest, null);
      const found = version === null ? null : await findRevision(version, index);
      if (targets.connection !== connection) {
        return;
      }
      if (found === null || version === null) {
        running.set(null, false);
        const remark = versionRemark(version, index.zfsVersion, index.files);
        view.versionRemark =
          remark === '' && version !== null && index.zfsTree !== null ? unknownRemark(version) : remark;
        return;
      }
      const changed = (await changedSources(found.folder, found.commit)) ?? [];
      const remark = changeRemark(version, await describeHead(found.folder), changed);
      if (targets.connection === connection) {
        running.set(found, changed.length > 0);
        view.versionRemark = remark;
        const key = `${found.folder}\0${found.commit}`;
        if (remark !== '' && !offered.has(key)) {
          offered.add(key);
          await offer(remark, running, found.commit);
        }
      }
    });
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(compare, SETTLE_MS);
  };
  const saved = ({ uri }: vscode.TextDocument) => {
    if (/\.[chS]$/.test(uri.path) && running.revision !== null) {
      later();
    }
  };
  // Another branch or commit was checked out.
  const head = vscode.workspace.createFileSystemWatcher('**/.git/HEAD');
  return vscode.Disposable.from(
    targets.onActiveChange(compare),
    vscode.workspace.onDidChangeWorkspaceFolders(compare),
    vscode.workspace.onDidSaveTextDocument(saved),
    head,
    head.onDidChange(later),
    head.onDidCreate(later),
    vscode.workspace.onDidGrantWorkspaceTrust(compare),
    new vscode.Disposable(() => clearTimeout(timer)),
  );
}

/** The commit that runs, if the repository of the open tree has it. Git runs in trusted folders only. */
async function findRevision(version: string, { zfsTree }: IndexStatus) {
  if (zfsTree === null || !vscode.workspace.isTrusted) {
    return null;
  }
  const folder = path.normalize(fileURLToPath(zfsTree));
  const commit = await firstCommit(folder, revisionsOf(version));
  return commit === null ? null : { folder, commit, name: version };
}

/** Not awaited by what asks: a notification may stay for hours. */
async function offer(remark: string, running: RunningSource, commit: string): Promise<void> {
  const show = 'Open Frames in the Running Version';
  if (
    (await vscode.window.showInformationMessage(withoutLinks(remark), show)) === show &&
    running.revision?.commit === commit
  ) {
    running.chosen = true;
  }
}
