/** What VS Code gives the page of a webview, once a page. */
interface WebviewApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): WebviewApi;

/** The extension as a page sees it. `From` are the page's messages, `State` is what it remembers while hidden. */
export interface Host<From, State> {
  post(message: From): void;
  load(): State;
  save(state: State): void;
}

/** How values from outside become values of a page's types. */
export interface Readers<To, State> {
  /** Null for what is not a message of this page; it is ignored then. */
  readonly message: (value: unknown) => To | null;
  readonly state: (value: unknown) => State;
}

/** Connects the page to the extension; call it once. The listener lives as long as the page. */
export function connect<To, From, State>(
  readers: Readers<To, State>,
  onMessage: (message: To) => void,
): Host<From, State> {
  const api = acquireVsCodeApi();
  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    const message = readers.message(event.data);
    if (message !== null) {
      onMessage(message);
    }
  });
  return {
    post: (message) => api.postMessage(message),
    load: () => readers.state(api.getState()),
    save: (state) => api.setState(state),
  };
}
