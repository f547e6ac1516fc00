const BEGIN = '-----BEGIN ';
const END = '\n-----END ';

/** The contents of the PEM blocks in a text, in their order; what stands between them and in their headers is left out. */
export function* pemContents(text: string): Generator<Buffer> {
  // Searched for by hand: a regular expression would look for the end of each of many beginnings that have none.
  for (let at = 0; ;) {
    const begin = text.indexOf(BEGIN, at);
    const line = begin === -1 ? -1 : text.indexOf('\n', begin);
    const end = line === -1 ? -1 : text.indexOf(END, line);
    if (end === -1) return;
    at = end + END.length;
    if (begin > 0 && text[begin - 1] !== '\n') continue;
    const body = text.slice(line, end).split('\n');
    yield Buffer.from(body.filter((one) => !one.includes(':')).join(''), 'base64');
  }
}

/** A PEM block of a certificate. @param der the certificate */
export function certificatePem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
