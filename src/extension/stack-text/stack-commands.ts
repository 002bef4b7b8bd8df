import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import { compareStacks, type StackGroup } from '../../core/stack/groups.ts';
import { nextFrameRequest, stackGroupsRequest } from '../../protocol/server.ts';
import { languages, schemes } from '../ids.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { SourceOpener } from '../source/open-place.ts';
import { targetModule } from '../targets/lazy-target.ts';
import type { TargetService } from '../targets/target-service.ts';
import { comparedText, groupedText, groupedTitle, snapshotGroups } from './stack-labels.ts';
import { mayHoldStacks } from './texts.ts';
import type { VirtualDocuments } from './virtual-documents.ts';

/** Stands for the tasks of the connected target among what can be compared. */
const LIVE = 'live';

/** One side of a comparison. */
interface Side {
  readonly title: string;
  readonly groups: () => Promise<readonly StackGroup[]>;
}

/** What a person does with documents that hold stacks. */
export class StackCommands {
  constructor(
    private readonly server: LazyServer,
    private readonly targets: TargetService,
    private readonly opener: SourceOpener,
    private readonly documents: VirtualDocuments,
  ) {}

  /** Shows each stack of the document once. @throws Failure when it holds none. */
  async group(): Promise<void> {
    const { document } = stackEditor();
    const of = titleOf(document);
    const title = groupedTitle(of, document.uri.scheme === schemes.stacks);
    if (title === null) {
      vscode.window.setStatusBarMessage('Each stack is there once already', 5000);
      return;
    }
    const groups = await this.#groupsOf(document);
    await this.documents.show(title, groupedText(groups, of));
  }

  /**
   * Shows what is different between two texts, or a text and the connected target.
   * @param before URI of an open document, or `live`; the person is asked when there is none
   * @throws Failure
   */
  async compare(before?: string, after?: string): Promise<void> {
    const first = await this.#choose('Compare stacks: which is the earlier?', before, null);
    if (first === null) {
      return;
    }
    const second = await this.#choose(`Compare ${first.label} with`, after, first.id);
    if (second === null) {
      return;
    }
    const [then, now] = await Promise.all([first.side.groups(), second.side.groups()]);
    const text = comparedText(compareStacks(then, now), first.side.title, second.side.title);
    await this.documents.show(`${first.side.title} and ${second.side.title}`, text);
  }

  /** Goes to the next frame that has a source, and opens that beside. */
  async walk(by: 1 | -1): Promise<void> {
    const editor = stackEditor();
    const uri = editor.document.uri.toString();
    const { line, character } = editor.selection.active;
    const next = await this.server.request(nextFrameRequest, { uri, line, character, by });
    if (next === null) {
      vscode.window.setStatusBarMessage(
        `There is no ${by > 0 ? 'further' : 'earlier'} frame whose source is in the workspace`,
        5000,
      );
      return;
    }
    const start = new vscode.Position(next.line, next.start);
    editor.selection = new vscode.Selection(start, start);
    editor.revealRange(new vscode.Range(start, start), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    const place = next.places.find((one) => one.uri !== null);
    if (place !== undefined) {
      await this.opener.open(place, { preserveFocus: true, beside: editor.viewColumn });
    }
  }

  /** @param id of what is chosen already; @param not what cannot be chosen any more */
  async #choose(
    title: string,
    id: string | undefined,
    not: string | null,
  ): Promise<{ readonly id: string; readonly label: string; readonly side: Side } | null> {
    const sides = this.#sides().filter((item) => item.id !== not);
    if (id !== undefined) {
      const found = sides.find((item) => item.id === id);
      if (found === undefined) {
        throw new Failure(
          'no-stacks',
          id === LIVE ? 'No target is connected.' : 'That text is not open.',
          id === LIVE ? 'Connect to one, or compare two texts.' : 'Open it, then compare again.',
        );
      }
      return found;
    }
    // VS Code keeps documents for a while whose tabs were closed.
    const shown = shownTexts();
    const items = sides.filter((item) => item.id === LIVE || shown.has(item.id));
    if (items.length === 0 || (items.length === 1 && not === null)) {
      throw new Failure(
        'no-stacks',
        'There are no two texts to compare.',
        'Open another log or dump, or connect to a target.',
      );
    }
    return (await vscode.window.showQuickPick(items, { title })) ?? null;
  }

