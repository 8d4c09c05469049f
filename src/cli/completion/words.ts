import type { Command, Flag } from '../flags/flag.js';
import { ALL_FLAGS, COMMANDS, GLOBAL_FLAGS } from '../flags/table.js';

/** What may be typed where a flag may stand, before the command is known. */
export const GLOBAL_WORDS: readonly string[] = [...wordsOf(GLOBAL_FLAGS), '--help', '--version'];

/** What may be typed where a command may stand. */
export const COMMAND_WORDS: readonly string[] = [...COMMANDS.map(({ name }) => name), 'help'];

/** What may be typed after a command where a flag may stand. */
export function commandWords({ flags }: Command): readonly string[] {
  return [...wordsOf(flags), '--help'];
}

function wordsOf(flags: readonly Flag[]): string[] {
  return flags.map(({ name }) => `--${name}`);
}

/** The flags whose values are completed with something. */
export const FLAGS_WITH_CHOICES: readonly Flag[] = ALL_FLAGS.filter(({ choices }) => choices !== undefined);

/** The names of the flags whose values are files, folders or users, with their dashes. */
export function flagsCompletedWith(what: Flag['completes']): readonly string[] {
  return ALL_FLAGS.filter(({ completes }) => completes === what).map(({ name }) => `--${name}`);
}

/** The names of the flags that take any value, with their dashes. */
export const FLAGS_WITH_ANY_VALUE: readonly string[] = ALL_FLAGS.filter(
  ({ value, choices, completes }) => value !== undefined && choices === undefined && completes === undefined,
).map(({ name }) => `--${name}`);
