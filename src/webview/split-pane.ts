import { css, html, LitElement, type PropertyValues, type TemplateResult } from 'lit';

/** Least and greatest share of the first pane, in percent. */
const LEAST = 15;
const GREATEST = 85;
/** What an arrow key moves, in percent. */
const STEP = 5;

/**
 * Two panes, slots `first` and `second`, with a bar between them that the pointer and the arrow
 * keys move. They stand side by side where there is room, else one above the other. Fires
 * `split-change` when a person moved the bar.
 */
export class SplitPane extends LitElement {
  static override properties = { share: { type: Number } };

  static override styles = css`
    :host {
      display: block;
      min-height: 0;
      container-type: size;
    }

    .panes {
      display: flex;
      flex-direction: column;
      height: 100%;
    }

    .pane {
      display: flex;
      flex-direction: column;
      flex: 1 1 0;
      min-width: 0;
      min-height: 0;
      overflow: hidden;
    }

    .pane.first {
      flex: 0 0 var(--share);
    }

    ::slotted(*) {
      flex: 1 1 0;
    }

    .bar {
      position: relative;
      flex: none;
      height: 1px;
      background: var(--vscode-panel-border, var(--vscode-contrastBorder, transparent));
      outline: none;
    }

    /* Wide enough to be caught, without taking room. */
    .bar::after {
      content: '';
      position: absolute;
      z-index: 1;
      inset: -2px 0;
      cursor: ns-resize;
    }

    .bar:hover::after,
    .bar:focus-visible::after {
      background: var(--vscode-sash-hoverBorder, var(--vscode-focusBorder));
    }

    @container (min-width: 900px) {
      .panes {
        flex-direction: row;
      }

      .bar {
        width: 1px;
        height: auto;
      }

      .bar::after {
        inset: 0 -2px;
        cursor: ew-resize;
      }
    }
  `;

  /** The first pane's share of the room, in percent. */
  share = 60;

  override render(): TemplateResult {
    return html`<div class="panes">
      <div class="pane first"><slot name="first"></slot></div>
      <div
        class="bar"
        role="separator"
        tabindex="0"
        aria-label="Resize the stack"
        aria-valuemin=${LEAST}
        aria-valuemax=${GREATEST}
        aria-valuenow=${Math.round(this.share)}
        @pointerdown=${this.#onPointerDown}
        @pointermove=${this.#onPointerMove}
        @keydown=${this.#onKeyDown}
      ></div>
      <div class="pane"><slot name="second"></slot></div>
    </div>`;
  }

  override updated(changed: PropertyValues): void {
    super.updated(changed);
    this.#panes?.style.setProperty('--share', `${this.share}%`);
  }

  get #panes(): HTMLElement | null {
    return this.renderRoot.querySelector('.panes');
  }

  #move(share: number): void {
    const within = Math.min(GREATEST, Math.max(LEAST, share));
    if (within !== this.share) {
      this.share = within;
      this.dispatchEvent(new Event('split-change'));
    }
  }

  #onPointerDown(event: PointerEvent): void {
    if (event.target instanceof Element) {
      event.target.setPointerCapture(event.pointerId);
    }
  }

  #onPointerMove(event: PointerEvent): void {
    const panes = this.#panes;
    if (
      panes === null ||
      !(event.target instanceof Element) ||
      !event.target.hasPointerCapture(event.pointerId)
    ) {
      return;
    }
    const room = panes.getBoundingClientRect();
    const beside = getComputedStyle(panes).flexDirection === 'row';
    const share = beside
      ? (event.clientX - room.left) / room.width
      : (event.clientY - room.top) / room.height;
    this.#move(share * 100);
  }

  #onKeyDown(event: KeyboardEvent): void {
    const step = { ArrowUp: -STEP, ArrowLeft: -STEP, ArrowDown: STEP, ArrowRight: STEP }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      this.#move(this.share + step);
    }
  }
}

customElements.define('zs-split-pane', SplitPane);

declare global {
  interface HTMLElementTagNameMap {
    'zs-split-pane': SplitPane;
  }
}
