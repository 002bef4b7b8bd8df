import * as vscode from 'vscode';
import { type Disposable, Lifetime } from '../core/lifetime.ts';
import { ActivityDocument } from './activity/activity-document.ts';
import { ActivityFile } from './activity/activity-file.ts';
import { registerCommands } from './commands.ts';
import { DbgmsgView } from './dbgmsg/dbgmsg-view.ts';
import { ErrorsView } from './errors/errors-view.ts';
import { FailureFunnel } from './failures.ts';
import { HungTasksView } from './hung-tasks/hung-tasks-view.ts';
import { compareSource } from './source/compare-source.ts';
import { LazyServer } from './source/lazy-server.ts';
import { ModuleTransfers } from './source/module-transfers.ts';
import { FrameOpener } from './source/open-frame.ts';
import { SourceOpener } from './source/open-place.ts';
import { PlaceService } from './source/place-service.ts';
import { RevisionFiles } from './source/revision-files.ts';
import { RunningSource } from './source/running-source.ts';
import { TargetPrograms } from './source/target-programs.ts';
import { FoundStacks } from './stack-text/found-stacks.ts';
import { KeptTexts } from './stack-text/kept-texts.ts';
import { StackBuilds } from './stack-text/stack-builds.ts';
import { StackCommands } from './stack-text/stack-commands.ts';
import { linkTerminals } from './stack-text/terminal-links.ts';
import { VirtualDocuments } from './stack-text/virtual-documents.ts';
import { RootAccess } from './targets/become-root.ts';
import { Consent } from './targets/consent.ts';
import { KernelLogs } from './targets/kernel-logs.ts';
import { LastLines } from './targets/last-lines.ts';
import { LateModule } from './targets/late-module.ts';
import { Leftovers } from './targets/leftovers.ts';
import { DialogPrompts } from './targets/prompts.ts';
import { TargetStatus } from './targets/status-bar.ts';
import { TargetService } from './targets/target-service.ts';
import { TargetsView } from './targets/targets-view.ts';
import { LazyTracing } from './tracing/lazy-tracing.ts';
import { Context } from './vscode-table.ts';

let end: () => Promise<void> = async () => {};

/** VS Code waits for it: what ran to the very end is on record. */
export async function deactivate(): Promise<void> {
  await end();
}

/** Composes the extension; everything made here lives as long as the extension. */
export function activate(extension: vscode.ExtensionContext): void {
  // In reverse order, so that the Log is still there for what the others say at their end.
  const lifetime = new Lifetime();
  extension.subscriptions.push(lifetime);
  const own = <T extends Disposable>(item: T): T => lifetime.add(item);
  const log = own(vscode.window.createOutputChannel('ZScope', { log: true }));
  const funnel = new FailureFunnel(log);
  const context = new Context();

  const activityFile = own(new ActivityFile(extension.globalStorageUri.fsPath, log));
  end = async () => {
    lifetime.dispose();
    // The scripts that end with their connections say so in the turn after.
    await new Promise((resolve) => setImmediate(resolve));
    await activityFile.flush();
  };
  const activity = own(new ActivityDocument(activityFile));
  const targets = own(
    new TargetService(
      (signal) => new DialogPrompts(signal),
      context,
      log,
      activityFile,
      new Consent(extension.globalState),
    ),
  );
  const root = own(new RootAccess(targets, extension.secrets, extension.globalState, funnel));
  const running = new RunningSource(context);
  own(new RevisionFiles());
  const server = own(new LazyServer(extension, funnel, running));
  const transfers = new ModuleTransfers(server);
  const places = new PlaceService(server, transfers);
  const opener = own(new SourceOpener(running));
  const frames = new FrameOpener(opener, places, funnel);

  const targetsView = own(new TargetsView(targets, funnel));
  const hungTasks = own(new HungTasksView(targets, places, context, funnel));
  const dbgmsg = own(new DbgmsgView(extension.extensionUri, targets, server, opener, context, funnel));
  const errors = own(new ErrorsView(targets, server, opener, running, context, funnel));
  const documents = own(new VirtualDocuments(new KeptTexts(extension.storageUri?.fsPath)));
  const kernelLogs = own(new KernelLogs(targets, hungTasks, funnel));
  const lastLines = own(new LastLines(targets, kernelLogs, documents, funnel));
  const stacks = new StackCommands(server, targets, opener, documents);
  const tracing = own(
    new LazyTracing({ extension, targets, hungTasks, server, places, frames, documents, context, funnel }),
  );
  const programs = new TargetPrograms(server, transfers, places, funnel);
  own(new StackBuilds(server, targets, places, programs, hungTasks, funnel));
  own(new FoundStacks(server, context));
  own(linkTerminals(server, opener, funnel));
  own(new TargetStatus(targets));
  own(new Leftovers(targets, funnel));
  own(new LateModule(targets, hungTasks, funnel));
  own(compareSource(targets, server, hungTasks, running, funnel));
  own(
    registerCommands({
      targets,
      targetsView,
      root,
      activity,
      lastLines,
      hungTasks,
      tracing,
      dbgmsg,
      errors,
      server,
      places,
      frames,
      stacks,
      running,
      context,
      funnel,
      log,
    }),
  );
}
