import os from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import { inert } from '../core/text/inert.ts';
import type { ActivityDocument } from './activity/activity-document.ts';
import type { DbgmsgView } from './dbgmsg/dbgmsg-view.ts';
import type { ErrorsView } from './errors/errors-view.ts';
import type { FailureFunnel } from './failures.ts';
import type { HungTasksView } from './hung-tasks/hung-tasks-view.ts';
import { stackText } from './hung-tasks/labels.ts';
import type { TaskNode } from './hung-tasks/task-nodes.ts';
import type { CommandArguments, CommandId } from './ids.ts';
import { readKernelLines } from './source/kernel-lines.ts';
import type { LazyServer } from './source/lazy-server.ts';
import type { FrameOpener } from './source/open-frame.ts';
import type { PlaceService } from './source/place-service.ts';
import type { RunningSource } from './source/running-source.ts';
import { pasteStackText } from './stack-text/paste.ts';
import type { StackCommands } from './stack-text/stack-commands.ts';
import type { RootAccess } from './targets/become-root.ts';
import { connectTo, pickHost } from './targets/connect.ts';
import type { LastLines } from './targets/last-lines.ts';
import { replaceKeyOf } from './targets/replace-key.ts';
import type { TargetNode } from './targets/target-nodes.ts';
import type { TargetService } from './targets/target-service.ts';
import type { TargetsView } from './targets/targets-view.ts';
import type { LazyTracing } from './tracing/lazy-tracing.ts';
import { type Context, registerCommand } from './vscode-table.ts';

interface Services {
  readonly targets: TargetService;
  readonly targetsView: TargetsView;
  readonly root: RootAccess;
  readonly activity: ActivityDocument;
  readonly lastLines: LastLines;
  readonly hungTasks: HungTasksView;
  readonly tracing: LazyTracing;
  readonly dbgmsg: DbgmsgView;
  readonly errors: ErrorsView;
  readonly server: LazyServer;
  readonly places: PlaceService;
  readonly frames: FrameOpener;
  readonly stacks: StackCommands;
  readonly running: RunningSource;
  readonly context: Context;
  readonly funnel: FailureFunnel;
  readonly log: vscode.LogOutputChannel;
}

type Handlers = {
  readonly [Id in CommandId]: readonly [
    doing: string,
    handler: (...args: CommandArguments[Id]) => Promise<void> | void,
  ];
};

