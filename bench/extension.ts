/** What the extension weighs, and how long VS Code waits for it. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { type Activation, measureActivation } from '../test/host/activation.ts';
import { repository } from '../test/support/paths.ts';
import { above, type Figure, kilobytes, median, spread } from './report.ts';

const WINDOWS = 7;

/** Sizes of the bundles that packing has just made. */
export function benchBundles(): Figure[] {
  const size = (file: string) => statSync(path.join(repository, 'dist', file)).size;
  const others = [
    'target.cjs',
    'tracing.cjs',
    'language-client.cjs',
    'frame-finder.cjs',
    'server.cjs',
    'webview/dbgmsg.js',
    'webview/trace.js',
  ];
  return [
    {
      what: 'bundle of the extension alone, minified',
      measured: kilobytes(size('extension.cjs')),
      peer: '',
      goal: 'at most 500 KB',
      missedBy: above(size('extension.cjs'), 500_000),
    },
    {
      what: 'bundles that are loaded when first needed',
      measured: others.map((file) => `${file} ${kilobytes(size(file))}`).join(', '),
      peer: '',
      goal: '',
      missedBy: null,
    },
  ];
}

export async function benchActivation(vsix: string, folder: string): Promise<Figure[]> {
  const figures = await measureActivation({
    vsix,
    extension: 'zscope.zscope',
    activity: 'ZScope',
    folder,
    windows: WINDOWS,
  });
  const of = (part: keyof Activation) => figures.map((figure) => figure[part]);
  return [
    {
      what: `activation of the extension, as VS Code measures it (min / median / max of ${WINDOWS} windows)`,
      measured: `${spread(of('total'))} (loading the bundle ${spread(of('load'))})`,
      peer: '',
      goal: 'at most 50 ms',
      missedBy: above(median(of('total')), 50),
    },
  ];
}
