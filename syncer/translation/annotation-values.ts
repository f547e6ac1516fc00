import type { AnnotationValues } from '../configuration';

/** Values that an annotation may have. */
export interface ValueGrammar {
  /** What they are, for the tenant: `true or false`. */
  readonly description: string;
  readonly matches: (value: string) => boolean;
}

/** Longest value that is looked at, in characters: more than any sensible one has. */
const MAX_LENGTH = 8_192;

/**
 * Grammars of annotation values. Controllers write most values into configuration files of their own, which all tenants share:
 * so but for `json` and `any` none lets through what ends a directive or a quoted text there (line breaks, quotes, `;`, braces,
 * `#`, backslashes).
 */
export const VALUE_GRAMMARS: Readonly<Record<AnnotationValues, ValueGrammar>> = {
  boolean: pattern('true or false', /^(?:true|false)$/),
  number: pattern('a number', /^-?\d{1,15}(?:\.\d{1,9})?$/),
  duration: pattern('a time such as 30 or 5m', /^\d{1,10}(?:ms|s|m|h|d)?$/),
  size: pattern('a size such as 8m', /^\d{1,15}[kKmMgG]?$/),
  word: pattern('one word of letters, digits, and any of . _ : @ / * + - =', /^[A-Za-z0-9._:@/*+=-]+$/),
  words: pattern('words, with spaces or commas between them', /^[A-Za-z0-9._:@/*+=, -]*$/),
  // A `$` only of a captured group: other variables of a controller would tell about its surroundings.
  path: pattern(
    'a path that begins with /, with $1 to $9 for what an expression captured',
    /^\/(?:[A-Za-z0-9._~%/()*+,=:@&!?-]|\$[0-9])*$/,
  ),
  url: pattern('an http or https URL', /^https?:\/\/[A-Za-z0-9._~:/?@!&()*+,=%[\]-]+$/),
  cidrs: pattern('addresses or ranges of addresses, with commas between them', /^[0-9A-Fa-f:./, ]+$/),
  json: { description: 'JSON', matches: isJson },
  text: pattern(
    'one line without quotes, braces and any of ; # $ < > | ` or a backslash',
    /^[^\p{C}\p{Zl}\p{Zp};{}"'`\\#$<>|]*$/u,
  ),
  any: { description: 'anything', matches: () => true },
};

/** A grammar of a few values. */
export function oneOf(...values: readonly string[]): ValueGrammar {
  return { description: values.join(' or '), matches: (value) => values.includes(value) };
}

/** A value for a message: as JSON, and not longer than anyone reads. */
export function shownValue(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}

function pattern(description: string, expression: RegExp): ValueGrammar {
  return { description, matches: (value) => value.length <= MAX_LENGTH && expression.test(value) };
}

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}
