import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { inert } from '../core/text/inert.ts';
import './filter-box.ts';
import type { RowList } from './list/row-list.ts';
import type { ListState } from './list-state.ts';
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

  /**
   * @param target whose rows these are; empty when it is said elsewhere
   * @param streams whether more rows may come: else there is nothing to pause and to follow
   */
  protected renderToolbar(texts: ToolbarTexts, target = '', streams = true): TemplateResult {
    const { label, filterPlaceholder, filterLabel, things } = texts;
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
      ${target === '' ? nothing : html`<span class="aside" title=${inert(target)}>${inert(target)}</span>`}
      <span class="space"></span>
      ${
        streams
          ? html`${waitingBadge(store)} ${pauseButton(store.pausedAfter !== null, (on) => this.#setPaused(on))}
            ${followButton(this.follow, (on) => this.setFollow(on))}`
          : nothing
      }
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

  /** What the page remembers of the list. */
  protected get listState(): ListState {
    return {
      filter: this.stream.filterText,
      follow: this.follow,
      pausedAfter: this.stream.store.pausedAfter,
      active: this.list?.activeId ?? null,
    };
  }

  /** Begins with no rows; the rows that follow are shown as they were left, unless that is null. */
  protected restart(saved: ListState | null): void {
    this.stream.clear();
    const { list } = this;
    list?.reset();
    if (saved === null) {
      return;
    }
    if (saved.pausedAfter !== null) {
      this.stream.pause(saved.pausedAfter);
    }
    if (list !== null) {
      list.activeId = saved.active;
      list.follow = this.follow;
      list.revealActive();
    }
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
