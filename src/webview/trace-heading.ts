import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import { html, nothing, type TemplateResult } from 'lit';
import { inert } from '../core/text/inert.ts';
import type { FromTraceView, TraceStatus } from '../protocol/trace-view.ts';

/** What stands above all else in a trace's page. */
interface TraceHeading {
  readonly title: string;
  /** Empty when it is not said. */
  readonly target: string;
  readonly state: TraceStatus;
  readonly losses: { readonly text: string; readonly title: string };
  readonly hasProgram: boolean;
  /** The reason is all that the page shows, below. */
  readonly isRefused: boolean;
}

/** @param post tells what was clicked */
export function traceHeading(
  { title, target, state, losses, hasProgram, isRefused }: TraceHeading,
  post: (message: FromTraceView) => void,
): TemplateResult {
  return html`<header class="heading">
    <h1>${inert(title)}</h1>
    ${target === '' ? nothing : html`<span class="aside">on ${inert(target)}</span>`}
    <span
      class=${state.isError ? 'aside state error' : 'aside state'}
      role="status"
      title=${inert(state.text)}
      >${isRefused ? '' : inert(state.text)}</span
    >
    ${
      losses.text === ''
        ? nothing
        : html`<span class="losses" role="status" title=${inert(losses.title)}
            >${inert(losses.text)}</span
          >`
    }
    ${
      state.running
        ? html`<vscode-toolbar-button
            class="stop"
            icon="debug-stop"
            label="Stop tracing"
            title="Stop tracing"
            @click=${() => post({ type: 'stop' })}
            >Stop</vscode-toolbar-button
          >`
        : nothing
    }
    ${
      hasProgram && !isRefused
        ? html`<vscode-toolbar-button
            class="program"
            icon="copy"
            label="Copy program"
            title="Copy what runs on the target, as a script for root"
            @click=${() => post({ type: 'copyProgram' })}
          ></vscode-toolbar-button
          ><vscode-toolbar-button
            icon="go-to-file"
            label="Open program"
            title="Open what runs on the target in an editor, to change it and run it again"
            @click=${() => post({ type: 'openProgram' })}
          ></vscode-toolbar-button>`
        : nothing
    }
  </header>`;
}

/** How arguments are known; nothing for an empty text. */
export function argumentsNote(text: string): TemplateResult | typeof nothing {
  return text === '' ? nothing : html`<div class="note" title=${inert(text)}>${inert(text)}</div>`;
}
