import {
  type Connection,
  DefinitionRequest,
  DocumentLinkRequest,
  DocumentSymbolRequest,
  FoldingRangeRequest,
  HoverRequest,
  type InitializeParams,
  type SemanticTokens,
  SemanticTokensRegistrationType,
  type ServerCapabilities,
  type TextDocuments,
} from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { groupTraces } from '../core/stack/groups.ts';
import {
  lineLinksRequest,
  nextFrameRequest,
  type OtherSource,
  type RunningModule,
  runningSourceRequest,
  type StackLinksParams,
  type StackOutlineParams,
  stackGroupsRequest,
  stackLinksRequest,
  stackOutlineRequest,
  stackProgramsRequest,
} from '../protocol/server.ts';
import type { Locator } from './locator.ts';
import { STACK_LANGUAGES, type StackDocument, type StackDocuments } from './stack-documents.ts';
import { StackHover } from './stack-hover.ts';
import { StackLinks } from './stack-links.ts';
import { DocumentOutlines, stackFolds, stackSymbols } from './stack-outline.ts';
import { type DebugLines, StackPlaces } from './stack-places.ts';
import { lineLinks, nextFrame, programsIn } from './stack-requests.ts';
import { DocumentTokens, stackLegend, stackTokens } from './stack-tokens.ts';

/** What the service needs of the server around it. */
interface Surroundings {
  readonly connection: Connection;
  readonly documents: TextDocuments<TextDocument>;
  readonly stacks: StackDocuments;
  readonly locator: Locator;
  readonly debug: DebugLines;
  /** The text of a file of the index by its URI; null when it cannot be read. */
  readonly read: (uri: string) => Promise<string | null>;
  /** Resolves when the index holds all that was asked of it. */
  readonly settled: () => Promise<void>;
}

/** All that the editor asks of documents that hold stacks. */
export class StackService {
  readonly #links: StackLinks;
  readonly #places: StackPlaces;
  #canRegister = false;

  constructor(private readonly around: Surroundings) {
    this.#places = new StackPlaces(around.locator, around.debug);
    this.#links = new StackLinks(around.locator, this.#places);
    const { connection, read } = around;
    const running = (uri: string) =>
      connection
        .sendRequest<OtherSource | null>(runningSourceRequest.method, { uri })
        // A client that is not VS Code with the extension.
        .catch(() => null);
    this.#answer(new StackHover(this.#links, this.#places, { open: read, running }));
  }

  /** What the server can do from the start; the rest is registered later, where the client takes it. */
  capabilities({ textDocument }: InitializeParams['capabilities']): Partial<ServerCapabilities> {
    // Registered later, these are given for stacks alone; C documents have servers of their own.
    this.#canRegister =
      textDocument?.documentLink?.dynamicRegistration === true &&
      textDocument.definition?.dynamicRegistration === true &&
      textDocument.hover?.dynamicRegistration === true &&
      textDocument.documentSymbol?.dynamicRegistration === true &&
      textDocument.foldingRange?.dynamicRegistration === true &&
      textDocument.semanticTokens?.dynamicRegistration === true;
    return this.#canRegister
      ? {}
      : {
          documentLinkProvider: { resolveProvider: true },
          definitionProvider: true,
          hoverProvider: true,
          documentSymbolProvider: true,
          foldingRangeProvider: true,
          semanticTokensProvider: { legend: stackLegend, full: { delta: true }, range: true },
        };
  }

  /** Registers what {@link capabilities} left for later. @throws when the client refuses. */
  async register(): Promise<void> {
    if (!this.#canRegister) {
      return;
    }
    const { client } = this.around.connection;
    const documentSelector = STACK_LANGUAGES.map((language) => ({ language }));
    await client.register(DocumentLinkRequest.type, { documentSelector, resolveProvider: true });
    await client.register(DefinitionRequest.type, { documentSelector });
    await client.register(HoverRequest.type, { documentSelector });
    await client.register(DocumentSymbolRequest.type, { documentSelector, label: 'Stacks' });
    await client.register(FoldingRangeRequest.type, { documentSelector });
    await client.register(SemanticTokensRegistrationType.type, {
      documentSelector,
      legend: stackLegend,
      full: { delta: true },
      range: true,
    });
  }

