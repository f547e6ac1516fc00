/** On the anchor: RFC 3339 time of the last pause. What ran before it and is not on the host was not lost, but put to sleep. */
export const PAUSED_AT_ANNOTATION = 'nestling.dev/paused-at';

/** On the anchor: the replicas of the control plane that a resume gives back. */
export const REPLICAS_ANNOTATION = 'nestling.dev/replicas';
