/** Where the lab keeps what it makes: never in the repository. */
import { join } from 'node:path';
import { cacheFolder } from '../support/paths.ts';

const labDir = join(cacheFolder(), 'lab');
/** One folder a recipe hash: `<hash>/rootfs.tar`. */
export const rootfsDir = join(labDir, 'rootfs');
/** One folder a recipe hash: disk, kernel, initrd, keys, ZFS source and module. */
export const imagesDir = join(labDir, 'images');
/** What belongs to the one VM: overlay, pool disk, console log, ssh configuration. */
export const stateDir = join(labDir, 'state');
export const lockFile = join(labDir, 'lock');
