/** A pod by the names of both sides. */
export interface PodNames {
  readonly host: { readonly namespace: string; readonly name: string };
  readonly virtual: { readonly namespace: string; readonly name: string };
}

/** Turns what the host said about a pod into the tenant's own terms. */
export type TranslateMessage = (message: string, names: PodNames) => string;

/**
 * Replaces the host's pod name wherever it stands, and the host's namespace where it stands as a word of its own, by the
 * tenant's. The default of the gateway.
 */
export function tenantMessage(message: string, { host, virtual }: PodNames): string {
  const namespace = `(?<![A-Za-z0-9.-])${escaped(host.namespace)}(?![A-Za-z0-9-]|\\.[A-Za-z0-9])`;
  const either = new RegExp(`${escaped(host.name)}|${namespace}`, 'g');
  return message.replace(either, (found) => (found === host.name ? virtual.name : virtual.namespace));
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
