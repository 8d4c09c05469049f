const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\u{1d159}]/gu;

/**
 * A text without anything that a terminal or a log reader would act on: control characters (C0, C1, DEL), line and
 * paragraph separators, and characters that reorder text or cannot be seen become `\u{...}`. A backslash stays as it is.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/**
 * A value as JSON on one line, with what JSON.stringify leaves as it is and {@link printable} escapes as `\\uXXXX`
 * escapes.
 */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(UNPRINTABLE, (character) =>
    Array.from(
      { length: character.length },
      (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
