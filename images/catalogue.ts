import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Capability } from './file-capability';
import type { GoProgram } from './go-programs';
import type { Owner } from './layer';
import type { RunConfiguration } from './oci-archive';

/**
 * Every image that a virtual cluster, its tests or the demo run, under its public name: what is in it and how it runs.
 *
 * Entry points, users, file capabilities and paths are those of the public images, so that manifests which run with
 * these run with those. What the public ones hold beyond that (time zones, CA certificates, tools that nothing of ours
 * calls) is left out.
 */

/** Kubernetes version of the control-plane images, kubectl and go-runner. */
export const KUBERNETES_VERSION = 'v1.37.2';

/** A program that whoever builds images has to provide: a static Linux binary for this machine's architecture. */
export type BinaryName =
  | 'etcd'
  | 'kine'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'coredns'
  | 'kubectl'
  | 'agnhost'
  | 'metrics-server'
  | 'kwok'
  | 'cert-manager-controller'
  | 'cert-manager-webhook'
  | 'cert-manager-cainjector';

/** Where a file's bytes come from. */
export type Source =
  | { readonly text: string }
  /** Provided by the caller. */
  | { readonly binary: BinaryName }
  /** Built with Go. */
  | { readonly program: GoProgram }
  /** A file of the layer's Debian packages. */
  | { readonly debian: string }
  /** The Node.js binary that runs this. */
  | { readonly node: true }
  /** The syncer as one JavaScript file, or the licence texts that go with it. */
  | { readonly bundle: 'syncer' | 'licences' };

/** One thing in a layer. Folders above it are made as needed: root's, mode 0755. */
export type Item =
  | {
      readonly file: string;
      readonly from: Source;
      /** @default 0o644 */
      readonly mode?: number;
      /** As `setcap NAME=+ep`. */
      readonly capabilities?: readonly Capability[];
    }
  | {
      readonly directory: string;
      /** @default 0o755 */
      readonly mode?: number;
      /** @default root */
      readonly owner?: Owner;
    }
  | { readonly link: string; readonly to: string }
  /** The shared libraries that a program of the image links, and its loader, at the paths where it looks for them. */
  | { readonly librariesOf: Extract<Source, { debian: string } | { node: true }> }
  /** A link for every applet of a busybox in the layer's Debian packages. */
  | { readonly applets: string; readonly into: string };

/** What one layer holds. Equal layers of several images are stored once by the container runtime. */
export interface LayerDefinition {
  /** Debian packages that {@link Item}s of the layer take files from. */
  readonly packages?: readonly string[];
  readonly items: readonly Item[];
}

/** One image. */
export interface ImageDefinition {
  readonly reference: string;
  readonly layers: readonly LayerDefinition[];
  readonly run: RunConfiguration;
}

