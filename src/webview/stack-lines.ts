import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { inert } from '../core/text/inert.ts';
import type { StackLine } from '../protocol/trace-view.ts';
import { focusCurrent, moveFocus } from './list-keys.ts';
import { lineListStyles, linkStyles, rowStyles } from './styles.ts';

/** UTF-16 units of a label or place that are shown. */
const TEXT_MAX = 500;

/** The stack of one event. Fires `line-open` (detail: index of the line) when a person opens a line. */
export class StackLines extends LitElement {
  static override properties = { lines: { attribute: false }, message: {}, resolving: { type: Boolean } };

  static override styles = [
    linkStyles,
    rowStyles,
    lineListStyles,
    css`
      ol {
        flex: 1 1 0;
        margin: 0;
        padding: 0;
        overflow-x: hidden;
        overflow-y: auto;
        list-style: none;
      }

      .row {
        display: flex;
        align-items: baseline;
        white-space: pre;
      }

      .row[aria-disabled='true'] {
        cursor: default;
      }

      .row:focus .tag {
        color: inherit;
      }

      .inlined .label {
        padding-left: 2ch;
        font-style: italic;
      }

      .tag {
        flex: none;
        color: var(--vscode-descriptionForeground);
        font-family: var(--vscode-font-family);
        font-size: 11px;
      }
    `,
  ];

  lines: readonly StackLine[] = [];
  /** What stands in place of the lines while there are none. */
  message = '';
  resolving = false;
  #chosen = 0;

  override render(): TemplateResult {
    const chosen = Math.min(this.#chosen, this.lines.length - 1);
    return html`<h2 id="title">
        Stack${this.resolving ? html`<small role="status">finding source lines…</small>` : nothing}
      </h2>
      ${
        this.lines.length === 0
          ? html`<div class="message">${this.message}</div>`
          : html`<ol aria-labelledby="title" @keydown=${(event: KeyboardEvent) => moveFocus(this.renderRoot, event)}>
              ${this.lines.map((line, index) => this.#renderLine(line, index, index === chosen))}
            </ol>`
      }`;
  }

  #renderLine(line: StackLine, index: number, chosen: boolean): TemplateResult {
    const label = inert(line.label, TEXT_MAX);
    const source = inert(line.source, TEXT_MAX);
    const hint = line.canOpen ? `Open ${source === '' ? label : source}` : `${label}: no source to open`;
    return html`<li>
      <button
        type="button"
        class=${`row${line.inlined ? ' inlined' : ''}${chosen ? ' chosen' : ''}`}
        tabindex=${chosen ? 0 : -1}
        title=${hint}
        aria-disabled=${line.canOpen ? 'false' : 'true'}
        @click=${() => this.#open(index)}
        @focus=${() => this.#choose(index)}
      >
        <span class="label">${label}</span>${line.inlined ? html`<span class="tag">inlined</span>` : nothing}${
          source === ''
            ? nothing
            : html`<span class=${line.canOpen ? 'source link' : 'source'}>${source}</span>`
        }${line.note === '' ? nothing : html`<span class="tag">${inert(line.note, TEXT_MAX)}</span>`}
      </button>
    </li>`;
  }

  override focus(): void {
    focusCurrent(this.renderRoot);
  }

  /** Begins again at the first line; call it when another event's stack comes. */
  reset(): void {
    this.#chosen = 0;
    this.requestUpdate();
  }

  #choose(index: number): void {
    this.#chosen = index;
    this.requestUpdate();
  }

  #open(index: number): void {
    this.#choose(index);
    if (this.lines[index]?.canOpen === true) {
      this.dispatchEvent(new CustomEvent<number>('line-open', { detail: index }));
    }
  }
}

customElements.define('zs-stack-lines', StackLines);

declare global {
  interface HTMLElementTagNameMap {
    'zs-stack-lines': StackLines;
  }
}
