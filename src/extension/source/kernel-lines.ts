import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import { kernelDebugPackage } from '../../core/symbols/kernel-package.ts';
import type { TargetService } from '../targets/target-service.ts';
import type { PlaceService } from './place-service.ts';

/**
 * Reads the debug info of the connected target's kernel, so that frames of the kernel are at their lines too.
 * @throws Failure when there is none to be had, with what to do.
 */
export async function readKernelLines(
  targets: Pick<TargetService, 'connection'>,
  places: Pick<PlaceService, 'learnKernel'>,
): Promise<void> {
  const { connection } = targets;
  if (connection === null) {
    throw new Failure('bad-request', 'No target is connected.', 'Connect to one, then read its kernel.');
  }
  if (!(await places.learnKernel(connection))) {
    const { kernelRelease } = connection.facts;
    const name = kernelDebugPackage(kernelRelease);
    throw new Failure(
      'unsupported',
      `The debug info of the kernel ${kernelRelease} is neither on the target nor at a debuginfod server.`,
      `${
        name === null ? "Install the kernel's debug package on the target" : `Install ${name} on the target`
      }, set DEBUGINFOD_URLS, or open the folder that has its vmlinux; Show Log says what was tried.`,
    );
  }
  vscode.window.setStatusBarMessage('Frames of the kernel are at their lines now', 5000);
}
