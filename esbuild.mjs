// Makes the bundles in dist/. `--watch` rebuilds on change, `--production` minifies.
// The extension's own bundle stays small, since every window that wakes it waits for that: what it does not
// need to begin with is in bundles of their own (`lazy`).
import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
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
  metafile: true,
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

// The package's other form asks import.meta, which a CommonJS bundle does not have.
const parserForCommonJs = { 'web-tree-sitter': './node_modules/web-tree-sitter/web-tree-sitter.cjs' };

/**
 * Parts of the extension that it loads when they are first needed, with `require('./NAME.cjs')`: by name of the
 * bundle, the file that exports what it holds.
 */
const lazy = {
  target: 'src/target/index.ts',
  tracing: 'src/extension/tracing/index.ts',
  'language-client': 'src/extension/language-client.ts',
  'frame-finder': 'src/core/stack/text/finder.ts',
};

/** @type {esbuild.BuildOptions} */
const extension = {
  ...node,
  outdir: 'dist',
  external: [...(node.external ?? []), ...Object.keys(lazy).map((name) => `./${name}.cjs`)],
};

/** @type {esbuild.BuildOptions[]} */
const bundles = [
  { ...extension, entryPoints: { extension: 'src/extension/extension.ts' } },
  ...Object.entries(lazy).map(([name, file]) => ({ ...extension, entryPoints: { [name]: file } })),
  { ...node, entryPoints: { server: 'src/server/main.ts' }, outdir: 'dist', alias: parserForCommonJs },
  {
    ...node,
    entryPoints: { cli: 'src/cli/main.ts' },
    outdir: 'dist',
    external: [...(node.external ?? []), './cli-addresses.cjs', './cli-text.cjs'],
  },
  { ...node, entryPoints: { 'cli-addresses': 'src/cli/addresses-command.ts' }, outdir: 'dist' },
  {
    ...node,
    entryPoints: { 'cli-text': 'src/cli/text-commands.ts' },
    outdir: 'dist',
    alias: parserForCommonJs,
  },
  { ...node, entryPoints: { 'unpack-worker': 'src/server/modules/unpack-worker.ts' }, outdir: 'dist' },
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

// The C parser of the server and of the command line, which load it when they first need it.
await copyFile('node_modules/web-tree-sitter/web-tree-sitter.wasm', 'dist/web-tree-sitter.wasm');
await copyFile('node_modules/tree-sitter-c/tree-sitter-c.wasm', 'dist/tree-sitter-c.wasm');

if (watch) {
  for (const options of bundles) {
    const context = await esbuild.context({ ...options, logLevel: 'info' });
    await context.watch();
  }
} else {
  const built = await Promise.all(bundles.map((options) => esbuild.build(options)));
  await chmod('dist/cli.cjs', 0o755);
  await writeNotices(built.flatMap(({ metafile }) => Object.keys(metafile?.inputs ?? {})));
}

/**
 * Writes the licences of all packages that went into the bundles, as these ask for.
 * @param {string[]} inputs files that went into a bundle
 */
async function writeNotices(inputs) {
  const folders = new Set(['node_modules/@vscode/codicons', 'node_modules/tree-sitter-c']);
  for (const input of inputs) {
    const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (folder) {
      folders.add(folder);
    }
  }
  const notices = [];
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
    const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
    const texts = await Promise.all(files.map((file) => readFile(`${folder}/${file}`, 'utf8')));
    notices.push([`${name} ${version} (${license ?? 'see below'})`, ...texts].join('\n\n'));
  }
  await writeFile('dist/THIRD-PARTY-NOTICES.txt', `${notices.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`);
}
