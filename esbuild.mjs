// Makes the bundles in dist/. `--watch` rebuilds on change, `--production` minifies.
// The extension's own bundle stays small: the ssh library and the language client are bundles
// of their own, loaded when they are first needed.
import { copyFile, mkdir, rm } from 'node:fs/promises';
import esbuild from 'esbuild';

const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');

/** @type {esbuild.BuildOptions} */
const common = {
  bundle: true,
  minify: production,
  sourcemap: production ? false : 'linked',
  logLevel: 'warning',
  legalComments: 'none',
};

/** @type {esbuild.BuildOptions} */
const node = {
  ...common,
  platform: 'node',
  format: 'cjs',
  // The package is of type "module"; VS Code loads CommonJS from .cjs files.
  outExtension: { '.js': '.cjs' },
  target: 'node20',
  // ssh2 tries these native add-ons and does without them.
  external: ['vscode', 'cpu-features', './crypto/build/Release/sshcrypto.node'],
};

/** @type {esbuild.BuildOptions[]} */
const bundles = [
  {
    ...node,
    entryPoints: { extension: 'src/extension/extension.ts' },
    outdir: 'dist',
    // Loaded at run time, when first needed, from their own bundles beside this one.
    external: [...(node.external ?? []), './target.cjs', './language-client.cjs'],
  },
  { ...node, entryPoints: { target: 'src/target/index.ts' }, outdir: 'dist' },
  { ...node, entryPoints: { 'language-client': 'src/extension/language-client.ts' }, outdir: 'dist' },
  { ...node, entryPoints: { server: 'src/server/main.ts' }, outdir: 'dist' },
  {
    ...common,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    tsconfig: 'src/webview/tsconfig.json',
    entryPoints: { dbgmsg: 'src/webview/dbgmsg.ts', trace: 'src/webview/trace.ts' },
    outdir: 'dist/webview',
  },
];

await rm('dist', { recursive: true, force: true });
await mkdir('dist/webview', { recursive: true });
for (const file of ['codicon.css', 'codicon.ttf']) {
  await copyFile(`node_modules/@vscode/codicons/dist/${file}`, `dist/webview/${file}`);
}

if (watch) {
  for (const options of bundles) {
    const context = await esbuild.context({ ...options, logLevel: 'info' });
    await context.watch();
  }
} else {
  await Promise.all(bundles.map((options) => esbuild.build(options)));
}
