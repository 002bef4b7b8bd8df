import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import type { Frame } from '../../core/stack/frame.ts';
import type { Place } from '../../core/symbols/location.ts';
import type { TaskSnapshot } from '../../core/tasks.ts';
import { inert } from '../../core/text/inert.ts';
import type { Connection } from '../../target/connection.ts';
import { type FailureFunnel, sentenceOf } from '../failures.ts';
import { views } from '../ids.ts';
import type { PlaceService } from '../source/place-service.ts';
import type { TargetService } from '../targets/target-service.ts';
import { type Context, setting } from '../vscode-table.ts';
import { countHung, groupId, shownGroups } from './shown-groups.ts';
import { type SeenGroup, TaskHistory } from './task-history.ts';
import { taskItem } from './task-items.ts';
import type { FrameNode, GroupNode, TaskNode } from './task-nodes.ts';
import { TaskPoller } from './task-poller.ts';

/** After a failed question for lines, the next one comes this much later. */
const LEARN_PAUSE_MS = 60_000;

/** The tasks of the active target by stack: those that hang, or all. */
export class HungTasksView implements vscode.TreeDataProvider<TaskNode>, Disposable {
  readonly #changed = new vscode.EventEmitter<TaskNode | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #tree: vscode.TreeView<TaskNode>;
  readonly #poller: TaskPoller;
  readonly #taken = new vscode.EventEmitter<void>();
  /** The tasks were looked at once more. */
  readonly onSnapshot = this.#taken.event;
  readonly #listeners: vscode.Disposable;

  #history = new TaskHistory();
  /** The tasks as of the last snapshot; null before the first. */
  #seen: readonly SeenGroup[] | null = null;
  #connection: Connection | null = null;
  #groups: readonly GroupNode[] = [];
  #filter = '';
  /** Why the list is not what one would expect; shown above it. */
  #problem = '';
  /** Remarks on modules whose lines cannot be exact. */
  #remarks: readonly string[] = [];
  /** The same on programs of a target that texts name. */
  readonly #programRemarks = new WeakMap<Connection, ReadonlySet<string>>();
  /** What the version check found; empty when source and module agree. */
  #versionRemark = '';
  /** Tasks left out of the list because they only wait for work. */
  #idleHidden = 0;
  /** The connection that is being asked for lines. */
  #learning: Connection | null = null;
  /** No question before this time, by performance.now(): the last one failed. */
  #learnAfter = 0;

