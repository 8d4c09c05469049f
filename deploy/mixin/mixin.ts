/**
 * Renders the rules and dashboards beside this file from their sources: `npm run mixin`. Change `config.ts` first where your jobs
 * have other names.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rendered } from './rendered.js';

for (const [name, text] of Object.entries(rendered())) {
  writeFileSync(fileURLToPath(new URL(name, import.meta.url)), text);
}
