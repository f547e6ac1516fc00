/** Where a kubeconfig leads to. */
export class KubeconfigServer {
  /** The address of Service NAME, for clients inside of the host. */
  static inside(): KubeconfigServer {
    return new KubeconfigServer('inside');
  }

  /** The address that the exposure gives, for clients outside of the host; that of Service NAME where it gives none. */
  static outside(): KubeconfigServer {
    return new KubeconfigServer('outside');
  }

  /** An address of your own, `https://HOST:PORT`. A host name must be among `apiServerNames`. */
  static url(url: string): KubeconfigServer {
    return new KubeconfigServer(url);
  }

  private constructor(
    /** As the syncer's document has it. */
    readonly value: string,
  ) {}
}

/** A further Secret with a kubeconfig of a cluster admin under the key `config`, which the syncer writes. */
export interface KubeconfigProps {
  /** Name of the Secret, in the host namespace. */
  readonly secretName: string;
  /**
   * Where it leads to.
   *
   * @default KubeconfigServer.outside()
   */
  readonly server?: KubeconfigServer;
}
