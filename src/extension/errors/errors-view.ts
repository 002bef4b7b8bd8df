import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import { inert } from '../../core/text/inert.ts';
import type { ErrorEvent } from '../../core/zfs/errno-lines.ts';
import { type ErrorSite, ErrorSites } from '../../core/zfs/errno-sites.ts';
import { sourceReferenceRequest } from '../../protocol/server.ts';
import type { Connection, HostEntry, RunningStream, StreamEnd } from '../../target/connection.ts';
import { type FailureFunnel, sentenceOf } from '../failures.ts';
import { views } from '../ids.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { SourceOpener } from '../source/open-place.ts';
import type { RunningSource } from '../source/running-source.ts';
import { comeback, mayComeBack } from '../targets/comeback.ts';
import { connectedTarget } from '../targets/connected-target.ts';
import { targetModule } from '../targets/lazy-target.ts';
import type { TargetService } from '../targets/target-service.ts';
import type { Context } from '../vscode-table.ts';
import { type ErrorNode, expectedItem, raisedItem, siteItem } from './error-items.ts';
import { siteMatches, type WatchState, watchEndText, watchText } from './error-labels.ts';
import { ErrorMarks } from './error-marks.ts';

/** The list and the marks change at most so often, in ms. */
const SHOW_MS = 1000;

interface Watch {
  readonly entry: HostEntry;
  /** The one that it runs over, or ran over last. */
  connection: Connection;
  /** Aborted at its end. */
  readonly ending: AbortController;
  /** Whether all was told that was recorded over the connection of now. */
  isComplete: boolean;
}

const EXPECTED: ErrorNode = { kind: 'expected' };

/** The errors that the active target raises, by line: in a list, and behind the lines of open editors. */
export class ErrorsView implements vscode.TreeDataProvider<ErrorNode>, Disposable {
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #tree: vscode.TreeView<ErrorNode>;
  readonly #marks: ErrorMarks;
  readonly #sites = new ErrorSites();
  readonly #nodes = new Map<string, ErrorNode>();
  readonly #listeners: vscode.Disposable;
  #stream: RunningStream | null = null;
  /** The watch that goes on. */
  #watch: Watch | null = null;
  /** The one that the list is of: when it was stopped, its last errors are still to come. */
  #last: Watch | null = null;
  #target = '';
  #state: WatchState = 'ended';
  #why = '';
  /** In the state `waiting`: what for. */
  #waitsFor = '';
  #gaps = 0;
  /** The kernel's count since the watch began, that before the last gap, and what of it was cleared. */
  #hits = 0;
  #hitsBefore = 0;
  #cleared = 0;
  #lost = false;
  /** What came last may be missing. */
  #isCut = false;
  #filter = '';
  #timer: NodeJS.Timeout | undefined;
  #changedSince = false;

  constructor(
    private readonly targets: TargetService,
    private readonly server: LazyServer,
    private readonly opener: SourceOpener,
    running: Pick<RunningSource, 'fileOf'>,
    private readonly context: Context,
    private readonly funnel: FailureFunnel,
  ) {
    this.#marks = new ErrorMarks(server, running);
    this.#tree = vscode.window.createTreeView(views.errors, { treeDataProvider: this });
    this.#listeners = vscode.Disposable.from(
      vscode.window.onDidChangeVisibleTextEditors(() => this.#draw()),
      this.#tree.onDidChangeVisibility(() => this.#show()),
    );
  }

  /** Watches the active target; shows the list when that is done already. */
  async watch(): Promise<void> {
    const { connection, entry } = connectedTarget(this.targets);
    this.context.set('zscope.errorsKnown', true);
    await vscode.commands.executeCommand(`${views.errors}.focus`);
    if (this.#watch?.connection === connection) {
      return;
    }
    this.stop();
    this.clear();
    this.#hits = 0;
    this.#hitsBefore = 0;
    this.#cleared = 0;
    const watch = { entry, connection, ending: new AbortController(), isComplete: true };
    this.#watch = watch;
    this.#last = watch;
    this.#target = entry.alias;
    this.#state = 'starting';
    this.#why = '';
    this.context.set('zscope.watchingErrors', true);
    this.#timer = setInterval(() => this.#tick(), SHOW_MS);
    this.#show();
    void this.#run(watch);
  }

