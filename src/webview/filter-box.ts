import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import '@vscode-elements/elements/dist/vscode-icon/index.js';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { FILTER_TEXT_MAX } from './rows/filter.ts';

/**
 * A box for filter text. Fires `filter-change` when the text changes, and `filter-leave` when a
 * person goes on to the list with Escape, Enter or the down arrow.
 */
export class FilterBox extends LitElement {
  static override properties = { value: {}, placeholder: {}, label: {} };

  static override styles = css`
    :host {
      display: block;
    }

    vscode-textfield {
      width: 100%;
      height: 24px;
    }
  `;

  value = '';
  placeholder = '';
  label = '';

  override render(): TemplateResult {
    return html`<vscode-textfield
      .value=${this.value}
      .label=${this.label}
      placeholder=${this.placeholder}
      maxlength=${FILTER_TEXT_MAX}
      @input=${this.#onInput}
      @keydown=${this.#onKeyDown}
      ><vscode-icon slot="content-before" name="filter"></vscode-icon>${
        this.value === ''
          ? nothing
          : html`<vscode-toolbar-button
              slot="content-after"
              icon="close"
              label="Clear filter"
              title="Clear filter"
              @click=${this.#onClear}
            ></vscode-toolbar-button>`
      }</vscode-textfield
    >`;
  }

  override focus(): void {
    // The field itself delegates the focus to its input.
    const field = this.#field;
    field?.focus();
    field?.wrappedElement.select();
  }

  get #field() {
    return this.renderRoot.querySelector('vscode-textfield');
  }

  #onInput(event: Event): void {
    event.stopPropagation();
    this.#change(this.#field?.value ?? '');
  }

  #onClear(): void {
    this.#change('');
    this.focus();
  }

  #change(value: string): void {
    this.value = value;
    this.dispatchEvent(new Event('filter-change'));
  }

  #onKeyDown(event: KeyboardEvent): void {
    if (event.target === this.#field && ['Escape', 'Enter', 'ArrowDown'].includes(event.key)) {
      event.preventDefault();
      this.dispatchEvent(new Event('filter-leave'));
    }
  }
}

customElements.define('zs-filter-box', FilterBox);

declare global {
  interface HTMLElementTagNameMap {
    'zs-filter-box': FilterBox;
  }
}
