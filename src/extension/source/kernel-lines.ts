import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import { kernelDebugPackage } from '../../core/symbols/kernel-package.ts';
import { inert } from '../../core/text/inert.ts';
import type { HungTasksView } from '../hung-tasks/hung-tasks-view.ts';
import type { TargetService } from '../targets/target-service.ts';
import type { PlaceService } from './place-service.ts';

/**
 * Reads the debug info of the connected target's kernel, so that frames of the kernel are at their lines too.
 * @throws Failure when there is none to be had, with what to do.
 */
export async function readKernelLines(
  targets: Pick<TargetService, 'connection'>,
  places: Pick<PlaceService, 'learnKernel'>,
  view: Pick<HungTasksView, 'placesChanged'>,
): Promise<void> {
  const { connection } = targets;
  if (connection === null) {
    throw new Failure('bad-request', 'No target is connected.', 'Connect to one, then read its kernel.');
  }
  const title = 'Reading the debug info of the kernel';
  const { ready, remark, again } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title },
    () => places.learnKernel(connection),
  );
  if (!ready && again && remark !== '') {
    // What broke off says itself what to do.
    throw new Failure('lost', remark);
  }
  if (!ready) {
    const { kernelRelease } = connection.facts;
    const name = kernelDebugPackage(kernelRelease);
    const install = name === null ? "the kernel's debug package" : name;
    throw new Failure(
      'unsupported',
      remark === ''
        ? `The debug info of the kernel ${inert(kernelRelease, 128)} is neither on the target nor at a debuginfod server.`
        : remark,
      `Install ${install} on the target, set DEBUGINFOD_URLS, or open the folder that has its vmlinux; Show Log says what was tried.`,
    );
  }
  view.placesChanged();
  vscode.window.setStatusBarMessage('Frames of the kernel are at their lines now', 5000);
}
