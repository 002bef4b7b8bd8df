/**
 * One start of the function index in a process of its own, as the server has it: prints how long it
 * took until the index answered, in ms. Arguments: the source folder, and where the index is kept on
 * disk, if it is.
 */
import { WorkspaceIndex } from '../src/server/workspace-index.ts';

async function main(): Promise<void> {
  const [source = '', store] = process.argv.slice(2);
  const started = performance.now();
  const index = new WorkspaceIndex();
  index.store = store === undefined ? null : { folder: store, build: 'bench' };
  index.setFolders([source]);
  await index.settled();
  const found = index.functions.definitions('zil_commit').length;
  const ms = performance.now() - started;
  if (found === 0) {
    throw new Error('zil_commit is not in the index');
  }
  await index.save();
  const { functionCount, fileCount } = index.functions;
  process.stdout.write(JSON.stringify({ ms, functionCount, fileCount }));
}

void main();
