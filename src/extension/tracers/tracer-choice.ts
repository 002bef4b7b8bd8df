import * as vscode from 'vscode';
import {
  type InstalledTools,
  NO_TOOLS,
  TOOLS,
  TRACE_TOOLS,
  type TraceTool,
} from '../../core/tracers/tools.ts';
import { installedTools } from '../../target/collectors/installed-tools.ts';
import type { Connection } from '../../target/connection.ts';
import { tracerOf } from '../../target/tool-tracers.ts';
import { ftrace, type Tracer } from '../../target/tracer.ts';
import { AskedOnce } from '../targets/asked-once.ts';
import { setting } from '../vscode-table.ts';

/** Which tool traces: the one that the setting names, as the target has it. */
export class TracerChoice {
  readonly #installed = new AskedOnce((connection) => connection.run(installedTools, null));

  /** What of the tools a target has. @throws Failure */
  installed(connection: Connection): Promise<InstalledTools> {
    return this.#installed.of(connection);
  }

  /** @throws Failure `not-traceable` when the tool is not installed there, with the package that has it */
  async tracer(connection: Connection): Promise<Tracer> {
    const tool = setting('zscope.trace.tool');
    return tool === 'ftrace' ? ftrace : tracerOf(tool, await this.installed(connection));
  }

  /**
   * Asks which tool traces from now on.
   * @param connection of the target whose tools are shown; null for none
   * @throws vscode.CancellationError
   */
  async choose(connection: Connection | null): Promise<void> {
    const asked = connection === null ? Promise.resolve(null) : this.installed(connection);
    const now = setting('zscope.trace.tool');
    const items = asked.then((installed) =>
      TRACE_TOOLS.map((tool) => ({
        tool,
        label: `${tool === now ? '$(check) ' : ''}${tool === 'ftrace' ? 'ftrace' : TOOLS[tool].label}`,
        description: versionText(tool, installed),
        detail: aboutText(tool, installed),
      })),
    );
    const item = await vscode.window.showQuickPick(items, {
      title: 'Trace by which tool?',
      placeHolder: 'For all traces that begin from now on (zscope.trace.tool)',
    });
    if (item === undefined) {
      throw new vscode.CancellationError();
    }
    const value = item.tool === 'ftrace' ? undefined : item.tool;
    await vscode.workspace
      .getConfiguration()
      .update('zscope.trace.tool', value, vscode.ConfigurationTarget.Global);
  }
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
