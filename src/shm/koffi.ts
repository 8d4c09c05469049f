import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';

/** Loads the package that calls C. The one executable has another file in the place of this one. */
export const loadNative = (): typeof Koffi => createRequire(import.meta.url)('koffi') as typeof Koffi;
