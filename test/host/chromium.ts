/** The browser whose window the tests look at. */
import { existsSync } from 'node:fs';
import { installPackages } from '../support/debian.ts';
import { findProgram } from '../support/paths.ts';
import type { Progress } from '../support/progress.ts';

/**
 * The path of a Chromium: $CHROMIUM, or one on PATH, or Debian's, installed now. A missing text
 * font comes with it: without one a screenshot shows boxes.
 */
export async function ensureChromium(progress: Progress): Promise<string> {
  const named = process.env['CHROMIUM'];
  if (named) {
    if (!existsSync(named)) {
      throw new Error(`CHROMIUM names ${named}, which does not exist; correct or unset it.`);
    }
    return named;
  }
  const find = () => findProgram('chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome');
  const missing = [
    ...(find() ? [] : ['chromium']),
    ...(existsSync('/usr/share/fonts') || process.platform !== 'linux' ? [] : ['fonts-dejavu-core']),
  ];
  if (missing.length > 0) {
    await installPackages(missing, 'the window of the browser workbench', progress);
  }
  const chromium = find();
  if (!chromium) {
    throw new Error('chromium was installed but is not on PATH; set CHROMIUM to its path.');
  }
  return chromium;
}