  constructor(
    private readonly targets: TargetService,
    private readonly places: PlaceService,
    private readonly context: Context,
    private readonly funnel: FailureFunnel,
  ) {
    this.#tree = vscode.window.createTreeView(views.hungTasks, {
      treeDataProvider: this,
      showCollapseAll: true,
    });
    this.#poller = new TaskPoller(
      {
        snapshot: (snapshot, connection) => this.#take(snapshot, connection),
        failed: (error) => {
          // What stays so is written to the Log once, not every few seconds.
          if (sentenceOf(error) !== this.#problem) {
            this.#problem = this.funnel.note(error, 'Reading the tasks');
            this.#show();
          }
        },
        working: (done) => {
          // The view's progress bar only for the first answer: a bar every few seconds distracts.
          if (this.#seen === null && this.#tree.visible) {
            void vscode.window.withProgress({ location: { viewId: views.hungTasks } }, () => done);
          }
        },
      },
      () => setting('zscope.tasks.refreshSeconds') * 1000,
    );
    this.#listeners = vscode.Disposable.from(
      this.#tree.onDidChangeVisibility(({ visible }) => {
        this.#poller.visible = visible;
      }),
      targets.onActiveChange(() => this.#follow()),
      targets.onChange(() => this.#show()),
    );
    this.#poller.visible = this.#tree.visible;
    this.#follow();
  }

  set versionRemark(remark: string) {
    this.#versionRemark = remark;
    this.#show();
  }

  /** Takes in why lines of programs that a text names cannot be exact. */
  sayOfPrograms(connection: Connection, remarks: readonly string[]): void {
    const before = this.#programRemarks.get(connection) ?? [];
    this.#programRemarks.set(connection, new Set([...before, ...remarks]));
    this.#show();
  }

  get filter(): string {
    return this.#filter;
  }

  set filter(filter: string) {
    this.#filter = filter;
    this.context.set('zscope.taskFilter', filter !== '');
    this.#rebuild();
  }

  /** The connection whose tasks are shown. */
  get connection(): Connection | null {
    return this.#connection;
  }

  /** The row that is chosen; null when none is. */
  get selected(): TaskNode | null {
    return this.#tree.selection[0] ?? null;
  }

  /** All tasks instead of the hung ones. */
  showAll(all: boolean): void {
    this.context.set('zscope.allTasks', all);
    this.#rebuild();
  }

  /** In the list of all tasks: those of ZFS that wait for work, too. */
  showIdle(idle: boolean): void {
    this.context.set('zscope.idleThreads', idle);
    this.#rebuild();
  }

  /** Looks at the tasks once, also while nobody sees the view. */
  refresh(): void {
    this.#poller.now();
  }

  /** How many tasks hung inside a function when a target was last looked at. */
  tasksIn(connection: Connection, symbol: string): number {
    const groups = connection === this.#connection ? (this.#seen ?? []) : [];
    return countHung(groups.filter(({ trace }) => trace.some((frame) => frame.symbol === symbol)));
  }

  #follow(): void {
    const connection = this.targets.connection;
    if (connection !== this.#connection) {
      this.#connection = connection;
      this.#history = new TaskHistory();
      this.#seen = null;
      this.#groups = [];
      this.#idleHidden = 0;
      this.#problem = '';
      this.#remarks = [];
      this.#versionRemark = '';
      this.#learnAfter = 0;
      this.#changed.fire(undefined);
    }
    this.#poller.connection = connection;
    this.#show();
  }

  #take(snapshot: TaskSnapshot, connection: Connection): void {
    this.#seen = this.#history.see(snapshot);
    if (this.places.saw(connection, snapshot)) {
      // A module was loaded anew: what was said of the one before does not hold.
      this.#remarks = [];
      for (const node of this.#groups) {
        node.frames = null;
      }
    }
    this.#problem = '';
    this.#rebuild();
    this.#taken.fire();
    void this.#learn(connection);
  }

  /** Asks for the exact lines of all hung stacks ahead of the click; then shows them. */
  async #learn(connection: Connection): Promise<void> {
    const frames = this.#groups
      .filter((node) => node.group.tasks.some((task) => task.hung))
      .flatMap((node) => node.group.trace);
    await this.#learnFrames(connection, frames);
  }

  async #learnFrames(connection: Connection, frames: GroupNode['group']['trace']): Promise<void> {
    if (
      this.#learning === connection ||
      performance.now() < this.#learnAfter ||
      !this.places.incomplete(connection, frames)
    ) {
      return;
    }
    this.#learning = connection;
    let remarks = this.#remarks;
    try {
      const learned = this.places.learn(connection, frames);
      // In the status bar: progress in the view would cover the number on the icon.
      await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Window, title: 'ZScope: reading the lines of the stacks' },
        () => learned,
      );
      remarks = await learned;
    } catch (error) {
      if (connection.state !== 'closed') {
        remarks = [...new Set([...remarks, this.funnel.note(error, 'Reading debug info')])];
      }
      if (connection === this.#connection) {
        // What is redrawn below would ask again at once.
        this.#learnAfter = performance.now() + LEARN_PAUSE_MS;
      }
    } finally {
      if (this.#learning === connection) {
        this.#learning = null;
      }
    }
    if (connection !== this.#connection) {
      return; // Another target is shown by now: what was learned waits in the cache.
    }
    this.#remarks = remarks;
    this.placesChanged();
    this.#show();
  }

  /** Debug info came that is not from here: frames are looked up again. */
  placesChanged(): void {
    for (const node of this.#groups) {
      node.frames = null;
    }
    this.#changed.fire(undefined);
  }

  #rebuild(): void {
    const all = this.context.get('zscope.allTasks');
    const idle = this.context.get('zscope.idleThreads');
    const before = new Map(this.#groups.map((node) => [groupId(node.group), node]));
    const { groups, idleHidden } = shownGroups(this.#seen ?? [], { all, idle, filter: this.#filter });
    this.#idleHidden = idleHidden;
    // A row keeps its node while its stack stays, so that the tree keeps what is open and chosen.
    this.#groups = groups.map((group) => {
      const known = before.get(groupId(group));
      if (known === undefined) {
        return { kind: 'group', group, frames: null };
      }
      known.group = group;
      return known;
    });
    this.#changed.fire(undefined);
    this.#show();
  }

  /** Title, badge and the message above the rows. */
  #show(): void {
    const target = this.targets.active;
    const hung = countHung(this.#seen ?? []);
    const all = this.context.get('zscope.allTasks');
    this.#tree.title = all ? 'All Tasks' : 'Hung Tasks';
    this.#tree.description = target === null ? '' : describe(target.entry.alias, this.#filter);
    this.#tree.badge =
      hung === 0 ? undefined : { value: hung, tooltip: hung === 1 ? '1 hung task' : `${hung} hung tasks` };
    this.#tree.message = this.#message();
  }

  #message(): string {
    const connection = this.#connection;
    if (connection === null) {
      return '';
    }
    const parts = [
      this.#problem,
      connection.state === 'silent' ? 'The target is not answering: this list may be old.' : '',
    ];
    if (this.#seen !== null && this.#groups.length === 0 && this.#problem === '') {
      parts.push(
        this.#filter === ''
          ? `No task of ${connection.facts.hostname} hangs.`
          : `No task matches "${this.#filter}".`,
      );
    }
    if (this.#idleHidden > 0) {
      parts.push(`${this.#idleHidden} idle ZFS threads are hidden.`);
    }
    const programs = this.#programRemarks.get(connection) ?? [];
    parts.push(this.#versionRemark, ...this.#remarks, ...programs);
    return inert(parts.filter((part) => part !== '').join(' '), 2000);
  }

  async getChildren(node?: TaskNode): Promise<TaskNode[]> {
    switch (node?.kind) {
      case undefined:
        return [...this.#groups];
      case 'group':
        return this.#children(node);
      case 'members':
        return node.parent.group.tasks.map((task) => ({ kind: 'member', task, parent: node }));
      default:
        return [];
    }
  }

  async #children(parent: GroupNode): Promise<TaskNode[]> {
    const { tasks, trace } = parent.group;
    parent.frames ??= await this.#frames(parent);
    if (this.#connection !== null) {
      // Rows of tasks that do not hang ask for their lines when they are opened.
      void this.#learnFrames(this.#connection, trace);
    }
    return [...(tasks.length > 1 ? [{ kind: 'members', parent } as const] : []), ...parent.frames];
  }

  async #frames(parent: GroupNode): Promise<FrameNode[]> {
    const { trace } = parent.group;
    let places: readonly (readonly Place[])[] = [];
    try {
      places = await this.places.known(this.#connection, trace);
    } catch (error) {
      this.#problem = this.funnel.note(error, 'Finding the source of the frames');
      this.#show();
    }
    return trace.flatMap((frame, index) =>
      shownPlaces(frame, places[index]).map((place) => ({ kind: 'frame', frame, index, place, parent })),
    );
  }

  getParent(node: TaskNode): TaskNode | undefined {
    return node.kind === 'group' ? undefined : node.parent;
  }

  getTreeItem(node: TaskNode): vscode.TreeItem {
    return taskItem(node);
  }

  dispose(): void {
    this.#listeners.dispose();
    this.#poller.dispose();
    this.#tree.dispose();
    this.#taken.dispose();
    this.#changed.dispose();
  }
}

/** What the server said of a frame; the frame alone where it said nothing. */
function shownPlaces(frame: Frame, places: readonly Place[] = []): readonly Place[] {
  return places.length > 0
    ? places
    : [{ function: frame.symbol, inlined: false, uri: null, path: null, line: null, how: null }];
}

function describe(alias: string, filter: string): string {
  return filter === '' ? alias : `${alias}, only "${filter}"`;
}
