import { html, LitElement, type TemplateResult } from 'lit';
import './filter-box.ts';
import type { RowList } from './list/row-list.ts';
import type { RowStream } from './row-stream.ts';
import type { Filter } from './rows/filter.ts';
import type { Row } from './rows/row-store.ts';
import { countLabel, followButton, pauseButton, waitingBadge } from './toolbar.ts';

/** What the toolbar of a view says. */
export interface ToolbarTexts {
  readonly label: string;
  readonly filterPlaceholder: string;
  readonly filterLabel: string;
  /** What the rows are, in the plural. */
  readonly things: string;
}

/** A page around one list of rows, which a person filters, pauses and follows. */
export abstract class RowsView<T extends Row> extends LitElement {
  protected abstract readonly stream: RowStream<T>;
  /** Whether the newest row stays in sight. */
  protected follow = true;

  /** Null before the page was first drawn. */
  protected abstract get list(): (RowList<T> & { filter: Filter | null }) | null;

  /** Remembers the view's state for when the page comes back. */
  protected abstract save(): void;

  protected renderToolbar({ label, filterPlaceholder, filterLabel, things }: ToolbarTexts): TemplateResult {
    const { store, filterText } = this.stream;
    return html`<div class="toolbar" role="toolbar" aria-label=${label}>
      <zs-filter-box
        .value=${filterText}
        placeholder=${filterPlaceholder}
        label=${filterLabel}
        @filter-change=${this.#onFilter}
        @filter-leave=${() => this.list?.focus()}
      ></zs-filter-box>
      ${countLabel(store, things)}
      <span class="space"></span>
      ${waitingBadge(store)} ${pauseButton(store.pausedAfter !== null, (on) => this.#setPaused(on))}
      ${followButton(this.follow, (on) => this.setFollow(on))}
    </div>`;
  }

  /** What the stream calls in a frame. */
  protected draw(refiltered: boolean): void {
    const { list } = this;
    if (list !== null) {
      list.filter = this.stream.filter;
      list.follow = this.follow;
      list.refresh();
      if (refiltered) {
        list.revealActive();
      }
    }
    this.requestUpdate();
  }

  protected setFollow(on: boolean): void {
    if (on !== this.follow) {
      this.follow = on;
      this.save();
      this.stream.schedule();
    }
  }

  protected focusFilter(): void {
    this.renderRoot.querySelector('zs-filter-box')?.focus();
  }

  /** For the list: Ctrl+F goes to the filter. */
  protected onListKeyDown(event: KeyboardEvent): void {
    if (event.key === 'f' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.focusFilter();
    }
  }

  #setPaused(on: boolean): void {
    if (on) {
      this.stream.pause();
    } else {
      this.stream.resume();
    }
    this.save();
    this.requestUpdate();
  }

  #onFilter(event: Event): void {
    if (event.target instanceof HTMLElement && 'value' in event.target) {
      this.stream.filterText = String(event.target.value);
      this.save();
      this.requestUpdate();
    }
  }
}
