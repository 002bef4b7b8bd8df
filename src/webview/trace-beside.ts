import { html, type LitElement, type TemplateResult } from 'lit';
import type { TraceKind } from '../core/tracing/kinds.ts';
import type { FromTraceView, ToTraceView } from '../protocol/trace-view.ts';
import './stack-lines.ts';
import './trace-tree.ts';

type Stack = Omit<Extract<ToTraceView, { type: 'stack' }>, 'type'>;

/** A drawn tree of calls. */
type Tree = Omit<Extract<ToTraceView, { type: 'tree' }>, 'type'>;

/** What stands beside the events of a trace: the stack of the chosen one, or the tree of its calls. */
export class BesideEvents {
  #stack: Stack | null = null;
  #tree: Tree | null = null;

  /**
   * @param post tells which line was opened
   * @param leave gives the focus back to the events
   */
  constructor(
    private readonly page: LitElement,
    private readonly post: (message: FromTraceView) => void,
    private readonly leave: () => void,
  ) {}

  /** Whether what stands there is of the event with this id. */
  isOf(id: number): boolean {
    return id === this.#stack?.id || id === this.#tree?.id;
  }

  get hasStack(): boolean {
    return this.#stack !== null;
  }

  clear(): void {
    this.#stack = null;
    this.#tree = null;
    this.page.requestUpdate();
  }

  /** Begins at the first line where it is of another event than before. */
  showStack({ id, lines, resolving }: Stack): void {
    if (id !== this.#stack?.id) {
      this.#stackLines?.reset();
    }
    this.#stack = { id, lines, resolving };
    this.page.requestUpdate();
  }

  /** @param isNew whether it begins at the first line where it is of another event */
  showTree(tree: Tree, isNew: boolean): void {
    if (isNew && tree.id !== this.#tree?.id) {
      this.#callTree?.reset();
    }
    this.#tree = tree;
    this.page.requestUpdate();
  }

  focus(): void {
    (this.#callTree ?? this.#stackLines)?.focus();
  }

  /** @param message in place of lines, while there are none */
  renderStack(message: string): TemplateResult {
    return html`<zs-stack-lines
      slot="second"
      .lines=${this.#stack?.lines ?? []}
      .resolving=${this.#stack?.resolving ?? false}
      .message=${message}
      @line-open=${(event: CustomEvent<number>) => this.#open(this.#stack, event.detail)}
      @keydown=${this.#onKeyDown}
    ></zs-stack-lines>`;
  }

  /** @param message as for {@link renderStack} */
  renderTree(kind: TraceKind, message: string): TemplateResult {
    return html`<zs-trace-tree
      slot="second"
      .rows=${this.#tree?.rows ?? []}
      .heading=${this.#tree?.heading ?? (kind === 'callers' ? 'Callers' : 'Call graph')}
      .resolving=${this.#tree?.resolving ?? false}
      .message=${message}
      @line-open=${(event: CustomEvent<number>) => this.#open(this.#tree, event.detail)}
      @keydown=${this.#onKeyDown}
    ></zs-trace-tree>`;
  }

  get #stackLines() {
    return this.page.renderRoot.querySelector('zs-stack-lines');
  }

  get #callTree() {
    return this.page.renderRoot.querySelector('zs-trace-tree');
  }

  #open(shown: { readonly id: number } | null, line: number): void {
    if (shown !== null) {
      this.post({ type: 'open', id: shown.id, line });
    }
  }

  readonly #onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      this.leave();
    }
  };
}
