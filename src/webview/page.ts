import { fillPage } from './styles.ts';

/** Shows a view in its page, as soon as that is loaded: VS Code shows a page no earlier. */
export function showView(name: string, view: CustomElementConstructor): void {
  fillPage();
  customElements.define(name, view);
  // The script stands in the page, so this is still to come; readyState tells nothing in a document that was written.
  addEventListener(
    'load',
    () => {
      const icons = document.createElement('link');
      icons.rel = 'stylesheet';
      // vscode-icon finds the style sheet of the icons by this id.
      icons.id = 'vscode-codicon-stylesheet';
      icons.href = document.body.dataset['icons'] ?? '';
      document.head.append(icons);
      document.body.append(document.createElement(name));
    },
    { once: true },
  );
}
