/** Version of this package: the syncer's image has the same one, since constructs and syncer share one translation core. */
export const RELEASE = '0.1.0';
