/** A module with addresses, for tools that read debug info rightly only where nothing is left to relocate. */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { runChecked } from '../../lab/processes.ts';
import { codeSections } from '../../symbols/tools.ts';

/** Where kernels load modules (Documentation/arch/x86/x86_64/mm.rst). */
const START = '0xffffffffa0000000';

/** Path of the module linked, each of its sections with code on its own; made beside it when it is not there. */
export async function linkedModule(file: string): Promise<string> {
  const linked = `${file}.linked`;
  if (!existsSync(linked)) {
    const script = `${file}.ld`;
    const sections = codeSections(file).map(({ name }) => `${name} : { *(${name}) }`);
    writeFileSync(script, `SECTIONS { . = ${START}; ${sections.join(' ')} }\n`);
    const draft = `${linked}.${process.pid}`;
    // What the kernel itself has is not there, and no code is run.
    await runChecked('ld', [
      ...['-o', draft, `--script=${script}`, '--unresolved-symbols=ignore-all', '--noinhibit-exec'],
      file,
    ]);
    renameSync(draft, linked);
  }
  return linked;
}
