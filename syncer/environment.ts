/** What the pod tells its containers about itself, through the downward API. @throws Error naming the variable and the remedy */
export function podEnvironment(variable: 'POD_NAMESPACE' | 'POD_IP' | 'POD_NAME'): string {
  const value = process.env[variable];
  if (value === undefined || value === '') {
    throw new Error(
      `the environment variable ${variable} is not set: set it from the pod's fields (valueFrom.fieldRef)`,
    );
  }
  return value;
}
