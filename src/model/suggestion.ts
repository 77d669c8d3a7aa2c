/**
 * What someone who wrote an unknown name may have meant.
 */
import leven from 'leven';

/** The known name that was probably meant, or all of them where there are few. */
export function suggestion(name: string, known: readonly string[]): string {
  const [nearest] = known.map((candidate) => ({ candidate, distance: leven(name, candidate) })).sort(byDistance);
  if (nearest !== undefined && nearest.distance <= Math.max(2, name.length / 3))
    return `; did you mean "${nearest.candidate}"?`;
  return known.length > 0 && known.length <= 20 ? `; there are ${known.join(', ')}` : '';
}

const byDistance = (a: { readonly distance: number }, b: { readonly distance: number }): number =>
  a.distance - b.distance;
