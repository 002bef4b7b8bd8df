/** Walking `io_spa->spa_name` from a structure to a value, whatever the types were read from. */
import type { TypedMember, ValueType } from './value-type.ts';

/**
 * What types are asked on the way. S is a structure, T the type of a member; null where there is none, or it is no
 * structure.
 */
export interface MemberWalk<S, T> {
  /** The offset is in bytes. */
  member(structure: S, name: string): { readonly offset: number; readonly type: T } | null;
  /** The structure that a member is. */
  inside(type: T): S | null;
  /** The structure that a member points to. */
  behind(type: T): S | null;
  value(type: T, name: string): ValueType | null;
}

/** Where a member behind `path` is, and what it is; null when this build has none. */
export function memberAt<S, T>(structure: S, path: string, walk: MemberWalk<S, T>): TypedMember | null {
  const offsets: number[] = [0];
  let current = structure;
  const steps = path.split(/(->|\.)/);
  for (let i = 0; i < steps.length; i += 2) {
    const name = steps[i] ?? '';
    const found = walk.member(current, name);
    if (found === null) {
      return null;
    }
    offsets[offsets.length - 1] = (offsets.at(-1) ?? 0) + found.offset;
    const after = steps[i + 1];
    if (after === undefined) {
      const type = walk.value(found.type, name);
      return type === null ? null : { path, offsets, type };
    }
    const next = after === '.' ? walk.inside(found.type) : walk.behind(found.type);
    if (next === null) {
      return null;
    }
    if (after === '->') {
      offsets.push(0);
    }
    current = next;
  }
  return null;
}
