import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import type { Frame } from '../../core/stack/frame.ts';
import { isZfsModule, zfsProgramOf } from '../../core/zfs/zfs-modules.ts';
import { stackGroupsRequest, stackProgramsRequest } from '../../protocol/server.ts';
import type { Connection } from '../../target/connection.ts';
import { type FailureFunnel, isCancelled } from '../failures.ts';
import type { HungTasksView } from '../hung-tasks/hung-tasks-view.ts';
import { languages, schemes } from '../ids.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { PlaceService } from '../source/place-service.ts';
import type { TargetPrograms } from '../source/target-programs.ts';
import type { TargetService } from '../targets/target-service.ts';
import { AskedOnce } from './asked-once.ts';
import { mayHoldStacks } from './texts.ts';

/**
 * Has the server know the builds of the connected target when a person looks at stack text: most often
 * the text is of that target, and where all its frames fit, their lines are exact.
 */
export class StackBuilds implements Disposable {
  readonly #listeners: vscode.Disposable;
  /** Whose builds were asked for, over each connection. The program zfs has the name of a module. */
  #asked = new WeakMap<Connection, { readonly modules: AskedOnce; readonly programs: AskedOnce }>();

  constructor(
    private readonly server: Pick<LazyServer, 'isStarted' | 'request' | 'onDidStart'>,
    private readonly targets: Pick<TargetService, 'connection' | 'onActiveChange'>,
    private readonly places: Pick<PlaceService, 'learn' | 'known'>,
    private readonly programs: Pick<TargetPrograms, 'learn'>,
    private readonly view: Pick<HungTasksView, 'sayOfPrograms'>,
    private readonly funnel: FailureFunnel,
  ) {
    this.#listeners = vscode.Disposable.from(
      targets.onActiveChange(() => void this.#look()),
      vscode.window.onDidChangeActiveTextEditor(() => void this.#look()),
      server.onDidStart(() => {
        this.#asked = new WeakMap();
        void this.#look();
      }),
    );
  }

  async #look(): Promise<void> {
    const { connection } = this.targets;
    const document = vscode.window.activeTextEditor?.document;
    // Other texts hold no stacks as long as nothing needed the server.
    const mayHold =
      document?.languageId === languages.kernelStack ||
      (document !== undefined && this.server.isStarted && mayHoldStacks(document));
    if (connection === null || !mayHold) {
      return;
    }
    const uri = document.uri.toString();
    const asked = this.#asked.get(connection) ?? { modules: new AskedOnce(), programs: new AskedOnce() };
    this.#asked.set(connection, asked);
    try {
      await this.#askForModules(connection, uri, asked.modules);
      const programs = await this.server.request(stackProgramsRequest, { uri });
      await asked.programs.of(programs, async (names) => {
        const remarks = await this.programs.learn(connection, names);
        this.view.sayOfPrograms(connection, remarks);
        askForLinksAgain();
      });
    } catch (error) {
      // The text is there with what is known without the target; Hung Tasks says why lines are missing.
      if (!isCancelled(error) && connection.state !== 'closed') {
        this.funnel.note(error, 'Asking for the builds behind stack text');
      }
    }
  }

  async #askForModules(connection: Connection, uri: string, asked: AskedOnce): Promise<void> {
    const groups = (await this.server.request(stackGroupsRequest, { uri })) ?? [];
    const frames = new Map<string, Frame>();
    for (const frame of groups.flatMap((group) => group.frames)) {
      const isModule = isZfsModule(frame.module) || zfsProgramOf(frame.module ?? '') === null;
      if (frame.module !== null && isModule) {
        frames.set(frame.module, frame);
      }
    }
    await asked.of([...frames.keys()], async (modules) => {
      const onePerModule = modules.flatMap((module) => frames.get(module) ?? []);
      await this.places.learn(connection, onePerModule);
      // With the question go the builds.
      await this.places.known(connection, onePerModule);
    });
  }

  dispose(): void {
    this.#listeners.dispose();
  }
}

/** Editors that are open show what is a link by now: VS Code asks again when there is another provider, and in no other way. */
function askForLinksAgain(): void {
  const nothing = { scheme: schemes.stacks, pattern: '/nothing' };
  vscode.languages.registerDocumentLinkProvider(nothing, { provideDocumentLinks: () => [] }).dispose();
}
