import type { AnnotationReference } from '../configuration';
import { oneOf, VALUE_GRAMMARS, type ValueGrammar } from './annotation-values';

/** What becomes of a tenant's annotation on the host. */
export type AnnotationAction =
  /** Passed on where the grammar has the value; else the object is refused. */
  | { readonly action: 'allow'; readonly grammar: ValueGrammar }
  | { readonly action: 'drop' }
  /** The name in it is replaced by the twin's. */
  | { readonly action: 'rewrite'; readonly names: AnnotationReference }
  /** JSON with names of Services in it; so is the key, after its prefix. */
  | { readonly action: 'rewriteJson' }
  /** The object is refused: without the annotation it would not be what the tenant asked for, but open to everybody, say. */
  | { readonly action: 'refuse'; readonly why: string };

const is = (grammar: ValueGrammar): AnnotationAction => ({ action: 'allow', grammar });
const {
  boolean: aBoolean,
  number: aNumber,
  duration: aDuration,
  size: aSize,
  word: aWord,
  words: someWords,
  path: aPath,
  url: aURL,
  cidrs,
  json,
  text,
} = VALUE_GRAMMARS;
const onOff = oneOf('on', 'off');
const secret: AnnotationAction = { action: 'rewrite', names: 'secretNamespacedName' };
const service: AnnotationAction = { action: 'rewrite', names: 'serviceName' };

/** The controller is shared, and these are, or become, part of its own configuration (CVE-2021-25742, CVE-2025-1974 and others). */
const injection: AnnotationAction = {
  action: 'refuse',
  why: 'can put configuration of its own into a controller that other tenants share; leave it out',
};
/** It protects, so that the Ingress must not be there without it. */
const foreign: AnnotationAction = {
  action: 'refuse',
  why: 'protects by something outside of the virtual cluster, or that cannot be checked here; leave it out, or ask the operator of the platform for a rule that allows it',
};
const moreHosts: AnnotationAction = {
  action: 'refuse',
  why: 'claims further hosts; give the Ingress a rule for each',
};

type Actions = Readonly<Record<string, AnnotationAction>>;

