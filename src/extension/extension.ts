import path from 'node:path';
import * as vscode from 'vscode';
import { type Disposable, Lifetime } from '../core/lifetime.ts';
import { traceableFunctions } from '../target/collectors/traceable-functions.ts';
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
import { RunningSource } from './source/running-source.ts';
import { StackBuilds } from './stack-text/stack-builds.ts';
import { StackCommands } from './stack-text/stack-commands.ts';
import { linkTerminals } from './stack-text/terminal-links.ts';
import { VirtualDocuments } from './stack-text/virtual-documents.ts';
import { AskedOnce } from './targets/asked-once.ts';
import { RootAccess } from './targets/become-root.ts';
import { Consent } from './targets/consent.ts';
import { SerialConsoles } from './targets/consoles.ts';
import { DialogPrompts } from './targets/prompts.ts';
import { TargetStatus } from './targets/status-bar.ts';
import { TargetService } from './targets/target-service.ts';
import { TargetsView } from './targets/targets-view.ts';
import { SessionKeeper } from './trace-sessions/session-keeper.ts';
import { SessionStore } from './trace-sessions/session-store.ts';
import { SessionsView } from './trace-sessions/sessions-view.ts';
import { BpftraceCompletion } from './tracers/bpftrace-completion.ts';
import { BpftraceEditor } from './tracers/bpftrace-editor.ts';
import { TracerChoice } from './tracers/tracer-choice.ts';
import { TraceCommands } from './tracing/trace-commands.ts';
import { TraceRuns } from './tracing/trace-runs.ts';
import { TraceSubjects } from './tracing/trace-subjects.ts';
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
  const server = own(new LazyServer(extension, funnel));
  const places = new PlaceService(server, new ModuleTransfers(server));
  const running = own(new RunningSource(context));
  const opener = own(new SourceOpener(running));
  const frames = new FrameOpener(opener, places, funnel);

  const targetsView = own(new TargetsView(targets, funnel));
  const hungTasks = own(new HungTasksView(targets, places, context, funnel));
  const store = new SessionStore(path.join(extension.globalStorageUri.fsPath, 'trace-sessions'));
  const keeper = own(new SessionKeeper(store, places));
  const functions = new AskedOnce((connection) => connection.run(traceableFunctions, {}));
  const subjects = new TraceSubjects(server, places, functions, funnel);
  const runs = own(
    new TraceRuns(
      extension.extensionUri,
      subjects,
      targets,
      hungTasks,
      server,
      places,
      frames,
      context,
      funnel,
      keeper,
    ),
  );
  const tracers = new TracerChoice();
  const tracing = new TraceCommands(targets, subjects, runs, tracers, extension.workspaceState);
  const dbgmsg = own(new DbgmsgView(extension.extensionUri, targets, server, opener, context, funnel));
  const errors = own(new ErrorsView(targets, server, opener, context, funnel));
  const documents = own(new VirtualDocuments());
  const consoles = own(new SerialConsoles(targets, documents, funnel));
  const completion = new BpftraceCompletion(targets, tracers, functions, server, places);
  const programs = own(new BpftraceEditor(targets, tracers, documents, completion, funnel));
  const stacks = new StackCommands(server, targets, opener, documents);
  const sessions = own(
    new SessionsView(extension.extensionUri, keeper, places, frames, documents, context, funnel),
  );
  own(new StackBuilds(server, targets, places, funnel));
  own(linkTerminals(server, opener, funnel));
  own(new TargetStatus(targets));
  own(compareSource(targets, server, hungTasks, running, funnel));
  own(
    registerCommands({
      targets,
      targetsView,
      root,
      activity,
      consoles,
      hungTasks,
      tracers,
      programs,
      tracing,
      dbgmsg,
      errors,
      sessions,
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