/** Registers every command of ids.ts; the compiler sees to it that none is missing. */
export function registerCommands(services: Services): vscode.Disposable {
  const {
    errors,
    targets,
    targetsView,
    hungTasks,
    tracing,
    dbgmsg,
    server,
    frames,
    running,
    stacks,
    funnel,
    log,
  } = services;
  const entryOf = (node: TargetNode | undefined) => node?.entry ?? targets.active?.entry ?? null;
  const handlers: Handlers = {
    'zscope.connect': [
      'Connecting',
      async () => {
        const entry = await pickHost(targetsView, targets);
        if (entry !== null) {
          await connectTo(entry, targets);
        }
      },
    ],
    'zscope.connectTarget': [
      'Connecting',
      async (node) => {
        if (node !== undefined) {
          await connectTo(node.entry, targets);
        }
      },
    ],
    'zscope.reconnect': [
      'Reconnecting',
      async () => {
        const entry = targets.active?.entry;
        if (entry !== undefined) {
          await connectTo(entry, targets);
        }
      },
    ],
    'zscope.disconnect': [
      'Disconnecting',
      (node) => {
        const entry = entryOf(node);
        if (entry !== null) {
          targets.disconnect(entry);
        }
      },
    ],
    'zscope.replaceHostKey': [
      'Replacing the host key',
      async (node) => {
        const entry = entryOf(node);
        if (entry !== null) {
          await replaceKeyOf(entry, targets);
        }
      },
    ],
    'zscope.becomeRoot': [
      'Becoming root',
      async (node) => {
        const entry = entryOf(node);
        if (entry !== null) {
          await services.root.become(entry);
        }
      },
    ],
    'zscope.forgetPasswords': ['Forgetting passwords', () => services.root.forget()],
    'zscope.showTarget': [
      'Showing the target',
      (node) => {
        const entry = entryOf(node);
        if (entry !== null) {
          targets.show(entry);
        }
      },
    ],
    'zscope.showConsole': [
      'Showing the last lines of a kernel',
      async (node) => {
        const entry = entryOf(node);
        if (entry !== null) {
          await services.lastLines.show(entry);
        }
      },
    ],
    'zscope.refreshTargets': ['Reading the ssh configuration', () => targetsView.refresh()],
    'zscope.openSshConfig': ['Opening the ssh configuration', openSshConfig],
    'zscope.refreshTasks': ['Reading the tasks', () => hungTasks.refresh()],
    'zscope.showAllTasks': ['Showing all tasks', () => hungTasks.showAll(true)],
    'zscope.showHungTasks': ['Showing the hung tasks', () => hungTasks.showAll(false)],
    'zscope.showIdleThreads': ['Showing idle threads', () => hungTasks.showIdle(true)],
    'zscope.hideIdleThreads': ['Hiding idle threads', () => hungTasks.showIdle(false)],
    'zscope.filterTasks': ['Filtering the tasks', () => filterTasks(hungTasks)],
    'zscope.clearTaskFilter': [
      'Clearing the filter',
      () => {
        hungTasks.filter = '';
      },
    ],
    'zscope.openFrame': [
      'Opening the source of the frame',
      async (node) => {
        if (node?.kind === 'frame') {
          const { trace } = node.parent.group;
          const connection = hungTasks.connection;
          await frames.open({ connection, trace, index: node.index, place: node.place });
        }
      },
    ],
    'zscope.useRunningSource': [
      'Choosing the running version',
      () => {
        running.chosen = true;
      },
    ],
    'zscope.useOpenSource': [
      'Choosing the version that is open',
      () => {
        running.chosen = false;
      },
    ],
    'zscope.copyStack': ['Copying the stack', copyStack],
    'zscope.traceFunction': [
      'Tracing',
      (node) => tracing.get().commands.trace(node === 'selected' ? hungTasks.selected : node),
    ],
    'zscope.traceFunctionWith': [
      'Tracing',
      (node) => tracing.get().commands.traceWith(node === 'selected' ? hungTasks.selected : node),
    ],
    'zscope.traceByName': ['Tracing', () => tracing.get().commands.traceByName()],
    'zscope.traceInlined': ['Tracing', () => tracing.get().commands.traceInlined()],
    'zscope.showTrace': ['Showing a trace', (symbol) => tracing.get().commands.show(symbol)],
    'zscope.chooseTracer': ['Choosing the tool', () => tracing.get().tracers.choose(targets.connection)],
    'zscope.runProgram': ['Running a program', (uri) => tracing.get().programs.run(uri)],
    'zscope.stopProgram': ['Stopping a program', (uri) => tracing.get().programs.stop(uri)],
    'zscope.stopTraces': ['Stopping the traces', () => tracing.get().commands.stopAll()],
    'zscope.watchErrors': ['Watching errors', () => errors.watch()],
    'zscope.stopWatchingErrors': ['Ending the watch', () => errors.stop()],
    'zscope.filterErrors': ['Filtering the errors', () => filterErrors(errors)],
    'zscope.clearErrors': ['Clearing the errors', () => errors.clear()],
    'zscope.openError': [
      'Opening the source of an error',
      async (node) => {
        if (node !== undefined) {
          await errors.open(node);
        }
      },
    ],
    'zscope.openTraceSession': ['Opening a trace session', (node) => tracing.get().sessions.open(node)],
    'zscope.openTraceSessionText': [
      'Opening a trace session',
      (node) => tracing.get().sessions.openText(node),
    ],
    'zscope.compareTraceSessions': [
      'Comparing trace sessions',
      (node, selected) => tracing.get().sessions.compare(node, selected),
    ],
    'zscope.exportTraceSession': ['Exporting a trace session', (node) => tracing.get().sessions.export(node)],
    'zscope.saveTraceSession': ['Saving a trace session', (node) => tracing.get().sessions.save(node)],
    'zscope.deleteTraceSession': [
      'Deleting a trace session',
      (node, selected) => tracing.get().sessions.remove(node, selected),
    ],
    'zscope.showDbgmsg': [
      'Showing dbgmsg',
      async () => {
        await vscode.commands.executeCommand('zscope.dbgmsg.focus');
      },
    ],
    'zscope.filterDbgmsg': ['Filtering dbgmsg', () => dbgmsg.focusFilter()],
    'zscope.pasteStack': ['Opening the clipboard as stack text', pasteStackText],
    'zscope.groupStacks': ['Grouping the stacks', () => stacks.group()],
    'zscope.compareStacks': ['Comparing the stacks', (before, after) => stacks.compare(before, after)],
    'zscope.nextFrame': ['Going to the next frame', () => stacks.walk(1)],
    'zscope.previousFrame': ['Going to the previous frame', () => stacks.walk(-1)],
    'zscope.readKernelLines': [
      'Reading the debug info of the kernel',
      () => readKernelLines(targets, services.places, hungTasks),
    ],
    'zscope.restartServer': ['Restarting the language server', () => server.restart()],
    'zscope.showActivity': ['Showing what ran on targets', () => services.activity.show()],
    'zscope.showLog': ['Showing the Log', () => log.show()],
  };
  const register = <Id extends CommandId>(id: Id) => {
    const [doing, handler] = handlers[id];
    return registerCommand(id, doing, funnel, handler);
  };
  // Object.keys() forgets that the keys of a Handlers are CommandIds.
  return vscode.Disposable.from(...(Object.keys(handlers) as CommandId[]).map(register));
}

async function openSshConfig(): Promise<void> {
  const file = vscode.Uri.file(path.join(os.homedir(), '.ssh', 'config'));
  const exists = await vscode.workspace.fs.stat(file).then(
    () => true,
    () => false,
  );
  await vscode.window.showTextDocument(
    await vscode.workspace.openTextDocument(exists ? file : file.with({ scheme: 'untitled' })),
  );
}

async function filterErrors(view: ErrorsView): Promise<void> {
  const filter = await vscode.window.showInputBox({
    title: 'Filter errors',
    placeHolder: 'Words, e.g. ENOSPC dmu_tx.c or txg_sync',
    prompt:
      'Errors stay listed whose name, function, line or task has all of these words in it; none for all.',
    value: view.filter,
  });
  if (filter !== undefined) {
    view.filter = filter.trim();
  }
}

async function filterTasks(view: HungTasksView): Promise<void> {
  const filter = await vscode.window.showInputBox({
    title: 'Filter tasks',
    placeHolder: 'Part of a name, e.g. zil_commit, txg_sync or spl',
    prompt: 'Tasks stay listed whose command, or a function or module in their stack, has this in its name.',
    value: view.filter,
  });
  if (filter !== undefined) {
    view.filter = filter.trim();
  }
}

async function copyStack(node: TaskNode | undefined): Promise<void> {
  const group = node?.kind === 'group' ? node.group : node?.kind === 'frame' ? node.parent.group : null;
  if (group !== null) {
    await vscode.env.clipboard.writeText(stackText(group));
    vscode.window.setStatusBarMessage(
      inert(`Copied the stack of ${group.tasks.length === 1 ? '1 task' : `${group.tasks.length} tasks`}`),
      3000,
    );
  }
}
