import '@vscode-elements/elements/dist/vscode-icon/index.js';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { inert } from '../core/text/inert.ts';
import type { TraceAlternative } from '../protocol/trace-view.ts';
import { linkStyles } from './styles.ts';

/** UTF-16 units of a sentence and of a name that are shown. */
const TEXT_MAX = 2_000;
const NAME_MAX = 300;

/**
 * Stands in place of events that will not come: why, and what can be traced instead. Fires
 * `alternative-choose` (detail: index of the alternative).
 */
export class Refusal extends LitElement {
  static override properties = { text: {}, alternatives: { attribute: false } };

  static override styles = [
    linkStyles,
    css`
      :host {
        display: block;
        overflow-y: auto;
        padding: 8px 10px;
      }

      .why {
        display: flex;
        gap: 6px;
        margin: 0 0 12px;
        overflow-wrap: anywhere;
        unicode-bidi: isolate;
      }

      .why vscode-icon {
        flex: none;
        --vscode-icon-foreground: var(--vscode-errorForeground);
      }

      h2 {
        margin: 0 0 4px;
        font-size: inherit;
        font-weight: 600;
      }

      ul {
        margin: 0;
        padding: 0;
        list-style: none;
      }

      button {
        padding: 2px 4px;
        border: 0;
        outline: 1px solid transparent;
        outline-offset: -1px;
        background: none;
        color: var(--vscode-foreground);
        font: inherit;
        line-height: 22px;
        overflow-wrap: anywhere;
        text-align: left;
        cursor: pointer;
      }

      button:hover .link {
        color: var(--vscode-textLink-activeForeground);
        text-decoration: underline;
      }

      button:focus-visible {
        outline-color: var(--vscode-focusBorder);
      }

      .link {
        margin-right: 8px;
        font-family: var(--vscode-editor-font-family);
        unicode-bidi: isolate;
      }

      .about {
        color: var(--vscode-descriptionForeground);
        unicode-bidi: isolate;
      }
    `,
  ];

  text = '';
  alternatives: readonly TraceAlternative[] = [];

  override render(): TemplateResult {
    return html`<p class="why" role="alert">
        <vscode-icon name="error"></vscode-icon><span>${inert(this.text, TEXT_MAX)}</span>
      </p>
      ${
        this.alternatives.length === 0
          ? nothing
          : html`<h2 id="instead">Trace one of these instead</h2>
              <ul aria-labelledby="instead">
                ${this.alternatives.map((alternative, index) => this.#renderAlternative(alternative, index))}
              </ul>`
      }`;
  }

  #renderAlternative({ symbol, about }: TraceAlternative, index: number): TemplateResult {
    return html`<li>
      <button type="button" @click=${() => this.#choose(index)}>
        <span class="link">${inert(symbol, NAME_MAX)}</span>
        <span class="about">${inert(about, NAME_MAX)}</span>
      </button>
    </li>`;
  }

  #choose(index: number): void {
    this.dispatchEvent(new CustomEvent<number>('alternative-choose', { detail: index }));
  }
}

customElements.define('zs-refusal', Refusal);

declare global {
  interface HTMLElementTagNameMap {
    'zs-refusal': Refusal;
  }
}
