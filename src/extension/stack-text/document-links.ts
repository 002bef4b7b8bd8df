import * as vscode from 'vscode';
import { type IsExact, type RequestKind, stackLinksRequest } from '../../protocol/server.ts';
import { type AskServer, askForChange } from './ask-server.ts';
import { LinkTable } from './link-table.ts';

/** Links of one document that VS Code is given: it draws them all. */
const MAX_LINKS = 100_000;

/** As the Language Server Protocol has it; what is left out here is not asked for. */
interface ResolvedLink extends IsExact {
  readonly target?: string;
  readonly tooltip?: string;
}

interface Definition extends IsExact {
  readonly uri: string;
  readonly range: { readonly start: { readonly line: number; readonly character: number } };
}

const definitionRequest: RequestKind<object, readonly Definition[] | null> = {
  method: 'textDocument/definition',
};

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

  /** @param shown where a line of the running build is to be seen */
  constructor(
    private readonly ask: AskServer,
    private readonly shown: (file: vscode.Uri) => Promise<vscode.Uri>,
  ) {}

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
      const {
        target,
        tooltip,
        isExact = false,
      } = await this.ask(resolveRequest, { range: { start, end }, data: link.data() }, token);
      if (target !== undefined) {
        const uri = vscode.Uri.parse(target, true);
        link.target = isExact
          ? (await this.shown(uri.with({ fragment: '' }))).with({ fragment: uri.fragment })
          : uri;
      }
      if (tooltip !== undefined) {
        link.tooltip = tooltip;
      }
    }
    return link;
  }

  /** Where what stands at a position leads. @throws as {@link AskServer} */
  async definitions(
    document: vscode.TextDocument,
    { line, character }: vscode.Position,
    token: vscode.CancellationToken,
  ): Promise<vscode.Location[]> {
    const params = { textDocument: { uri: document.uri.toString() }, position: { line, character } };
    const found = (await this.ask(definitionRequest, params, token)) ?? [];
    return Promise.all(
      found.map(async ({ uri, range: { start }, isExact = false }) => {
        const file = vscode.Uri.parse(uri, true);
        const at = new vscode.Position(start.line, start.character);
        return new vscode.Location(isExact ? await this.shown(file) : file, at);
      }),
    );
  }
}