  /** Watches over one connection after the other, until the person ends it or disconnects. */
  async #run(watch: Watch): Promise<void> {
    let why = '';
    try {
      let end = await this.#over(watch);
      let failed: unknown = null;
      const waits = (what: string) => {
        this.#state = 'waiting';
        this.#waitsFor = what;
        this.#show();
      };
      while (this.#watch === watch && end?.reason === 'lost' && this.#why === '') {
        const { entry, connection } = watch;
        const lost = { entry, connection, module: 'zfs', error: failed, waits };
        const next = await comeback(this.targets, lost, watch.ending.signal);
        if (next === null) {
          break;
        }
        if (next.facts.bootId !== watch.connection.facts.bootId) {
          this.#sites.clockBeginsAnew();
        }
        watch.connection = next;
        this.#hitsBefore = this.#hits;
        try {
          end = await this.#over(watch);
          failed = null;
        } catch (error) {
          // Lost again before it began, or the machine is not well yet.
          if (!mayComeBack(error)) {
            throw error;
          }
          failed = error;
        }
      }
      why = end === null ? '' : watchEndText(end);
    } catch (error) {
      this.funnel.note(error, 'Watching errors');
      why = sentenceOf(error);
    }
    if (this.#watch === watch) {
      this.#end(this.#why === '' ? why : this.#why);
    }
    if (this.#last === watch) {
      this.#isCut = !watch.isComplete;
      this.#show();
    }
  }

  /** @returns how it ended; null when it was not wanted any more before it began */
  async #over(watch: Watch): Promise<StreamEnd | null> {
    const { connection } = watch;
    const sessionId = randomBytes(4).toString('hex');
    const params = { sessionId, machine: connection.facts.machine };
    const stream = await connection.stream(targetModule().watchErrors, params, {
      events: (batch) => {
        if (this.#last === watch) {
          for (const event of batch) {
            this.#take(event, watch);
          }
        }
      },
    });
    if (this.#watch !== watch) {
      stream.dispose();
      return null;
    }
    this.#stream = stream;
    return await stream.ended;
  }

  #take(event: ErrorEvent, watch: Watch): void {
    this.#changedSince = true;
    switch (event.kind) {
      case 'error':
        this.#sites.add(event, performance.now());
        break;
      case 'started':
        watch.isComplete = false;
        if (this.#watch === watch) {
          this.#gaps += this.#state === 'starting' ? 0 : 1;
          this.#state = 'watching';
        }
        break;
      case 'complete':
        watch.isComplete = true;
        break;
      case 'refused':
        this.#why = event.why;
        break;
      case 'limit':
        this.#why = 'ended by itself after 8 hours';
        break;
      case 'loss':
        this.#lost = true;
        break;
      case 'total':
        this.#hits = this.#hitsBefore + event.hits;
        this.#lost ||= !event.recording;
        break;
    }
  }

  /** Ends the watch; the list stays. */
  stop(): void {
    this.#stream?.dispose();
    this.#end('');
  }

  #end(why: string): void {
    clearInterval(this.#timer);
    this.#stream = null;
    this.#watch?.ending.abort();
    this.#watch = null;
    this.#state = 'ended';
    this.#why = why;
    this.context.set('zscope.watchingErrors', false);
    this.#show();
  }

  /** Forgets what came so far; a watch goes on. */
  clear(): void {
    // Errors may have come that the kernel's count, told once a second, does not have yet.
    this.#cleared = Math.max(this.#hits, this.#cleared + this.#sites.count);
    this.#gaps = 0;
    this.#sites.clear();
    this.#nodes.clear();
    this.#lost = false;
    this.#isCut = false;
    this.#marks.clear();
    this.#show();
  }

  get filter(): string {
    return this.#filter;
  }

  set filter(filter: string) {
    this.#filter = filter;
    this.#show();
  }

  /** Opens the line that raised an error. */
  async open(node: ErrorNode): Promise<void> {
    const site = node.kind === 'expected' ? undefined : this.#site(node.key);
    if (site === undefined) {
      return;
    }
    const { file, line, function: name } = site;
    const place = await this.server.request(sourceReferenceRequest, { path: file, line, function: name });
    if (place === null) {
      throw new Failure(
        'no-source',
        `${inert(file)}:${line} is not in this workspace.`,
        'Open the source folder of the module that runs on the target.',
      );
    }
    await this.opener.open(place, { preserveFocus: false });
  }

  #tick(): void {
    if (this.#changedSince) {
      this.#changedSince = false;
      this.#show();
    } else {
      this.#draw(); // The times go on.
    }
  }

  #show(): void {
    this.#tree.message =
      this.#target === ''
        ? ''
        : watchText({
            target: this.#target,
            state: this.#state,
            count: this.#sites.count,
            hits: Math.max(0, this.#hits - this.#cleared),
            lost: this.#lost,
            isCut: this.#isCut,
            gaps: this.#gaps,
            filter: this.#filter,
            why: this.#state === 'waiting' ? this.#waitsFor : this.#why,
          });
    if (this.#tree.visible) {
      this.#changed.fire(undefined);
    }
    this.#draw();
  }

  #draw(): void {
    const sites = this.#shown().filter(({ expected }) => !expected);
    const now = this.#state === 'ended' ? null : performance.now();
    this.funnel.guard('Marking errors', () => this.#marks.draw(sites, now));
  }

  #shown(): ErrorSite[] {
    return this.#sites.all.filter((site) => siteMatches(site, this.#filter));
  }

  #site(key: string): ErrorSite | undefined {
    return this.#sites.at(key);
  }

  /** New places come first and stay in their order: a row that moves cannot be clicked. */
  getChildren(node?: ErrorNode): ErrorNode[] {
    const rows = (expected: boolean) =>
      this.#shown()
        .filter((site) => site.expected === expected)
        .reverse()
        .map(({ key }) => this.#nodeOf(key));
    switch (node?.kind) {
      case undefined: {
        const folded = this.#shown().some(({ expected }) => expected);
        return [...rows(false), ...(folded ? [EXPECTED] : [])];
      }
      case 'expected':
        return rows(true);
      case 'site': {
        const { key } = node;
        return (this.#site(key)?.recent ?? []).map((error) => ({ kind: 'raised', key, error }));
      }
      case 'raised':
        return [];
    }
  }

  #nodeOf(key: string): ErrorNode {
    const node = this.#nodes.get(key) ?? { kind: 'site', key };
    this.#nodes.set(key, node);
    return node;
  }

  getTreeItem(node: ErrorNode): vscode.TreeItem {
    return node.kind === 'expected'
      ? expectedItem(this.#shown().filter(({ expected }) => expected))
      : node.kind === 'site'
        ? siteItem(node, this.#site(node.key))
        : raisedItem(node, this.#site(node.key));
  }

  dispose(): void {
    clearInterval(this.#timer);
    this.#stream?.dispose();
    this.#watch?.ending.abort();
    this.#watch = null;
    this.#last = null;
    this.#listeners.dispose();
    this.#marks.dispose();
    this.#tree.dispose();
    this.#changed.dispose();
  }
}
