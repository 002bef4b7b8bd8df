import type * as TargetModule from '../../target/index.ts';

/** The part of ZScope that reaches machines: a bundle of its own, loaded when first needed. */
export function targetModule(): typeof TargetModule {
  // require() is typed as any; the bundle is built from exactly this module (esbuild.mjs).
  return require('./target.cjs') as typeof TargetModule;
}
