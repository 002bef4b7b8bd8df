// Fails when an import points the wrong way. Follows imports transitively through every file of
// src, so a helper file cannot smuggle `vscode` into `core` or node into a webview.
import { readdir, readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';

interface Layer {
  /** Folders of src that it may import from, beside itself. Type-only imports count too. */
  readonly uses: readonly string[];
  /** Packages it may reach, directly or through what it imports. `node:` stands for all of node. */
  readonly packages: readonly string[];
}

const layers: Readonly<Record<string, Layer>> = {
  core: { uses: [], packages: [] },
  protocol: { uses: ['core'], packages: [] },
  target: { uses: ['core'], packages: ['node:', 'ssh2'] },
  server: {
    uses: ['core', 'protocol'],
    packages: [
      'node:',
      'vscode-languageserver',
      'vscode-languageserver-textdocument',
      'web-tree-sitter',
      'xz-decompress',
      'fzstd',
    ],
  },
  cli: {
    uses: ['core', 'protocol', 'server'],
    packages: ['node:', 'web-tree-sitter', 'xz-decompress', 'fzstd'],
  },
  webview: {
    uses: ['core', 'protocol'],
    packages: ['lit', '@vscode-elements/elements', '@tanstack/virtual-core'],
  },
  extension: {
    uses: ['core', 'protocol', 'target'],
    packages: ['node:', 'vscode', 'vscode-languageclient', 'ssh2'],
  },
};

/** What a file imports: specifiers of static, side-effect, re-export, dynamic and require imports. */
export function importsOf(source: string): string[] {
  const withoutComments = source.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/[^\n]*/g, '$1');
  const found = withoutComments.matchAll(
    /\b(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*['"]([^'"]+)['"]|\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:') || builtinModules.includes(specifier)) {
    return 'node:';
  }
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
}

async function sourceFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

const layerOf = (file: string) => path.relative('src', file).split(path.sep)[0] ?? '';

async function check(): Promise<string[]> {
  const files = await sourceFiles('src');
  const imports = new Map<string, string[]>();
  for (const file of files) {
    imports.set(file, importsOf(await readFile(file, 'utf8')));
  }
  const problems: string[] = [];
  for (const file of files) {
    const name = layerOf(file);
    const layer = layers[name];
    if (layer === undefined) {
      problems.push(`${file}: src/${name} is no layer; say in scripts/check-layers.ts what it may use`);
      continue;
    }
    const seen = new Set([file]);
    const open: { file: string; trail: string }[] = [{ file, trail: file }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const specifier of imports.get(next.file) ?? []) {
        const trail = `${next.trail} -> ${specifier}`;
        if (!specifier.startsWith('.')) {
          if (!layer.packages.includes(packageOf(specifier))) {
            problems.push(`${trail}: ${name} may not reach ${packageOf(specifier)}`);
          }
          continue;
        }
        const to = path.join(path.dirname(next.file), specifier);
        // Bundles of our own that are loaded at run time have no source file of that name.
        if (specifier.endsWith('.cjs')) {
          continue;
        }
        if (!imports.has(to)) {
          problems.push(`${trail}: no such file`);
          continue;
        }
        const toLayer = layerOf(to);
        if (toLayer !== name && !layer.uses.includes(toLayer)) {
          problems.push(`${trail}: ${name} may not use ${toLayer}`);
        }
        if (!seen.has(to)) {
          seen.add(to);
          open.push({ file: to, trail: `${next.trail} -> ${path.relative('src', to)}` });
        }
      }
    }
  }
  return problems;
}

if (process.argv[1]?.endsWith('check-layers.ts')) {
  const problems = await check();
  for (const problem of new Set(problems)) {
    console.error(problem);
  }
  if (problems.length > 0) {
    process.exitCode = 1;
  }
}
