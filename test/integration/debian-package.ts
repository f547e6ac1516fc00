import { execFileSync } from 'node:child_process';

/** Installs Debian packages; needs root. @throws Error that says what to install by hand */
export function installDebian(what: string, packages: readonly string[]): void {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env: environment, stdio: 'ignore' } as const;
  try {
    execFileSync('apt-get', ['update'], options);
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...packages], options);
  } catch (error) {
    throw new Error(`${what} is not there and apt-get cannot install it: install ${packages.join(' and ')}`, {
      cause: error,
    });
  }
}
