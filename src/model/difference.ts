/**
 * One thing that is not as it should be, for people.
 */

/** "`what` is `is`, should be `should`" */
export interface Difference {
  /** `field "email"`, `analyzer of field "email"`, `setting "index.number_of_shards"` */
  readonly what: string;
  readonly is: string;
  readonly should: string;
  /** Nobody wrote it so: it is what schemas tell, which may change at any time. */
  readonly isInferred?: true;
}

/** `field "email" is keyword, should be text; …` */
export function differencesText(differences: readonly Difference[]): string {
  return differences.map(({ what, is, should }) => `${what} is ${is}, should be ${should}`).join('; ');
}
