/** What the bundle dist/tracing.cjs holds: tracing, kept sessions, and programs of other tracers. */
import path from 'node:path';
import type * as vscode from 'vscode';
import { type Disposable, Lifetime } from '../../core/lifetime.ts';
import { traceableFunctions } from '../../target/collectors/traceable-functions.ts';
import type { FailureFunnel } from '../failures.ts';
import type { HungTasksView } from '../hung-tasks/hung-tasks-view.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { FrameOpener } from '../source/open-frame.ts';
import type { PlaceService } from '../source/place-service.ts';
import type { VirtualDocuments } from '../stack-text/virtual-documents.ts';
import { AskedOnce } from '../targets/asked-once.ts';
import type { TargetService } from '../targets/target-service.ts';
import { SESSIONS_FOLDER } from '../trace-sessions/kept-files.ts';
import { SessionKeeper } from '../trace-sessions/session-keeper.ts';
import { SessionStore } from '../trace-sessions/session-store.ts';
import { SessionsView } from '../trace-sessions/sessions-view.ts';
import { BpftraceCompletion } from '../tracers/bpftrace-completion.ts';
import { ProgramEditor } from '../tracers/program-editor.ts';
import { TracerChoice } from '../tracers/tracer-choice.ts';
import type { Context } from '../vscode-table.ts';
import { InlinedFunctions } from './inlined-functions.ts';
import { TraceCommands } from './trace-commands.ts';
import { TraceRuns } from './trace-runs.ts';
import { TraceSubjects } from './trace-subjects.ts';
import { TypedFunctions } from './typed-functions.ts';

/** What tracing needs of the rest of the extension. */
export interface TracingServices {
  readonly extension: vscode.ExtensionContext;
  readonly targets: TargetService;
  readonly hungTasks: HungTasksView;
  readonly server: LazyServer;
  readonly places: PlaceService;
  readonly frames: FrameOpener;
  readonly documents: VirtualDocuments;
  readonly context: Context;
  readonly funnel: FailureFunnel;
}

/** What the rest of the extension asks of tracing. */
export interface Tracing extends Disposable {
  readonly commands: TraceCommands;
  readonly tracers: TracerChoice;
  readonly programs: ProgramEditor;
  readonly sessions: SessionsView;
}

/** Composes tracing. */
export function composeTracing(services: TracingServices): Tracing {
  const { extension, targets, hungTasks, server, places, frames, documents, context, funnel } = services;
  const lifetime = new Lifetime();
  const own = <T extends Disposable>(item: T): T => lifetime.add(item);
  const store = new SessionStore(path.join(extension.globalStorageUri.fsPath, SESSIONS_FOLDER));
  const keeper = own(new SessionKeeper(store, places));
  const functions = new AskedOnce((connection) => connection.run(traceableFunctions, {}));
  const typed = new TypedFunctions(server, places);
  const inlined = new InlinedFunctions(server, places);
  const subjects = new TraceSubjects(server, typed, inlined, functions, funnel);
  const { extensionUri } = extension;
  const runs = own(
    new TraceRuns(
      extensionUri,
      subjects,
      inlined,
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
  const commands = new TraceCommands(targets, subjects, inlined, runs, tracers, extension.workspaceState);
  const completion = new BpftraceCompletion(targets, tracers, functions, server, typed);
  const programs = own(new ProgramEditor(targets, tracers, documents, completion, funnel));
  const sessions = own(new SessionsView(extensionUri, keeper, places, frames, documents, context, funnel));
  return { commands, tracers, programs, sessions, dispose: () => lifetime.dispose() };
}
