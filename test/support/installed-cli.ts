/** The command line as it is installed, in a folder of its own, and how to run it. */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import esbuild from 'esbuild';

interface Run {
  readonly stdout: string;
  readonly bytes: Buffer;
  readonly stderr: string;
  readonly status: number | null;
}

export class Installed {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'zscope-cli-'));
  readonly program = path.join(this.folder, 'dist/cli.cjs');
  /** What it finds the user's cache with. */
  readonly cache = path.join(this.folder, 'cache');

  static async make(): Promise<Installed> {
    const installed = new Installed();
    await esbuild.build({
      entryPoints: {
        cli: 'src/cli/main.ts',
        'cli-addresses': 'src/cli/addresses-command.ts',
        'cli-text': 'src/cli/text-commands.ts',
      },
      ...{ bundle: true, platform: 'node', format: 'cjs', target: 'node20', external: ['./cli-*.cjs'] },
      ...{ outdir: path.dirname(installed.program), outExtension: { '.js': '.cjs' } },
      alias: { 'web-tree-sitter': './node_modules/web-tree-sitter/web-tree-sitter.cjs' },
    });
    for (const file of ['web-tree-sitter/web-tree-sitter.wasm', 'tree-sitter-c/tree-sitter-c.wasm']) {
      copyFileSync(
        path.join('node_modules', file),
        path.join(path.dirname(installed.program), path.basename(file)),
      );
    }
    return installed;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs a command; `closeAfter` closes its output after so many bytes, as `head` does. */
  run(
    args: readonly string[],
    input: string | Buffer = '',
    closeAfter = Number.POSITIVE_INFINITY,
  ): Promise<Run> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [this.program, ...args], {
        env: { ...process.env, XDG_CACHE_HOME: this.cache },
      });
      const pieces: Buffer[] = [];
      let length = 0;
      let stderr = '';
      child.stdout.on('data', (piece: Buffer) => {
        pieces.push(piece);
        length += piece.length;
        if (length > closeAfter) {
          child.stdout.destroy();
        }
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      child.on('error', reject);
      child.on('close', (status) => {
        const bytes = Buffer.concat(pieces);
        resolve({ stdout: bytes.toString(), bytes, stderr, status });
      });
      child.stdin.on('error', () => {}).end(input);
    });
  }
}
