/** A name such as `processGone` as `process_gone`. */
export const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
