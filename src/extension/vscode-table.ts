/** Typed access to what ids.ts names: commands, settings and context keys. */
import * as vscode from 'vscode';
import type { FailureFunnel } from './failures.ts';
import {
  type CommandArguments,
  type CommandId,
  type ContextKey,
  type ContextKeys,
  contextKeys,
  type SettingId,
  type SettingTypes,
  settingDefaults,
  settingMaxima,
} from './ids.ts';

type Handler<Id extends CommandId> = (...args: CommandArguments[Id]) => Promise<void> | void;

/** Registers a command; what it throws goes through the funnel. */
export function registerCommand<Id extends CommandId>(
  id: Id,
  doing: string,
  funnel: FailureFunnel,
  handler: Handler<Id>,
): vscode.Disposable {
  return vscode.commands.registerCommand(id, async (...args: CommandArguments[Id]) => {
    try {
      await handler(...args);
    } catch (error) {
      funnel.report(error, doing);
    }
  });
}

/** A command for a tree row or a status bar item. */
export function commandLink<Id extends CommandId>(
  id: Id,
  title: string,
  ...args: CommandArguments[Id]
): vscode.Command {
  return { command: id, title, arguments: args };
}

/** Settings that decide where a connection goes and what it may do are the user's alone: a workspace's value is ignored. */
const userOnly: ReadonlySet<SettingId> = new Set<SettingId>([
  'zscope.ssh.configFiles',
  'zscope.serialConsoles',
  'zscope.trace.askFirst',
  'zscope.trace.tool',
  'zscope.trace.maxEvents',
  'zscope.trace.maxSeconds',
  'zscope.trace.maxRate',
  'zscope.trace.stacks',
]);

export function setting<Id extends SettingId>(id: Id): SettingTypes[Id] {
  const configuration = vscode.workspace.getConfiguration();
  const value = userOnly.has(id) ? configuration.inspect(id)?.globalValue : configuration.get(id);
  const kept = isLike(settingDefaults[id], value) ? value : settingDefaults[id];
  const most = settingMaxima[id];
  // Only numbers have one: what is clamped is of the type that it was.
  return typeof kept === 'number' && most !== undefined ? (Math.min(kept, most) as SettingTypes[Id]) : kept;
}

/** VS Code underlines a setting of a wrong type in settings.json, and hands it out all the same. */
function isLike<T>(example: T, value: unknown): value is T {
  if (Array.isArray(example)) {
    return Array.isArray(value) && value.every((item) => typeof item === 'string');
  }
  // All numbers among the settings have 1 for their minimum.
  return (
    typeof value === typeof example &&
    value !== null &&
    !Array.isArray(value) &&
    (typeof value !== 'number' || value >= 1)
  );
}

/** Context keys as last set; setting one to the value it has does nothing. */
export class Context {
  readonly #values: ContextKeys = { ...contextKeys };

  get<Key extends ContextKey>(key: Key): ContextKeys[Key] {
    return this.#values[key];
  }

  set<Key extends ContextKey>(key: Key, value: ContextKeys[Key]): void {
    if (this.#values[key] !== value) {
      this.#values[key] = value;
      void vscode.commands.executeCommand('setContext', key, value);
    }
  }
}
