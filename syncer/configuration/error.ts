/** One thing wrong with a configuration. */
export interface ConfigurationProblem {
  /** Where: path of the field, like `dns.replicas`; empty for the document itself. */
  readonly field: string;
  /** The value found there, undefined when the field is missing. */
  readonly value: unknown;
  /** What is wrong and what to write instead, as one sentence. */
  readonly message: string;
}

/** A configuration that cannot be used; its message lists every bad field with its value and the remedy. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  /**
   * @param source what was read, for the first line of the message
   * @param problems everything found wrong, in the order of the document's fields
   */
  constructor(
    source: string,
    readonly problems: readonly ConfigurationProblem[],
  ) {
    super([`${source} cannot be used:`, ...problems.map((problem) => `  ${problemLine(problem)}`)].join('\n'));
  }
}

/** One line of text: field, value, what is wrong and the remedy. */
export function problemLine({ field, value, message }: ConfigurationProblem): string {
  const place = field === '' ? 'the document' : field;
  return value === undefined ? `${place}: ${message}` : `${place}: ${shown(value)}: ${message}`;
}

/** Long values are cut: an error must stay readable in a terminal and in a log line. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
