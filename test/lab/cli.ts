/** `npm run lab -- COMMAND`: the test VM from the command line. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { elapsedProgress } from '../support/progress.ts';
import * as lab from './lab.ts';
import { imagesDir, stateDir } from './paths.ts';

const usage = `usage: npm run lab -- COMMAND

  up               build the VM if need be, boot it, wait until it can be used
  down             end it
  status           say whether it runs and how to reach it
  ssh [-u USER] [COMMAND...]
                   a shell in it, or one command; USER is root, dev (sudo) or plain
  hang             take the disk of its pool away: four tasks hang
  resume           give the disk back
  reset            new disks, then up: whatever was done in it is gone
  console          follow what it prints on its serial line
`;

const progress = elapsedProgress();

async function main([command, ...args]: readonly string[]): Promise<number> {
  switch (command) {
    case 'up':
      printInfo(await lab.ensureUp(progress));
      return 0;
    case 'down':
      await lab.down(progress);
      return 0;
    case 'status':
      return status();
    case 'ssh':
      return ssh(args);
    case 'hang': {
      const tasks = await lab.hang(progress);
      console.log(`${tasks.length} tasks wait for the disk of the pool tank:`);
      for (const { pid, comm } of tasks) console.log(`  ${String(pid).padStart(7)}  ${comm}`);
      console.log('Give it back with: npm run lab -- resume');
      return 0;
    }
    case 'resume':
      await lab.resume(progress);
      console.log('The disk is back; nothing waits for it any more.');
      return 0;
    case 'reset':
      printInfo(await lab.reset(progress));
      return 0;
    case 'console':
      return follow((await lab.requireUp()).consoleLog);
    default:
      process.stderr.write(usage);
      return 2;
  }
}

async function status(): Promise<number> {
  const info = await lab.info();
  if (info === undefined) {
    const image = existsSync(imagesDir) ? `images in ${imagesDir}` : 'no image built yet';
    console.log(`The VM is not running (${image}).`);
    return 3;
  }
  printInfo(info);
  const hung = await lab.isHung();
  console.log(`pool      ${hung ? 'hangs (its disk is suspended)' : 'not hung'}`);
  return 0;
}

function printInfo(info: lab.LabInfo): void {
  const { image } = info;
  const minutes = Math.round((Date.now() - info.startedAt.getTime()) / 60_000);
  console.log(`VM        running for ${minutes} min (${info.accelerator}), ssh on port ${info.port}`);
  console.log(`kernel    ${image.kernelRelease}, ZFS ${image.zfsVersion}`);
  console.log(`reach it  ssh -F ${info.sshConfig} ${Object.values(lab.hostAliases).join(' | ')}`);
  console.log(`source    ${info.sourceDir}`);
  console.log(`module    ${info.moduleFile}`);
  console.log(`state     ${stateDir}`);
}

function ssh(args: readonly string[]): Promise<number> {
  if (args[0] !== '-u') return lab.ssh('root', args);
  const user = args[1];
  if (user !== 'root' && user !== 'dev' && user !== 'plain') {
    throw new lab.LabError('-u takes root, dev or plain.');
  }
  return lab.ssh(user, args.slice(2));
}

function follow(file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('tail', ['-n', '+1', '-f', file], { stdio: 'inherit' });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 0));
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(
    `${error instanceof lab.LabError ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exitCode = 1;
}
