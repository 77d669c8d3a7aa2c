/**
 * Named points at which tests kill the process; nothing happens at them otherwise. One call per batch, not per event.
 */
export type Failpoint =
  /** Records were decoded, mapped and queued. */
  | 'decoded'
  /** A request was handed to the client; its answer is not there. */
  | 'sent'
  /** A request was answered; nothing of it is settled. */
  | 'answered'
  /** Writes are settled; their offsets are not committed. */
  | 'settled';

export type Failpoints = (point: Failpoint) => void;

export const noFailpoints: Failpoints = () => undefined;
