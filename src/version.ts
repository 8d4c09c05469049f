/** Version of this package, as in package.json: written out, for a bundle has no package.json of ours beside it. */
export const VERSION = '0.1.0';
