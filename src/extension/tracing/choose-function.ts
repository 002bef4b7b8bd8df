import * as vscode from 'vscode';
import { inert } from '../../core/text/inert.ts';
import type { FunctionNames } from '../../core/tracing/function-names.ts';
import type { KernelSymbol } from '../../core/tracing/why-not.ts';
import type { Connection } from '../../target/connection.ts';
import type { FailureFunnel } from '../failures.ts';
import type { AskedOnce } from '../targets/asked-once.ts';

/** Functions that are offered at a time. */
const MOST_OFFERED = 100;

const NAME = /^[A-Za-z_][\w.$]{0,254}$/;

interface FunctionItem extends vscode.QuickPickItem {
  readonly chosen: KernelSymbol | null;
}

/** Asks for a function of the running kernel, with those that it lets be traced as they are typed. */
export class FunctionChooser {
  /** @param names modules that are loaded later are missing, and can be typed all the same */
  constructor(
    private readonly names: AskedOnce<FunctionNames>,
    private readonly funnel: FailureFunnel,
  ) {}

  /**
   * @param why said above the list: why it is asked at all
   * @throws vscode.CancellationError
   */
  choose(connection: Connection, why: string): Promise<KernelSymbol> {
    const pick = vscode.window.createQuickPick<FunctionItem>();
    pick.title = 'Trace which function?';
    pick.placeholder = `${why} Type a part of a name, or zfs: for those of a module`.trim();
    pick.busy = true;
    let names: FunctionNames | null = null;
    let remark = '';
    const offer = () => {
      pick.items = items(pick.value, names, remark);
    };
    offer();
    const closed = new AbortController();
    void this.names
      .of(connection)
      .then(
        (known) => {
          names = known;
        },
        (error: unknown) => {
          remark = `Names cannot be completed: ${this.funnel.note(error, 'Listing the functions that can be traced')}`;
        },
      )
      .then(() => {
        if (!closed.signal.aborted) {
          pick.busy = false;
          offer();
        }
      });
    return new Promise<KernelSymbol>((resolve, reject) => {
      pick.onDidChangeValue(offer);
      pick.onDidAccept(() => {
        const chosen = accepted(pick.value, pick.selectedItems[0]?.chosen ?? null);
        if (chosen !== null) {
          resolve(chosen);
          pick.hide();
        }
      });
      pick.onDidHide(() => {
        closed.abort();
        reject(new vscode.CancellationError());
        pick.dispose();
      });
      pick.show();
    });
  }
}

/** What is typed counts where the list is still that of what was typed before. */
function accepted(typed: string, selected: KernelSymbol | null): KernelSymbol | null {
  const part = typed.slice(typed.indexOf(':') + 1).trim();
  const isOfThis = selected?.symbol.toLowerCase().includes(part.toLowerCase()) === true;
  return isOfThis || !NAME.test(part) ? selected : { symbol: part, module: null };
}

/** What is typed comes first where it is a name: also what the list does not have can be tried. */
function items(typed: string, names: FunctionNames | null, remark: string): FunctionItem[] {
  const found = names?.matches(typed, MOST_OFFERED) ?? [];
  const name = typed.trim();
  const own: FunctionItem[] =
    NAME.test(name) && found[0]?.symbol !== name
      ? [
          {
            label: name,
            description: names === null ? '' : 'as typed',
            alwaysShow: true,
            chosen: { symbol: name, module: null },
          },
        ]
      : [];
  const exact = found.some(({ symbol }) => symbol === name);
  const listed = found.map(
    (chosen): FunctionItem => ({
      label: inert(chosen.symbol),
      description: inert(chosen.module === null ? 'kernel' : chosen.module),
      alwaysShow: true,
      chosen,
    }),
  );
  const said: FunctionItem[] =
    remark === '' ? [] : [{ label: '$(info)', description: remark, alwaysShow: true, chosen: null }];
  return exact ? [...listed, ...said] : [...listed, ...own, ...said];
}
