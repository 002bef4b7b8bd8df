import * as vscode from 'vscode';
import {
  type InstalledTools,
  NO_TOOLS,
  TOOLS,
  TRACE_TOOLS,
  type TraceTool,
} from '../../core/tracers/tools.ts';
import { btfFunctions } from '../../target/collectors/btf-functions.ts';
import { installedTools } from '../../target/collectors/installed-tools.ts';
import type { Connection } from '../../target/connection.ts';
import { tracerOf } from '../../target/tool-tracers.ts';
import { ftrace, type Tracer } from '../../target/tracer.ts';
import { AskedOnce } from '../targets/asked-once.ts';
import { setting } from '../vscode-table.ts';

/** Which tool traces: the one that the setting names, as the target has it. */
export class TracerChoice {
  readonly #installed = new AskedOnce((connection) => connection.run(installedTools, null));

  readonly #btf = new AskedOnce((connection) => connection.run(btfFunctions, null));

  /** What of the tools a target has. @throws Failure */
  installed(connection: Connection): Promise<InstalledTools> {
    return this.#installed.of(connection);
  }

  /** @throws Failure `not-traceable` when the tool is not installed there, with the package that has it */
  async tracer(connection: Connection): Promise<Tracer> {
    const tool = setting('zscope.trace.tool');
    if (tool === 'ftrace') {
      return ftrace;
    }
    const installed = this.installed(connection);
    // Without it bpftrace attaches as it does where there is none.
    const btf = tool === 'bpftrace' ? this.#btf.of(connection).catch(() => undefined) : undefined;
    return tracerOf(tool, await installed, await btf);
  }

  /**
   * Asks which tool traces from now on.
   * @param connection of the target whose tools are shown; null for none
   * @throws vscode.CancellationError
   */
  async choose(connection: Connection | null): Promise<void> {
    const item = await this.#pick(connection);
    const value = item.tool === 'ftrace' ? undefined : item.tool;
    await vscode.workspace
      .getConfiguration()
      .update('zscope.trace.tool', value, vscode.ConfigurationTarget.Global);
  }

  /** The tools are there to be chosen at once; what a target has of them is said when it has answered. */
  #pick(connection: Connection | null): Promise<ToolItem> {
    const pick = vscode.window.createQuickPick<ToolItem>();
    pick.title = 'Trace by which tool?';
    pick.placeholder = 'For all traces that begin from now on (zscope.trace.tool)';
    // The first answer of a slow target takes seconds, in which a click elsewhere must not close the list.
    pick.ignoreFocusOut = connection !== null;
    pick.items = toolItems(null);
    return new Promise((resolve, reject) => {
      pick.onDidAccept(() => {
        const [item] = pick.selectedItems;
        if (item !== undefined) {
          resolve(item);
          pick.hide();
        }
      });
      pick.onDidHide(() => {
        reject(new vscode.CancellationError());
        pick.dispose();
      });
      pick.show();
      if (connection !== null) {
        pick.busy = true;
        this.installed(connection).then(
          (installed) => {
            const active = pick.activeItems[0]?.tool;
            pick.items = toolItems(installed);
            pick.activeItems = pick.items.filter(({ tool }) => tool === active);
            pick.busy = false;
          },
          (error: unknown) => {
            // Without versions a tool would be chosen that may not be there.
            reject(error);
            pick.hide();
          },
        );
      }
    });
  }
}

interface ToolItem extends vscode.QuickPickItem {
  readonly tool: TraceTool;
}

/** @param installed null when it is not known */
function toolItems(installed: InstalledTools | null): ToolItem[] {
  const now = setting('zscope.trace.tool');
  return TRACE_TOOLS.map((tool) => ({
    tool,
    label: `${tool === now ? '$(check) ' : ''}${tool === 'ftrace' ? 'ftrace' : TOOLS[tool].label}`,
    description: versionText(tool, installed),
    detail: aboutText(tool, installed),
  }));
}

function versionText(tool: TraceTool, installed: InstalledTools | null): string {
  if (tool === 'ftrace') {
    return 'in the kernel';
  }
  const version = (installed ?? NO_TOOLS)[tool];
  return installed === null ? '' : version === null ? 'not installed' : version;
}

function aboutText(tool: TraceTool, installed: InstalledTools | null): string {
  if (tool === 'ftrace') {
    return 'nothing to install, starts at once';
  }
  const isMissing = installed !== null && installed[tool] === null;
  return isMissing ? `Install ${TOOLS[tool].packages} on the target.` : TOOLS[tool].about;
}
