/** A profile of its own for a VS Code: user settings, extension state and installed extensions, in one folder. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export type Settings = Readonly<Record<string, unknown>>;

/**
 * Settings that keep a window still: nothing opens by itself, takes the focus, or asks the network.
 * `useModal` is off because the editors that 1.139 opens as modals swallow F1.
 */
const QUIET: Settings = {
  'chat.disableAIFeatures': true,
  'editor.minimap.enabled': false,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'git.openRepositoryInParentFolders': 'never',
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'update.showReleaseNotes': false,
  'window.restoreWindows': 'none',
  'workbench.editor.useModal': 'off',
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
};

export interface Profile {
  readonly folder: string;
  /** `--user-data-dir`; has `User/settings.json` and `logs/`. */
  readonly userData: string;
  /** `--extensions-dir`. */
  readonly extensions: string;
}

/**
 * Makes (or completes) a profile in `folder` and writes its user settings: the quiet ones and, over
 * them, `settings`. Extensions already installed there and their state are kept.
 */
export function makeProfile(folder: string, settings: Settings = {}): Profile {
  const profile = {
    folder,
    userData: path.join(folder, 'data'),
    extensions: path.join(folder, 'extensions'),
  };
  mkdirSync(path.join(profile.userData, 'User'), { recursive: true });
  mkdirSync(profile.extensions, { recursive: true });
  const file = path.join(profile.userData, 'User', 'settings.json');
  writeFileSync(file, `${JSON.stringify({ ...QUIET, ...settings }, undefined, 2)}\n`);
  return profile;
}

/** A new profile in the system's temporary folder, removed by `remove` or when this process exits. */
export function makeTemporaryProfile(settings: Settings = {}): Profile & { remove(): void } {
  // A short name: the server makes Unix sockets below it, whose path may have 107 bytes.
  const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-'));
  const remove = () => {
    process.off('exit', remove);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  process.on('exit', remove);
  return { ...makeProfile(folder, settings), remove };
}