const VERSION = (JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8')) as { version: string })
  .version;
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const NONROOT: Owner = { uid: 65532, gid: 65532 };

const lines = (...text: string[]): Source => ({ text: text.map((line) => `${line}\n`).join('') });

/** Accounts, name lookup and folders, as in the base image that the public ones stand on (distroless static). */
const BASE: LayerDefinition = {
  items: [
    {
      file: '/etc/passwd',
      from: lines(
        'root:x:0:0:root:/root:/sbin/nologin',
        'nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin',
        'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin',
      ),
    },
    { file: '/etc/group', from: lines('root:x:0:', 'nobody:x:65534:', 'nonroot:x:65532:') },
    { file: '/etc/nsswitch.conf', from: lines('hosts: files dns') },
    { directory: '/home/nonroot', mode: 0o700, owner: NONROOT },
    { directory: '/root', mode: 0o700 },
    { directory: '/tmp', mode: 0o1777 },
    { directory: '/run' },
    { directory: '/dev' },
    { directory: '/proc' },
    { directory: '/sys' },
  ],
};

/** A shell and its tools: Debian's static busybox. */
const SHELL: LayerDefinition = {
  packages: ['busybox-static'],
  items: [
    { file: '/bin/busybox', from: { debian: '/bin/busybox' }, mode: 0o755 },
    { applets: '/bin/busybox', into: '/bin' },
  ],
};

/** A layer with one program, mode 0755. */
function programLayer(file: string, from: Source, capabilities: readonly Capability[] = []): LayerDefinition {
  return { items: [{ file, from, mode: 0o755, capabilities }] };
}

/** One of cert-manager's images, with the path, entry point and user of the public one. */
function certManager(name: 'controller' | 'webhook' | 'cainjector') {
  const program = `/app/cmd/${name}/${name}`;
  return {
    reference: `quay.io/jetstack/cert-manager-${name}:v1.11.5`,
    layers: [BASE, programLayer(program, { binary: `cert-manager-${name}` })],
    run: { env: [PATH], entrypoint: [program], user: '1000' },
  } as const satisfies ImageDefinition;
}

const GO_RUNNER = programLayer('/go-runner', { program: 'go-runner' });

const NGINX_CONFIGURATION = lines(
  'user  nginx;',
  'worker_processes  auto;',
  'error_log  /var/log/nginx/error.log notice;',
  'pid        /run/nginx.pid;',
  '',
  'events {',
  '    worker_connections  1024;',
  '}',
  '',
  'http {',
  '    include       /etc/nginx/mime.types;',
  '    default_type  application/octet-stream;',
  '',
  '    log_format  main  \'$remote_addr - $remote_user [$time_local] "$request" \'',
  '                      \'$status $body_bytes_sent "$http_referer" \'',
  '                      \'"$http_user_agent" "$http_x_forwarded_for"\';',
  '    access_log  /var/log/nginx/access.log  main;',
  '',
  '    sendfile           on;',
  '    keepalive_timeout  65;',
  '',
  '    # Where the public image is built to put them; Debian keeps them elsewhere.',
  '    client_body_temp_path  /var/cache/nginx/client_temp;',
  '    proxy_temp_path        /var/cache/nginx/proxy_temp;',
  '    fastcgi_temp_path      /var/cache/nginx/fastcgi_temp;',
  '    uwsgi_temp_path        /var/cache/nginx/uwsgi_temp;',
  '    scgi_temp_path         /var/cache/nginx/scgi_temp;',
  '',
  '    include /etc/nginx/conf.d/*.conf;',
  '}',
);

const NGINX_SITE = lines(
  'server {',
  '    listen       80;',
  '    server_name  localhost;',
  '',
  '    location / {',
  '        root   /usr/share/nginx/html;',
  '        index  index.html index.htm;',
  '    }',
  '}',
);

const NGINX_ENTRY_POINT = lines(
  '#!/bin/sh',
  '# As the public image does: listen on IPv6 too, where there is any and the configuration may be written.',
  'set -e',
  'site=/etc/nginx/conf.d/default.conf',
  'if [ "$1" = nginx ] && [ -f /proc/net/if_inet6 ] && [ -w "$site" ] && ! grep -q "\\[::\\]" "$site"; then',
  '  sed -i "s/listen  *80;/&\\n    listen  [::]:80;/" "$site" 2>/dev/null || true',
  'fi',
  'exec "$@"',
);

/** All images, by the short name that the builder's commands take. */
export const catalogue = {
  /** The store. Neither entry point nor command, as in public: a manifest names `/usr/local/bin/etcd`. */
  etcd: {
    reference: 'registry.k8s.io/etcd:3.6.5-0',
    layers: [BASE, programLayer('/usr/local/bin/etcd', { binary: 'etcd' })],
    run: { env: [PATH], exposedPorts: ['2379/tcp', '2380/tcp', '4001/tcp', '7001/tcp'] },
  },
  /** The store of virtual clusters whose objects are in a database. */
  kine: {
    reference: 'docker.io/rancher/kine:v0.14.12',
    layers: [BASE, programLayer('/bin/kine', { binary: 'kine' })],
    run: { env: [PATH], entrypoint: ['/bin/kine'], exposedPorts: ['2379/tcp'] },
  },
  /**
   * Carries the file capability of the public image: it does not start where `drop: [ALL]` is not followed by
   * `add: [NET_BIND_SERVICE]`. Its entry point runs its arguments: a manifest names the program.
   */
  'kube-apiserver': {
    reference: `registry.k8s.io/kube-apiserver:${KUBERNETES_VERSION}`,
    layers: [
      BASE,
      GO_RUNNER,
      programLayer('/usr/local/bin/kube-apiserver', { binary: 'kube-apiserver' }, ['cap_net_bind_service']),
    ],
    run: { env: [PATH], entrypoint: ['/go-runner'] },
  },
  /** No file capability: only the API server has one. */
  'kube-controller-manager': {
    reference: `registry.k8s.io/kube-controller-manager:${KUBERNETES_VERSION}`,
    layers: [
      BASE,
      GO_RUNNER,
      programLayer('/usr/local/bin/kube-controller-manager', { binary: 'kube-controller-manager' }),
    ],
    run: { env: [PATH], entrypoint: ['/go-runner'] },
  },
  /** For virtual clusters that have a scheduler of their own. */
  'kube-scheduler': {
    reference: `registry.k8s.io/kube-scheduler:${KUBERNETES_VERSION}`,
    layers: [BASE, GO_RUNNER, programLayer('/usr/local/bin/kube-scheduler', { binary: 'kube-scheduler' })],
    run: { env: [PATH], entrypoint: ['/go-runner'] },
  },
  /** User by number since 1.14, which `runAsNonRoot` can verify; a file capability for port 53. */
  coredns: {
    reference: 'registry.k8s.io/coredns/coredns:v1.14.7',
    layers: [BASE, programLayer('/coredns', { binary: 'coredns' }, ['cap_net_bind_service'])],
    run: { env: [PATH], entrypoint: ['/coredns'], user: '65532:65532', exposedPorts: ['53/tcp', '53/udp'] },
  },
  /**
   * Ours: Node.js with the C and C++ libraries it links, one file of JavaScript, and the program of the init container that
   * writes /etc/hosts of some of the tenants' pods. The Dockerfile makes the same.
   */
  syncer: {
    reference: `ghcr.io/nestling-dev/syncer:${VERSION}`,
    layers: [
      BASE,
      {
        items: [{ file: '/usr/local/bin/node', from: { node: true }, mode: 0o755 }, { librariesOf: { node: true } }],
      },
      programLayer('/pod-hosts', { program: 'pod-hosts' }),
      {
        items: [
          { file: '/syncer.js', from: { bundle: 'syncer' } },
          { file: '/syncer.js.LEGAL.txt', from: { bundle: 'licences' } },
        ],
      },
    ],
    run: {
      // Memory, by measurement: docs/decisions/0013-memory-of-the-syncer.md.
      env: [PATH, 'NODE_ENV=production', 'MALLOC_ARENA_MAX=2'],
      entrypoint: ['node', '--optimize-for-size', '--max-semi-space-size=2', '/syncer.js'],
      user: '65532:65532',
    },
  },
  /** The sandbox container of every pod on the test bed's nodes. */
  pause: {
    reference: 'registry.k8s.io/pause:3.10',
    layers: [programLayer('/pause', { program: 'pause' })],
    run: { env: [PATH], entrypoint: ['/pause'], user: '65535:65535' },
  },
  /** Has no shell, as in public. */
  kubectl: {
    reference: `registry.k8s.io/kubectl:${KUBERNETES_VERSION}`,
    layers: [BASE, programLayer('/bin/kubectl', { binary: 'kubectl' })],
    run: { env: [PATH], entrypoint: ['/bin/kubectl'] },
  },
  /**
   * The program of Kubernetes' own end-to-end tests, with the accounts that those expect in it. Tag: the file VERSION
   * of test/images/agnhost at {@link KUBERNETES_VERSION}. Busybox stands in for the shell tools of the public image.
   */
  agnhost: {
    reference: 'registry.k8s.io/e2e-test-images/agnhost:2.66.1',
    layers: [
      BASE,
      SHELL,
      {
        items: [
          { file: '/agnhost', from: { binary: 'agnhost' }, mode: 0o755 },
          { link: '/agnhost-2', to: 'agnhost' },
          { directory: '/uploads' },
          {
            file: '/etc/passwd',
            from: lines(
              'root:x:0:0:root:/root:/bin/sh',
              'nobody:x:65534:65534:nobody:/:/sbin/nologin',
              'user-defined-in-image:x:1000:1000::/home/user-defined-in-image:/bin/sh',
            ),
          },
          {
            file: '/etc/group',
            from: lines(
              'root:x:0:root',
              'nobody:x:65534:',
              'user-defined-in-image:x:1000:',
              'group-defined-in-image:x:50000:user-defined-in-image',
            ),
          },
        ],
      },
    ],
    run: {
      env: [PATH],
      entrypoint: ['/agnhost'],
      cmd: ['pause'],
      exposedPorts: ['80/tcp', '8080/tcp', '8081/tcp', '9376/tcp', '5000/tcp'],
    },
  },
  /** A shell. Debian's `wget` crashes on `-T`: `timeout N wget` does the same. */
  busybox: {
    reference: 'docker.io/library/busybox:1.35',
    layers: [BASE, SHELL],
    run: { env: [PATH], cmd: ['sh'] },
  },
  /** Debian's nginx with the paths, accounts and behaviour of the public image, and busybox as its shell. */
  /** What gives the host metrics of its pods and nodes, where a test asks for it. */
  'metrics-server': {
    reference: 'registry.k8s.io/metrics-server/metrics-server:v0.9.0',
    layers: [BASE, programLayer('/metrics-server', { binary: 'metrics-server' })],
    run: { env: [PATH], entrypoint: ['/metrics-server'], user: '65534' },
  },
  /** What plays nodes and their pods, where a test asks for it. */
  kwok: {
    reference: 'registry.k8s.io/kwok/kwok:v0.8.0',
    layers: [BASE, programLayer('/kwok', { binary: 'kwok' })],
    run: { env: [PATH], entrypoint: ['/kwok'] },
  },
  /** What issues certificates in a virtual cluster, where a test asks for it. */
  'cert-manager-controller': certManager('controller'),
  'cert-manager-webhook': certManager('webhook'),
  'cert-manager-cainjector': certManager('cainjector'),
  nginx: {
    reference: 'docker.io/library/nginx:1.22',
    layers: [
      BASE,
      SHELL,
      {
        packages: ['nginx', 'nginx-common', 'libc6', 'libcrypt1', 'libpcre2-8-0', 'libssl3', 'zlib1g'],
        items: [
          { file: '/usr/sbin/nginx', from: { debian: '/usr/sbin/nginx' }, mode: 0o755 },
          { librariesOf: { debian: '/usr/sbin/nginx' } },
          { file: '/usr/share/nginx/html/index.html', from: { debian: '/usr/share/nginx/html/index.html' } },
          { file: '/etc/nginx/mime.types', from: { debian: '/etc/nginx/mime.types' } },
          { file: '/etc/nginx/fastcgi_params', from: { debian: '/etc/nginx/fastcgi_params' } },
          { file: '/etc/nginx/scgi_params', from: { debian: '/etc/nginx/scgi_params' } },
          { file: '/etc/nginx/uwsgi_params', from: { debian: '/etc/nginx/uwsgi_params' } },
          { file: '/etc/nginx/nginx.conf', from: NGINX_CONFIGURATION },
          { file: '/etc/nginx/conf.d/default.conf', from: NGINX_SITE },
          { file: '/docker-entrypoint.sh', from: NGINX_ENTRY_POINT, mode: 0o755 },
          { directory: '/var/cache/nginx' },
          { link: '/var/log/nginx/access.log', to: '/dev/stdout' },
          { link: '/var/log/nginx/error.log', to: '/dev/stderr' },
          { link: '/var/run', to: '/run' },
          {
            file: '/etc/passwd',
            from: lines(
              'root:x:0:0:root:/root:/bin/sh',
              'nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin',
              'nginx:x:101:101:nginx user:/nonexistent:/bin/false',
            ),
          },
          { file: '/etc/group', from: lines('root:x:0:', 'nobody:x:65534:', 'nginx:x:101:') },
        ],
      },
    ],
    run: {
      env: [PATH],
      entrypoint: ['/docker-entrypoint.sh'],
      cmd: ['nginx', '-g', 'daemon off;'],
      exposedPorts: ['80/tcp'],
      stopSignal: 'SIGQUIT',
    },
  },
} as const satisfies Record<string, ImageDefinition>;

/** Short name of an image. */
export type ImageName = keyof typeof catalogue;

/** All short names. */
export const imageNames = Object.keys(catalogue) as ImageName[];

/** The definition behind a short name. */
export function imageDefinition(name: ImageName): ImageDefinition {
  return catalogue[name];
}
