/** What the pod tells its containers about itself, through the downward API. @throws Error naming the variable and the remedy */
export function podEnvironment(variable: 'POD_NAMESPACE' | 'POD_IP' | 'POD_NAME' | 'POD_UID' | 'HOST_IP'): string {
  const value = process.env[variable];
  if (value === undefined || value === '') {
    throw new Error(
      `the environment variable ${variable} is not set: set it from the pod's fields (valueFrom.fieldRef)`,
    );
  }
  return value;
}

/** Name of the syncer's own folder among those of the control plane's containers. */
export const SYNCER_FILES = 'syncer';
