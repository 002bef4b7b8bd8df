import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import { html, nothing, type TemplateResult } from 'lit';
import type { Row, RowStore } from './rows/row-store.ts';

const numbers = new Intl.NumberFormat('en-US');

/** A number as a person reads it: `200,000`. */
export function grouped(value: number): string {
  return numbers.format(value);
}

/** `shown/total`, with what is not said in so little room as its tooltip. */
export function countLabel<T extends Row>(store: RowStore<T>, things: string): TemplateResult {
  const { count, total, dropped } = store;
  const older = dropped === 0 ? '' : `; ${grouped(dropped)} older ones are no longer kept`;
  const title = `${grouped(count)} of ${grouped(total)} ${things} shown${older}`;
  return html`<span class="count" title=${title}>${grouped(count)}/${grouped(total)}</span>`;
}

/** How many rows wait for the end of a pause. */
export function waitingBadge<T extends Row>(store: RowStore<T>): TemplateResult | typeof nothing {
  return store.pausedAfter === null
    ? nothing
    : html`<span class="waiting">${grouped(store.waiting)} waiting</span>`;
}

export function pauseButton(paused: boolean, onChange: (on: boolean) => void): TemplateResult {
  const title = paused ? 'Show the lines that came meanwhile' : 'Pause: new lines wait';
  return switchButton({ icon: 'debug-pause', label: 'Pause', title }, paused, onChange);
}

export function followButton(following: boolean, onChange: (on: boolean) => void): TemplateResult {
  const title = following ? 'Following: the newest line stays in sight' : 'Follow the newest line';
  return switchButton({ icon: 'arrow-circle-down', label: 'Follow', title }, following, onChange);
}

function switchButton(
  { icon, label, title }: { readonly icon: string; readonly label: string; readonly title: string },
  on: boolean,
  onChange: (on: boolean) => void,
): TemplateResult {
  return html`<vscode-toolbar-button
    icon=${icon}
    label=${label}
    title=${title}
    toggleable
    .checked=${on}
    @click=${() => onChange(!on)}
  ></vscode-toolbar-button>`;
}
