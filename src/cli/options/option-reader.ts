import type { CommandLine } from '../flags/command-line.js';
import { alternatives } from '../flags/command-line.js';
import { ALL_FLAGS } from '../flags/table.js';
import { quoted, UsageError } from '../usage-error.js';
import { parseDuration } from './durations.js';

/** The environment variables that matter. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A text that a flag, a variable or a default gives. */
export interface Setting {
  readonly text: string;
  /** What to name in a message: `--flag` or a variable. */
  readonly source: string;
  /** Whether it is whole milliseconds without a unit. */
  readonly isMillis: boolean;
}

/** The values of a command line and of the variables that stand for flags, typed and checked. */
export class OptionReader {
  readonly #line: CommandLine;
  readonly #environment: Environment;

  constructor(line: CommandLine, environment: Environment) {
    this.#line = line;
    this.#environment = environment;
  }

  /** Whether a switch is on. */
  switch(flag: string): boolean {
    return this.#line.values.get(flag)?.[0] === 'true';
  }

  /** All values of a repeatable flag. */
  all(flag: string): readonly string[] {
    return this.#line.values.get(flag) ?? [];
  }

  /** What a flag gives, or else a variable of its, or else its default. */
  setting(flag: string): Setting | undefined {
    const known = (this.#line.command?.flags ?? ALL_FLAGS).find(({ name }) => name === flag);
    const given = this.all(flag)[0];
    const variable = known?.variables?.find(({ name }) => this.#environment[name]);
    if (given === undefined && variable !== undefined) {
      return {
        text: this.#environment[variable.name] ?? '',
        source: variable.name,
        isMillis: variable.isMillis === true,
      };
    }
    const text = given ?? known?.default;
    return text === undefined ? undefined : { text, source: `--${flag}`, isMillis: false };
  }

  /** A flag's text, wherever it comes from. */
  text(flag: string): string | undefined {
    return this.setting(flag)?.text;
  }

  /** One of a few words. */
  word<Word extends string>(flag: string, words: readonly Word[]): Word {
    const { text, source } = this.#required(flag);
    // OpenTelemetry's words are the same in any case.
    const word = words.find((each) => each === (source.startsWith('--') ? text : text.toLowerCase()));
    if (word === undefined) {
      throw new UsageError(`${source}: got ${beginningOf(text)}: expected ${alternatives(words)}`);
    }
    return word;
  }

  /** An integer of 1 or more. */
  count(flag: string): number {
    const { text, source } = this.#required(flag);
    const count = /^\d+$/u.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new UsageError(
        `${source}: got ${beginningOf(text)}: expected an integer of 1 or more, such as 60`,
      );
    }
    return count;
  }

  /** A duration in ms, from `least` to `most`. */
  duration(flag: string, least: number, most: number): number {
    const { text, source, isMillis } = this.#required(flag);
    const millis = isMillis ? wholeMillis(text) : parseDuration(text);
    if (millis === undefined) {
      throw new UsageError(
        `${source}: got ${beginningOf(text)}: expected ${isMillis ? 'milliseconds, such as 10000' : 'a duration with its unit, such as 500ms, 1s, 2m or 1m30s'}`,
      );
    }
    if (millis < least || millis > most) {
      throw new UsageError(
        `${source}: got ${quoted(text)}: expected ${least} ms or more${most < Number.MAX_SAFE_INTEGER ? `, and ${hours(most)} at most` : ''}`,
      );
    }
    return millis;
  }

  #required(flag: string): Setting {
    return this.setting(flag) ?? { text: '', source: `--${flag}`, isMillis: false };
  }
}

/**
 * A variable that is `true` or `false`, in any case; `undefined` if it is not set.
 *
 * @throws {UsageError} for another value
 */
export function readBoolean(variable: string, environment: Environment): boolean | undefined {
  const text = environment[variable] ?? '';
  const lower = text.trim().toLowerCase();
  if (lower !== 'true' && lower !== 'false' && lower !== '') {
    throw new UsageError(`${variable}: got ${beginningOf(text)}: expected true or false`);
  }
  return lower === '' ? undefined : lower === 'true';
}

/** A value that is not what it should be may be a secret, put there by mistake. A number is none. */
export function beginningOf(value: string): string {
  return quoted(value.length > 12 && !/^-?\d+$/u.test(value) ? `${value.slice(0, 4)}...` : value);
}

function wholeMillis(text: string): number | undefined {
  const trimmed = text.trim();
  return /^\d+$/u.test(trimmed) && Number.isSafeInteger(Number(trimmed)) ? Number(trimmed) : undefined;
}

function hours(millis: number): string {
  return `${Math.floor(millis / 3_600_000)}h`;
}