  /** The index changed. */
  sourcesChanged(): void {
    this.#links.sourcesChanged();
  }

  /** These builds run, or ran, on a target. */
  sawBuilds(modules: readonly RunningModule[]): void {
    this.#places.saw(modules);
  }

  #answer(hover: StackHover): void {
    const { connection, settled } = this.around;
    const tokens = new DocumentTokens();
    const outlines = new DocumentOutlines();
    connection.onDocumentLinks(async ({ textDocument }) => {
      await settled();
      const document = this.#document(textDocument);
      return document === null ? [] : this.#links.of(document);
    });
    connection.onRequest(stackLinksRequest.method, async ({ uri, known }: StackLinksParams) => {
      await settled();
      const document = this.#document({ uri });
      return document === null ? null : this.#links.changes(document, known);
    });
    connection.onDocumentLinkResolve((link) => this.#links.resolve(link));
    connection.onDefinition(async ({ textDocument, position }) => {
      await settled();
      const document = this.#document(textDocument);
      return document === null ? [] : this.#links.definition(document, position);
    });
    connection.onHover(async ({ textDocument, position }) => {
      await settled();
      const document = this.#document(textDocument);
      return document === null ? null : hover.at(document, position);
    });
    // What follows is told by the text alone.
    connection.onDocumentSymbol(({ textDocument }) => {
      const document = this.#document(textDocument);
      return document === null ? [] : stackSymbols(document);
    });
    connection.onRequest(stackOutlineRequest.method, ({ uri, known }: StackOutlineParams) => {
      const document = this.#document({ uri });
      return document === null ? null : outlines.changes(document, known);
    });
    connection.onFoldingRanges(({ textDocument }) => {
      const document = this.#document(textDocument);
      // Null, not none: other texts keep the folds that the editor makes by indentation.
      return document === null ? null : stackFolds(document);
    });
    const tokensOf = (textDocument: { readonly uri: string }, known: string | null) => {
      const document = this.#document(textDocument);
      return document === null ? { data: [] } : tokens.of(document, known);
    };
    // Without an answer before, the answer is all of them.
    connection.languages.semanticTokens.on(
      ({ textDocument }) => tokensOf(textDocument, null) as SemanticTokens,
    );
    connection.languages.semanticTokens.onDelta(({ textDocument, previousResultId }) =>
      tokensOf(textDocument, previousResultId),
    );
    connection.languages.semanticTokens.onRange(({ textDocument, range }) => {
      const document = this.#document(textDocument);
      return document === null ? { data: [] } : stackTokens(document, range);
    });
    connection.onRequest(stackGroupsRequest.method, (params: { uri: string }) => {
      const document = this.#document(params);
      return document === null ? null : groupTraces(document.traces);
    });
    connection.onRequest(stackProgramsRequest.method, (params: { uri: string }) => {
      const document = this.#document(params);
      return document === null ? [] : programsIn(document.lines.blocks);
    });
    connection.onRequest(
      nextFrameRequest.method,
      async (params: Parameters<typeof nextFrame>[2] & { uri: string }) => {
        await settled();
        const document = this.#document(params);
        return document === null ? null : nextFrame(document, this.#places, params);
      },
    );
    connection.onRequest(lineLinksRequest.method, async ({ text }: { text: string }) => {
      await settled();
      return lineLinks(text, this.#links, this.#places);
    });
  }

  #document({ uri }: { readonly uri: string }): StackDocument | null {
    return this.around.stacks.of(this.around.documents.get(uri));
  }
}