/** https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations-risk: none of risk `Critical`, of `High` where the grammar takes the risk away. */
const NGINX: Actions = {
  affinity: is(oneOf('cookie')),
  'affinity-canary-behavior': is(oneOf('sticky', 'legacy')),
  'affinity-mode': is(oneOf('balanced', 'persistent')),
  'allowlist-source-range': is(cidrs),
  'app-root': is(aPath),
  'auth-realm': is(text),
  'auth-secret': secret,
  'auth-secret-type': is(oneOf('auth-file', 'auth-map')),
  'auth-tls-pass-certificate-to-upstream': is(aBoolean),
  'auth-tls-secret': secret,
  'auth-tls-verify-client': is(oneOf('on', 'off', 'optional', 'optional_no_ca')),
  'auth-tls-verify-depth': is(aNumber),
  'auth-type': is(oneOf('basic', 'digest')),
  'backend-protocol': is(oneOf('HTTP', 'HTTPS', 'AUTO_HTTP', 'GRPC', 'GRPCS')),
  canary: is(aBoolean),
  'canary-by-cookie': is(aWord),
  'canary-by-header': is(aWord),
  'canary-by-header-value': is(aWord),
  'canary-weight': is(aNumber),
  'canary-weight-total': is(aNumber),
  'client-body-buffer-size': is(aSize),
  'connection-proxy-header': is(aWord),
  'cors-allow-credentials': is(aBoolean),
  'cors-allow-headers': is(someWords),
  'cors-allow-methods': is(someWords),
  'cors-allow-origin': is(someWords),
  'cors-expose-headers': is(someWords),
  'cors-max-age': is(aNumber),
  'custom-http-errors': is(someWords),
  'default-backend': service,
  'denylist-source-range': is(cidrs),
  'enable-cors': is(aBoolean),
  'force-ssl-redirect': is(aBoolean),
  'limit-allowlist': is(cidrs),
  'limit-burst-multiplier': is(aNumber),
  'limit-connections': is(aNumber),
  'limit-rate': is(aNumber),
  'limit-rate-after': is(aNumber),
  'limit-rpm': is(aNumber),
  'limit-rps': is(aNumber),
  'limit-whitelist': is(cidrs),
  'load-balance': is(oneOf('round_robin', 'ewma')),
  'permanent-redirect': is(aURL),
  'permanent-redirect-code': is(aNumber),
  'preserve-trailing-slash': is(aBoolean),
  'proxy-body-size': is(aSize),
  'proxy-buffer-size': is(aSize),
  'proxy-buffering': is(onOff),
  'proxy-buffers-number': is(aNumber),
  'proxy-connect-timeout': is(aDuration),
  'proxy-cookie-domain': is(someWords),
  'proxy-cookie-path': is(someWords),
  'proxy-http-version': is(oneOf('1.0', '1.1')),
  'proxy-max-temp-file-size': is(aSize),
  'proxy-next-upstream': is(someWords),
  'proxy-next-upstream-timeout': is(aNumber),
  'proxy-next-upstream-tries': is(aNumber),
  'proxy-read-timeout': is(aDuration),
  'proxy-request-buffering': is(onOff),
  'proxy-send-timeout': is(aDuration),
  'proxy-ssl-name': is(aWord),
  'proxy-ssl-protocols': is(someWords),
  'proxy-ssl-secret': secret,
  'proxy-ssl-server-name': is(onOff),
  'proxy-ssl-verify': is(onOff),
  'proxy-ssl-verify-depth': is(aNumber),
  'rewrite-target': is(aPath),
  satisfy: is(oneOf('any', 'all')),
  'service-upstream': is(aBoolean),
  'session-cookie-change-on-failure': is(aBoolean),
  'session-cookie-conditional-samesite-none': is(aBoolean),
  'session-cookie-domain': is(aWord),
  'session-cookie-expires': is(aNumber),
  'session-cookie-max-age': is(aNumber),
  'session-cookie-name': is(aWord),
  'session-cookie-partitioned': is(aBoolean),
  'session-cookie-path': is(aPath),
  'session-cookie-samesite': is(oneOf('None', 'Lax', 'Strict')),
  'session-cookie-secure': is(aBoolean),
  'ssl-passthrough': is(aBoolean),
  'ssl-redirect': is(aBoolean),
  'temporal-redirect': is(aURL),
  'temporal-redirect-code': is(aNumber),
  'upstream-vhost': is(aWord),
  'use-port-in-redirects': is(aBoolean),
  'use-regex': is(aBoolean),
  'whitelist-source-range': is(cidrs),
  'x-forwarded-prefix': is(aPath),
  // Each of them is, or was once, a way into the configuration.
  'auth-proxy-set-headers': injection,
  'auth-snippet': injection,
  'auth-tls-error-page': injection,
  'configuration-snippet': injection,
  'custom-headers': injection,
  'fastcgi-params-configmap': injection,
  'mirror-host': injection,
  'mirror-target': injection,
  'modsecurity-snippet': injection,
  'modsecurity-transaction-id': injection,
  'server-snippet': injection,
  'stream-snippet': injection,
  'upstream-hash-by': injection,
  'auth-signin': foreign,
  'auth-tls-match-cn': foreign,
  'auth-url': foreign,
  'enable-modsecurity': foreign,
  'enable-owasp-core-rules': foreign,
  'from-to-www-redirect': moreHosts,
  'server-alias': moreHosts,
};

