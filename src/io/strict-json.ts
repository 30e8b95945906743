import { describe, expected, FormatError } from "../errors.js";

/** The value of JSON text in which no object has one key twice (JSON.parse keeps the last in silence). */
export function parseStrictJson(text: string, argument: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(expected("JSON", argument, describe(cause)), { cause });
  }
  const key = duplicateKey(text);
  if (key !== undefined) throw new FormatError(expected("distinct keys", argument, `${describe(key)} twice`));
  return value;
}

/** The first key that an object has twice, in text that is known to be JSON. */
function duplicateKey(text: string): string | undefined {
  // The keys of each object we are in; undefined: an array. Outside strings, `{` and `,` come before keys.
  const open: (Set<string> | undefined)[] = [];
  let keyNext = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"') {
      const end = endOfString(text, at);
      if (keyNext) {
        const key = JSON.parse(text.slice(at, end)) as string;
        const keys = open[open.length - 1]!;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      keyNext = false;
      at = end - 1;
    } else if ("{[]},".includes(character)) {
      if (character === "{") open.push(new Set());
      else if (character === "[") open.push(undefined);
      else if (character !== ",") open.pop();
      keyNext = (character === "{" || character === ",") && open[open.length - 1] !== undefined;
    }
  }
  return undefined;
}

/** The position behind the string that begins with the quote at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
}
