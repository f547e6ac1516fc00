/** How the virtual API server is reached. */
export class Exposure {
  /** From inside the host cluster only, at Service NAME; from outside by port-forward. */
  static clusterIP(): Exposure {
    return new Exposure('ClusterIP');
  }

  private constructor(
    /** Type of the Service in front of the virtual API server. */
    readonly type: 'ClusterIP',
  ) {}
}
