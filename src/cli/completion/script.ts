import type { Shell } from '../flags/table.js';
import { bashCompletion } from './bash.js';
import { fishCompletion } from './fish.js';
import { zshCompletion } from './zsh.js';

/** The script that completes this program's command lines in a shell. */
export function completionScript(shell: Shell): string {
  return { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }[shell]();
}
