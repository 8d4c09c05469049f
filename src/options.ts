import { inspect } from 'node:util';

/** The longest delay that a timer of Node keeps: 2^31 - 1 ms, 24.8 days. A longer one would fire at once. */
export const MAX_DELAY_MILLIS = 2 ** 31 - 1;

/**
 * Checks a delay in milliseconds.
 *
 * @throws {RangeError} unless it is a number from 1 to `most`
 */
export function requireDelay(option: string, value: number, most = MAX_DELAY_MILLIS): void {
  if (!(typeof value === 'number' && value >= 1 && value <= most)) {
    throw new RangeError(`${option}: expected 1 to ${most} milliseconds, got ${inspect(value)}`);
  }
}

/**
 * Checks a count.
 *
 * @throws {RangeError} unless it is an integer from 1 on
 */
export function requireCount(option: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${option}: expected an integer of 1 or more, got ${inspect(value)}`);
  }
}

/**
 * Checks a number that may be 0.
 *
 * @throws {RangeError} unless it is finite and not negative
 */
export function requireNonNegative(option: string, value: number): void {
  if (!(Number.isFinite(value) && value >= 0)) {
    throw new RangeError(`${option}: expected a number of 0 or more, got ${inspect(value)}`);
  }
}

/**
 * Checks a choice.
 *
 * @throws {RangeError} unless it is one of `choices`
 */
export function requireOneOf(option: string, value: unknown, choices: readonly string[]): void {
  if (!choices.includes(value as string)) {
    throw new RangeError(`${option}: expected ${choices.join(' or ')}, got ${inspect(value)}`);
  }
}

/**
 * Checks texts by name. The message has the type of a value that is not a text, never the value, which may be a secret.
 *
 * @throws {RangeError} unless it is an object of which all values are strings
 */
export function requireTexts(option: string, value: unknown): void {
  for (const [name, text] of entriesOf(option, value, 'texts')) {
    if (typeof text !== 'string') {
      throw new RangeError(`${option}: expected a text for ${name}, got a value of the type ${typeof text}`);
    }
  }
}

/**
 * Checks functions by name.
 *
 * @throws {RangeError} unless it is an object of which all values are functions
 */
export function requireFunctions(option: string, value: unknown): void {
  for (const [name, each] of entriesOf(option, value, 'functions')) {
    if (typeof each !== 'function') {
      throw new RangeError(`${option}: expected a function for ${name}, got ${inspect(each)}`);
    }
  }
}

/**
 * Checks a text.
 *
 * @throws {RangeError} unless it is a string with something in it
 */
export function requireText(option: string, value: string): void {
  if (typeof value !== 'string' || value.length === 0) {
    throw new RangeError(`${option}: expected a text that is not empty, got ${inspect(value)}`);
  }
}

function entriesOf(option: string, value: unknown, contents: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null) {
    throw new RangeError(`${option}: expected an object with ${contents}, got ${inspect(value)}`);
  }
  return Object.entries(value);
}
