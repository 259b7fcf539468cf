/**
 * Text of a model or a file, for a page or a terminal: what nobody would see, or what would move the text around, is
 * spelled out as `⟦U+202E⟧`.
 */

/**
 * Controls but tab and newline, soft hyphen, zero-width and bidirectional characters, line separators, interlinear and
 * tag characters, lone surrogates. The zero-width joiner stays: emoji and several scripts need it.
 */
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

export function visible(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(UNSEEN, spelledOut);
}

/** For one line: tabs and newlines are spelled out too. */
export function visibleLine(text: string): string {
  return visible(text).replace(/[\t\n]/g, spelledOut);
}

/** JSON with the same characters as escapes; it means the same. */
export function escapedJson(json: string): string {
  return json.replace(UNSEEN, (character) =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

function spelledOut(character: string): string {
  return `⟦U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟧`;
}
