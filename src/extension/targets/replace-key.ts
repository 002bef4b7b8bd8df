import * as vscode from 'vscode';
import type { HostEntry } from '../../target/connection.ts';
import { connectTo } from './connect.ts';
import { targetModule } from './lazy-target.ts';
import type { TargetService } from './target-service.ts';

/**
 * Puts the key that a machine showed in place of the known one, once the person has typed its name,
 * and connects. A name is typed, since a click is made before the fingerprints are looked at.
 */
export async function replaceKeyOf(entry: HostEntry, targets: TargetService): Promise<void> {
  const change = targets.target(entry)?.keyChange ?? null;
  if (change === null) {
    return;
  }
  // All that go: a file may have keys of several types.
  const old = change.lines.map((line) => `${line.file}:${line.line} ${line.keyType} ${line.fingerprint}`);
  const typed = await vscode.window.showInputBox({
    title: `Replace the host key of ${change.alias}`,
    prompt: `It shows ${change.keyType} ${change.fingerprint}, which takes the place of ${old.join(', and of ')}. If it was rebuilt and this is its new key, type its name: ${change.alias}`,
    ignoreFocusOut: true,
    validateInput: (text) =>
      text === '' || text.trim() === change.alias
        ? null
        : { message: `Type ${change.alias}`, severity: vscode.InputBoxValidationSeverity.Info },
  });
  if (typed?.trim() !== change.alias) {
    return;
  }
  await targetModule().replaceHostKey(change);
  await connectTo(entry, targets);
}
