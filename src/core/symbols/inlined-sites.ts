/** Where the code of a function is, when it is not in one place under its name: by all that debug info has of it. */
import { CallFrames } from './dwarf/call-frames.ts';
import * as dw from './dwarf/constants.ts';
import type { DebugInfo } from './dwarf/debug-info.ts';
import { type FrameBase, type Machine, registerName } from './dwarf/parameters.ts';
import { type MemberTable, readInlinedArguments } from './dwarf/typed-function.ts';
import { Types } from './dwarf/types.ts';
import type { Layout } from './elf/layout.ts';
import type { ElfSymbol, SymbolTable } from './elf/symbol-table.ts';
import type { InlinedSite, InlinedSites } from './value-type.ts';

/** Places that are told of one function: more nobody chooses from. */
const MOST_SITES = 500;

/** What there is of a function that was inlined nowhere. */
export const NOWHERE: InlinedSites = { sites: [], forms: [], hidden: 0 };

/** What the compiler made of a part of a function, which other code of it leads to: no call begins there. */
const PART = /\.(?:part|cold)\b/;

/** A file that was opened for questions. */
export interface OpenedFile {
  readonly info: DebugInfo;
  readonly layout: Layout;
  readonly machine: Machine;
  symbols(): SymbolTable;
}

/** Looks through the units of a file for one function after the other. */
export class InlinedSiteReader {
  readonly #frames: CallFrames | null;

  constructor(private readonly file: OpenedFile) {
    const { frame } = file.info.sections;
    this.#frames = frame && new CallFrames(frame);
  }

  /** See {@link DebugFile.inlinedSites}. */
  read(name: string, members: MemberTable): InlinedSites {
    const { info, layout, machine } = this.file;
    const sites: InlinedSite[] = [];
    const forms = new Set<string>();
    let hidden = 0;
    let hiddenForms = 0;
    for (const { entry, address, callers } of info.instances(name)) {
      const holder = this.file.symbols().functionAt(address);
      if (!holder || layout.nameOf(holder.section).startsWith('.init')) {
        continue;
      }
      const isForm = callers.length === 0;
      if (isForm && (holder.address !== address || PART.test(holder.name) || forms.has(holder.name))) {
        continue;
      }
      const canBeTold = sites.length + forms.size < MOST_SITES && this.#isOnly(holder);
      if (isForm) {
        if (canBeTold) {
          forms.add(holder.name);
        } else {
          hiddenForms++;
        }
      } else if (!canBeTold) {
        hidden++;
      } else {
        const types = new Types(info);
        const frame = this.#frameAt(address);
        const found = readInlinedArguments(
          types,
          types.info.entry(entry),
          { address, machine, frame },
          members,
        );
        sites.push({ symbol: holder.name, offset: address - holder.address, callers, arguments: found });
      }
    }
    return sites.length + hidden === 0 ? NOWHERE : { sites, forms: [...forms], hidden: hidden + hiddenForms };
  }

  /** The kernel takes a place by its symbol alone, and refuses a name that several have. */
  #isOnly({ name }: ElfSymbol): boolean {
    return this.file.symbols().named(name).length < 2;
  }

  /** Where the frame is of the function whose code is at an address; null when that is not known. */
  #frameAt(address: number): FrameBase | null {
    const { info, machine } = this.file;
    const base = info.functionAt(address)?.block(dw.AT_FRAME_BASE);
    const operation = base?.length === 1 ? (base[0] ?? 0) : 0;
    if (operation >= dw.OP_REG0 && operation < dw.OP_REG0 + 32) {
      const register = registerName(machine, operation - dw.OP_REG0);
      return register === undefined ? null : { register, offset: 0 };
    }
    const found = operation === dw.OP_CALL_FRAME_CFA ? (this.#frames?.at(address) ?? null) : null;
    const register = found === null ? undefined : registerName(machine, found.register);
    return found === null || register === undefined ? null : { register, offset: found.offset };
  }
}
