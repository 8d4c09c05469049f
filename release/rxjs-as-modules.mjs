import { fileURLToPath } from 'node:url';

/**
 * For esbuild's `alias`: RxJS from its ES modules, of which a bundle has what it uses. What Node.js would load are 223 CommonJS
 * files, and each costs memory: together 4 MB.
 */
export const RXJS_AS_MODULES = {
  rxjs: fileURLToPath(new URL('../node_modules/rxjs/dist/esm/index.js', import.meta.url)),
};
