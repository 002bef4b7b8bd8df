/** Steps of a walk that go through a trace's questions: what to find out, which calls, what to do when there are too many. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import * as lab from '../lab/lab.ts';
import { type Workbench, waitFor } from './driver.ts';

/** A function that `stat` of a file calls, where it is defined, and one that calls it. */
const FUNCTION = 'zfs_getattr_fast';
const FILE = 'module/os/linux/zfs/zfs_vnops_os.c';
const CALLER = 'zpl_getattr';

/** `zscope.trace.maxRate` of the walk, calls a second: above what waits between calls, below what does not. */
export const MAX_RATE = 40;

/** What the steps find: a window that is connected to the lab, whose pool does not hang, and `stat` at work on it. */
export interface TraceSteps {
  readonly workbench: Workbench;
  readonly vm: lab.LabInfo;
  /** On that pool, in the VM. */
  readonly folder: string;
}

/** Opens a file of the source with the cursor on a function's definition. */
export async function goToFunction(
  { workbench, vm }: Pick<TraceSteps, 'workbench' | 'vm'>,
  file: string,
  name: string,
): Promise<void> {
  const lines = readFileSync(path.join(vm.sourceDir, file), 'utf8').split('\n');
  const line = lines.findIndex((text) => text.startsWith(`${name}(`)) + 1;
  expect(line).toBeGreaterThan(1);
  await workbench.quickInput.openFile(file);
  await workbench.editor.goToLine(line);
}

/** @param walk what there is once the tests run */
export function traceSteps(walk: () => TraceSteps): void {
  const onFunction = async (command: string) => {
    await goToFunction(walk(), FILE, FUNCTION);
    await walk().workbench.runCommand(command);
  };

  it('asks what to find out and which calls are meant', async () => {
    const { workbench } = walk();
    const { quickInput } = workbench;
    await onFunction('ZScope: Trace This Function With...');
    await quickInput.waitFor(`Trace ${FUNCTION} with what?`);
    await quickInput.pick('Returns');
    await quickInput.waitFor('only calls with');
    await quickInput.fill('comm == "stat" && ret == 0');
    const view = await workbench.webview(`Trace ${FUNCTION}`);
    await view.getByText('Only calls with comm == "stat" && ret == 0.').waitFor();
    await view.locator('[role=row]', { hasText: 'stat' }).first().waitFor();
    await workbench.screenshot('trace-with');
  });

  it('lets a caller join the trace that runs', async () => {
    const { workbench } = walk();
    const { quickInput } = workbench;
    await workbench.runCommand('ZScope: Trace Function by Name...');
    await quickInput.waitFor('Trace which function?');
    await quickInput.fill(CALLER);
    await quickInput.waitFor(`Trace ${CALLER} with what?`);
    await quickInput.pick(`Add to the Running Trace of ${FUNCTION}`);
    await quickInput.waitFor('only calls with');
    await quickInput.fill('comm == "stat"');
    const view = await workbench.webview(`Trace ${FUNCTION}`);
    await view.getByText(`Only calls of ${CALLER} with comm == "stat".`).waitFor();
    for (const symbol of [CALLER, FUNCTION]) {
      await view.getByRole('row').filter({ hasText: symbol }).first().waitFor();
    }
    await workbench.screenshot('joined');
    await view.getByRole('button', { name: 'Stop' }).click();
    await view.getByText('nothing is left on the target').waitFor();
  });

  it('asks when there are too many calls, and only counts them then', async () => {
    const { workbench, folder } = walk();
    await lab.execChecked(
      `touch /run/hot
      (while [ -e /run/hot ]; do
        i=0; while [ $i -lt 100 ]; do [ -e ${folder} ]; i=$((i + 1)); done; sleep 0.2
      done) </dev/null >/dev/null 2>&1 &`,
    );
    try {
      await onFunction('ZScope: Trace This Function');
      const text = await workbench.dialog.text();
      const [, rate = '0'] =
        new RegExp(`^${FUNCTION} had ([\\d,]+) calls a second on zscope-lab`).exec(text) ?? [];
      expect(Number(rate.replaceAll(',', ''))).toBeGreaterThan(MAX_RATE);
      await workbench.screenshot('hot');
      await workbench.dialog.press('Count Only');
      const view = await workbench.webview(`Trace ${FUNCTION}`);
      await view
        .getByRole('option', { name: /^\w+ pid \d+: [\d,]+ calls, / })
        .first()
        .waitFor();
      await workbench.screenshot('counted');
      await view.getByRole('button', { name: 'Stop' }).click();
      await view.getByText('nothing is left on the target').waitFor();
    } finally {
      await lab.execChecked('rm -f /run/hot');
    }
  });

  it('compares two of the sessions that were kept', async () => {
    const { workbench } = walk();
    await workbench.openActivity('ZScope');
    const sessions = workbench.tree('Trace Sessions');
    await sessions.unfold();
    await sessions.row(`${FUNCTION} (returns)`).waitFor();
    await sessions.rowMenu(`${FUNCTION} (returns)`, 'Compare Trace Sessions...');
    await workbench.quickInput.waitFor('Compare it with');
    await workbench.quickInput.pick(`${FUNCTION} (count)`);
    // The table of both, and before it what only one of them has.
    const text = await waitFor('the comparison', async () => {
      const shown = await workbench.editor.text();
      return /^function +calls +p50/m.test(shown) ? shown : undefined;
    });
    expect(text.split('\n')[0]).toMatch(new RegExp(`^(?:${FUNCTION}|${CALLER}) `));
    await workbench.screenshot('compared');
  });
}
