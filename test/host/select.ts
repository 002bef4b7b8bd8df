/** Which VS Code runs the tests of the extension host: the desktop's, or the browser host. */

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { downloadAndUnzipVSCode, type ProgressReport, ProgressReportStage } from '@vscode/test-electron';
import { repository } from '../support/paths.ts';

/** How long the download may take to show that it can be had at all (its version resolved), ms. */
const DOWNLOAD_PATIENCE = 5000;

export interface Choice {
  /** For `runTests`. */
  readonly executable: string;
  /** What was chosen and why, one line. */
  readonly reason: string;
}

/** The stand-in that runs the tests in the browser host. */
const BROWSER = path.join(repository, 'test/host/code');

/**
 * ZSCOPE_VSCODE_HOST decides (`desktop` or `browser`); else VSCODE_EXECUTABLE, the path of a VS
 * Code; else the desktop VS Code that @vscode/test-electron downloads; and where that cannot be had
 * within seconds, or has no display to open on, the browser host.
 * @throws Error with a sentence when `desktop` is asked for and cannot be had.
 */
export async function selectVSCode(): Promise<Choice> {
  const wish = process.env['ZSCOPE_VSCODE_HOST'];
  const executable = process.env['VSCODE_EXECUTABLE'];
  if (wish !== undefined && wish !== 'desktop' && wish !== 'browser') {
    throw new Error(`ZSCOPE_VSCODE_HOST is "${wish}"; it may be desktop or browser.`);
  }
  if (wish === 'browser') {
    return { executable: BROWSER, reason: 'browser host (ZSCOPE_VSCODE_HOST)' };
  }
  if (executable) {
    return { executable, reason: `${executable} (VSCODE_EXECUTABLE)` };
  }
  const noDisplay =
    process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY'];
  if (noDisplay) {
    const remedy = 'there is no display (DISPLAY is unset; `xvfb-run -a` provides one)';
    if (wish === 'desktop') {
      throw new Error(`The desktop VS Code cannot open a window: ${remedy}.`);
    }
    return { executable: BROWSER, reason: `browser host, because ${remedy}` };
  }
  try {
    return { executable: await download(), reason: 'desktop VS Code (downloaded)' };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    if (wish === 'desktop') {
      throw new Error(
        `The desktop VS Code cannot be downloaded: ${reason}. Check the network or set VSCODE_EXECUTABLE.`,
      );
    }
    return {
      executable: BROWSER,
      reason: `browser host, because desktop VS Code cannot be downloaded (${reason})`,
    };
  }
}

/** The path of a downloaded VS Code: downloaded now, or before. */
async function download(): Promise<string> {
  let reachable = false;
  const reporter = {
    report(report: ProgressReport) {
      reachable ||= report.stage !== ProgressReportStage.FetchingVersion;
      if (report.stage === ProgressReportStage.ResolvedVersion) {
        console.log(`VS Code ${report.version}`);
      }
    },
    error() {}, // thrown as well
  };
  const downloaded = downloadAndUnzipVSCode({ version: 'stable', reporter });
  downloaded.catch(() => {}); // when patience ends first, nobody else hears of it
  const patience = new AbortController();
  const impatient = sleep(DOWNLOAD_PATIENCE, undefined, { signal: patience.signal }).then(() => {
    if (!reachable) {
      throw new Error(`no answer within ${DOWNLOAD_PATIENCE / 1000} s`);
    }
    return downloaded;
  });
  impatient.catch(() => {});
  try {
    return await Promise.race([downloaded, impatient]);
  } finally {
    patience.abort();
  }
}