/** https://kubernetes-sigs.github.io/aws-load-balancer-controller: what is of the account (groups, certificates, subnets) is the platform's to say. */
const ALB: Actions = {
  'actions.*': { action: 'rewriteJson' },
  'backend-protocol': is(oneOf('HTTP', 'HTTPS')),
  'backend-protocol-version': is(oneOf('HTTP1', 'HTTP2', 'GRPC')),
  'conditions.*': { action: 'rewriteJson' },
  'healthcheck-interval-seconds': is(aNumber),
  'healthcheck-path': is(aPath),
  'healthcheck-port': is(aWord),
  'healthcheck-protocol': is(oneOf('HTTP', 'HTTPS')),
  'healthcheck-timeout-seconds': is(aNumber),
  'healthy-threshold-count': is(aNumber),
  'inbound-cidrs': is(cidrs),
  'ip-address-type': is(aWord),
  'listen-ports': is(json),
  scheme: is(oneOf('internal', 'internet-facing')),
  'ssl-redirect': is(aNumber),
  'success-codes': is(someWords),
  'target-group-attributes': is(someWords),
  'target-type': is(oneOf('ip', 'instance')),
  'unhealthy-threshold-count': is(aNumber),
  'auth-idp-cognito': foreign,
  'auth-idp-oidc': foreign,
  'auth-type': foreign,
  'mutual-authentication': foreign,
  'security-groups': foreign,
  'waf-acl-id': foreign,
  'wafv2-acl-arn': foreign,
};

/** https://doc.traefik.io/traefik/routing/providers/kubernetes-ingress */
const TRAEFIK: Actions = {
  'router.entrypoints': is(someWords),
  'router.pathmatcher': is(oneOf('Path', 'PathPrefix')),
  'router.priority': is(aNumber),
  'router.tls': is(aBoolean),
  'router.middlewares': foreign,
  'router.tls.options': foreign,
};

/** https://www.haproxy.com/documentation/kubernetes-ingress */
const HAPROXY: Actions = {
  'allow-list': is(cidrs),
  'auth-realm': is(text),
  'auth-secret': secret,
  'auth-type': is(oneOf('basic-auth')),
  'client-ca': secret,
  'deny-list': is(cidrs),
  'forwarded-for': is(aBoolean),
  'load-balance': is(oneOf('roundrobin', 'leastconn', 'source', 'random')),
  'rate-limit-period': is(aDuration),
  'rate-limit-requests': is(aNumber),
  'server-ca': secret,
  'server-crt': secret,
  'server-ssl': is(aBoolean),
  'ssl-redirect': is(aBoolean),
  'timeout-check': is(aDuration),
  'timeout-queue': is(aDuration),
  'timeout-server': is(aDuration),
  'timeout-tunnel': is(aDuration),
  'backend-config-snippet': injection,
  'frontend-config-snippet': injection,
  'global-config-snippet': injection,
  'http-request-set-header': injection,
  'route-acl': injection,
};

const CONTROLLERS: ReadonlyMap<string, Actions> = new Map([
  ['nginx.ingress.kubernetes.io/', NGINX],
  ['alb.ingress.kubernetes.io/', ALB],
  ['traefik.ingress.kubernetes.io/', TRAEFIK],
  ['haproxy.org/', HAPROXY],
  ['haproxy-ingress.github.io/', { 'auth-url': foreign, 'config-backend': injection, 'ssl-redirect': is(aBoolean) }],
  ['konghq.com/', { plugins: foreign, 'preserve-host': is(aBoolean), 'strip-path': is(aBoolean) }],
  ['kubernetes.io/', { 'ingress.allow-http': is(aBoolean) }],
]);

/** What becomes of an annotation that no rule of the platform names; undefined for those that are not known. */
export function controllerAnnotation(key: string): AnnotationAction | undefined {
  const slash = key.indexOf('/') + 1;
  const actions = CONTROLLERS.get(key.slice(0, slash));
  if (actions === undefined) return undefined;
  const name = key.slice(slash);
  if (Object.hasOwn(actions, name)) return actions[name];
  const family = `${name.slice(0, name.indexOf('.') + 1)}*`;
  return family !== '*' && Object.hasOwn(actions, family) ? actions[family] : undefined;
}
