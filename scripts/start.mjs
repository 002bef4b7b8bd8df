// The front door of the npm scripts: plain JavaScript, so that it runs before anything is installed.
// Installs the project's packages when package-lock.json says other ones than node_modules holds,
// then runs the script in TypeScript.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const entries = {
  demo: 'scripts/demo.ts',
  test: 'scripts/test.ts',
  check: 'scripts/check.ts',
  bench: 'bench/main.ts',
  prove: 'scripts/prove.ts',
  lab: 'test/lab/cli.ts',
};

const [minimumMajor, minimumMinor] = [20, 19];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < minimumMajor || (major === minimumMajor && minor < minimumMinor)) {
  console.error(
    `ZScope's scripts need Node ${minimumMajor}.${minimumMinor} or newer; this is ${process.versions.node}.`,
  );
  process.exit(1);
}

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
const stamp = path.join('node_modules', '.zscope-installed');
const installed = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
if (installed !== lock) {
  console.log('Installing the packages of package-lock.json (npm ci) ...');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status } = spawnSync(npm, ['ci', '--no-audit', '--no-fund'], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error('npm ci failed; its messages are above.');
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

const [name = '', ...rest] = process.argv.slice(2);
const entry = entries[name];
if (entry === undefined) {
  console.error(`usage: node scripts/start.mjs ${Object.keys(entries).join(' | ')} [arguments]`);
  process.exit(2);
}
// The signal of Ctrl-C goes to the whole foreground group: the child ends its work by itself, and
// this process only waits for it.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
const { status, signal } = spawnSync(process.execPath, ['--import', 'tsx', entry, ...rest], {
  stdio: 'inherit',
});
process.exit(signal ? 1 : (status ?? 1));
