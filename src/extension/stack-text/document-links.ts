import * as vscode from 'vscode';
import { type RequestKind, stackLinksRequest } from '../../protocol/server.ts';
import { type AskServer, askForChange } from './ask-server.ts';
import { LinkTable } from './link-table.ts';

/** Links of one document that VS Code is given: it draws them all. */
const MAX_LINKS = 100_000;

/** As the Language Server Protocol has it; what is left out here is not asked for. */
interface ResolvedLink {
  readonly target?: string;
  readonly tooltip?: string;
}

const resolveRequest: RequestKind<object, ResolvedLink> = { method: 'documentLink/resolve' };

class StackLink extends vscode.DocumentLink {
  /** @param data the document, as the server numbers it */
  constructor(
    range: vscode.Range,
    readonly data: () => number,
  ) {
    super(range);
  }
}

/** What is kept of a document: its links, and its number in answers. */
class Kept {
  document = 0;
  readonly table = new LinkTable<StackLink>({
    make: (line, start, end) => new StackLink(new vscode.Range(line, start, line, end), () => this.document),
    move: (link, line, start, end) => {
      link.range = new vscode.Range(line, start, line, end);
    },
  });
}

/** The links of documents with stacks, by one server process: after an edit, only what is different is asked for. */
export class DocumentLinks {
  readonly #kept = new WeakMap<vscode.TextDocument, Kept>();

  constructor(private readonly ask: AskServer) {}

  /** @throws as {@link AskServer} */
  async provide(
    document: vscode.TextDocument,
    token: vscode.CancellationToken,
  ): Promise<vscode.DocumentLink[] | null> {
    const kept = this.#kept.get(document) ?? new Kept();
    this.#kept.set(document, kept);
    const change = await askForChange(this.ask, stackLinksRequest, document, kept.table, token);
    if (change === null) {
      this.#kept.delete(document);
      return null;
    }
    kept.document = change.document;
    return kept.table.take(change, MAX_LINKS);
  }

  /** Says where a link leads. @throws as {@link AskServer} */
  async resolve(link: vscode.DocumentLink, token: vscode.CancellationToken): Promise<vscode.DocumentLink> {
    if (link instanceof StackLink) {
      const { start, end } = link.range;
      const { target, tooltip } = await this.ask(
        resolveRequest,
        { range: { start, end }, data: link.data() },
        token,
      );
      if (target !== undefined) {
        link.target = vscode.Uri.parse(target, true);
      }
      if (tooltip !== undefined) {
        link.tooltip = tooltip;
      }
    }
    return link;
  }
}
