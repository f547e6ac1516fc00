/** Texts as a Secret has them. */
export const data = (values: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));

/** Secret NAME-certs as a host keeps it, as far as members need it. */
export class CertificatesSecret {
  values: Record<string, string>;
  readonly patches: Record<string, string | null>[] = [];

  constructor(values: Record<string, string> = {}) {
    this.values = data(values);
  }

  text(key: string): string | undefined {
    const value = this.values[key];
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
  }

  readonly client = {
    get: () => Promise.resolve({ data: { ...this.values } }),
    patch: (_: unknown, __: unknown, body: { data: Record<string, string | null> }) => {
      this.patches.push(body.data);
      for (const [key, value] of Object.entries(body.data)) {
        if (value === null) delete this.values[key];
        else this.values[key] = value;
      }
      return Promise.resolve({ data: { ...this.values } });
    },
  } as never;
}
