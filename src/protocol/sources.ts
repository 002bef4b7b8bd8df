/** Where the server looks for sources beyond the folders of the workspace. */
import type { RequestKind } from './server.ts';

/** The person's settings on sources. */
export interface SourceSettings {
  /** Folders with C sources outside the workspace; absolute paths. */
  readonly roots: readonly string[];
  /** From the start of a path as a build names it to that of the same place here; absolute paths. */
  readonly pathMappings: Readonly<Record<string, string>>;
}

/** Takes new settings over; answered at once, the index follows. */
export const sourceSettingsRequest: RequestKind<SourceSettings, null> = { method: 'zscope/sourceSettings' };