  #sides(): (vscode.QuickPickItem & { readonly id: string; readonly side: Side })[] {
    const active = vscode.window.activeTextEditor?.document;
    const rank = (document: vscode.TextDocument) =>
      document === active ? 0 : document.uri.scheme === schemes.stacks ? 2 : 1;
    const texts = vscode.workspace.textDocuments
      .filter((document) => mayHoldStacks(document) && !document.isClosed)
      // The one that is being looked at first, what was made of others last.
      .sort((a, b) => rank(a) - rank(b))
      .map((document) => {
        const title = titleOf(document);
        const where =
          document.uri.scheme === schemes.stacks ? '' : vscode.workspace.asRelativePath(document.uri);
        return {
          id: document.uri.toString(),
          label: title,
          description: where === title ? '' : where,
          side: { title, groups: () => this.#groupsOf(document) },
        };
      });
    const connection = this.targets.connection;
    const alias = this.targets.active?.entry.alias;
    if (connection === null || alias === undefined) {
      return texts;
    }
    const live = {
      id: LIVE,
      label: alias,
      description: 'all tasks of the target as they are now',
      side: {
        title: alias,
        groups: async () => snapshotGroups(await connection.run(targetModule().taskSnapshot, null)),
      },
    };
    return [...texts, live];
  }

  /** @throws Failure when the document holds no stacks. */
  async #groupsOf(document: vscode.TextDocument): Promise<readonly StackGroup[]> {
    const groups = await this.server.request(stackGroupsRequest, { uri: document.uri.toString() });
    if (groups === null || groups.length === 0) {
      throw new Failure(
        'no-stacks',
        `There are no stacks in ${titleOf(document)}.`,
        'Choose the text of a log or dump that has some.',
      );
    }
    return groups;
  }
}

/** URIs of the texts that have a tab. */
function shownTexts(): ReadonlySet<string> {
  const inputs = vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs.map(({ input }) => input));
  const uris = inputs.flatMap((input) =>
    input instanceof vscode.TabInputText
      ? [input.uri]
      : input instanceof vscode.TabInputTextDiff
        ? [input.original, input.modified]
        : [],
  );
  return new Set(uris.map((uri) => uri.toString()));
}

/** The editor of a text with stacks: the active one, else one that is in sight. @throws Failure */
function stackEditor(): vscode.TextEditor {
  const { activeTextEditor, visibleTextEditors } = vscode.window;
  const isKernelStack = ({ document }: vscode.TextEditor) => document.languageId === languages.kernelStack;
  const found =
    activeTextEditor !== undefined && mayHoldStacks(activeTextEditor.document)
      ? activeTextEditor
      : visibleTextEditors.find(isKernelStack);
  if (found === undefined) {
    throw new Failure(
      'no-stacks',
      'No text with stacks is in sight.',
      'Open a log, or run "ZScope: Paste Stack Text".',
    );
  }
  return found;
}

/** The name of a document, with its folders where others that are open have the same. */
function titleOf(document: vscode.TextDocument): string {
  const { uri } = document;
  const name = nameOf(uri);
  if (uri.scheme === schemes.stacks) {
    return name.replace(/\.kstack$/, '');
  }
  const isOnly = vscode.workspace.textDocuments.every(
    (other) => other === document || nameOf(other.uri) !== name || !mayHoldStacks(other),
  );
  const shown = isOnly ? name : vscode.workspace.asRelativePath(uri);
  return uri.scheme === 'git' ? `${shown} (Git)` : shown;
}

function nameOf({ path }: vscode.Uri): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
