/** Version of this package, as package.json has it: written out here, for a bundle has no package.json of ours beside it. */
export const VERSION = '0.1.0';
