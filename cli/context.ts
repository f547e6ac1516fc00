import type { HostCluster, HostFlags } from './host';
import type { Output, TextStream } from './output';
import type { Progress } from './progress';

/** What every command is given. */
export interface Context {
  /** Results, on standard output. */
  readonly output: Output;
  /** What is being done and waited for, on standard error. */
  readonly progress: Progress;
  /** Where a program that is run for the user writes, and warnings go. */
  readonly stderr: TextStream;
  /** Aborted by Ctrl-C, with an `Interrupted` as its reason. A second Ctrl-C ends the program at once. */
  readonly signal: AbortSignal;
  /**
   * Leaves Ctrl-C to a program that runs in the user's terminal for as long as the work takes: it is that program's key then. Other signals
   * abort as ever.
   */
  handOver<T>(work: () => Promise<T>): Promise<T>;
  /** Flags that name the host. */
  readonly hostFlags: HostFlags;
  /**
   * The host cluster; made at the first call, closed when the command has ended.
   *
   * @throws Failure for what is wrong with the kubeconfig
   */
  host(): Promise<HostCluster>;
}
