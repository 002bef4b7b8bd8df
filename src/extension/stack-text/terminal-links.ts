import * as vscode from 'vscode';
import type { Place } from '../../core/symbols/location.ts';
import { lineLinksRequest } from '../../protocol/server.ts';
import type { FailureFunnel } from '../failures.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { SourceOpener } from '../source/open-place.ts';

/** Longest line that is looked at, in UTF-16 units: longer ones hold no stack that a person reads. */
const MAX_LINE = 2000;

/** A line without any of these names no place that the server would find: `f+0x1c`, `f+28`, `zdb(+0x1c)`, `zil.c:3194`. */
const PLACE = /[\w.(]\+(?:0x)?[\da-f]|\.[chS]:\d/;

interface PlaceLink extends vscode.TerminalLink {
  readonly places: readonly Place[];
}

/** Makes frames and places in the source links in terminals, as far as they lead into the workspace. */
export function linkTerminals(
  server: LazyServer,
  opener: SourceOpener,
  funnel: FailureFunnel,
): vscode.Disposable {
  return vscode.window.registerTerminalLinkProvider({
    provideTerminalLinks: async ({ line }, token): Promise<PlaceLink[]> => {
      if (line.length > MAX_LINE || !PLACE.test(line)) {
        return [];
      }
      const abort = new AbortController();
      const listener = token.onCancellationRequested(() => abort.abort());
      try {
        const links = await server.request(lineLinksRequest, { text: line }, abort.signal);
        return links.map(({ start, end, places }) => ({
          startIndex: start,
          length: end - start,
          tooltip: 'Open source',
          places,
        }));
      } catch (error) {
        if (!abort.signal.aborted) {
          funnel.note(error, 'Looking for frames in a terminal');
        }
        return [];
      } finally {
        listener.dispose();
      }
    },
    handleTerminalLink: ({ places }: PlaceLink) =>
      funnel.guard('Opening the source of the frame', async () => {
        const found = places.find(({ uri }) => uri !== null) ?? places[0];
        const place = found === undefined ? undefined : await opener.choose(found);
        if (place !== undefined) {
          await opener.open(place, { preserveFocus: false });
        }
      }),
  });
}
