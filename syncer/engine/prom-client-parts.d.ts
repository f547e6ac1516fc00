// The parts of prom-client that Metrics needs. The whole package costs 90 ms and 17 MB more at start (OpenTelemetry,
// cluster, digests …); it has no `exports` map, so these paths are open, and a release that moves them fails the build.
declare module 'prom-client/lib/registry' {
  import { Registry } from 'prom-client';
  export = Registry;
}
declare module 'prom-client/lib/counter' {
  import { Counter } from 'prom-client';
  export = Counter;
}
declare module 'prom-client/lib/gauge' {
  import { Gauge } from 'prom-client';
  export = Gauge;
}
declare module 'prom-client/lib/histogram' {
  import { Histogram } from 'prom-client';
  export = Histogram;
}
