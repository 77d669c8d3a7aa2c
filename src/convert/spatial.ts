/**
 * Debezium's geometries → GeoJSON, which Elasticsearch's spatial fields take.
 *
 * `Point` is `{"x":1,"y":2,"wkb":…,"srid":…}`, `Geometry` and `Geography` are `{"wkb":base64,"srid":…}`; WKB may be OGC's or
 * PostGIS's, with an SRID inside. The measure M is no coordinate, and goes.
 */
import wkx from 'wkx';
import type { Convert } from '../model/change-event.ts';
import { fieldsOf, stringOf } from '../json/text.ts';

type Fields = ReadonlyMap<string, string>;

/**
 * For `point` and `shape`, which are planar and take any coordinates. GeoJSON has no place for an SRID: it goes.
 *
 * What GeoJSON has no word for (curves, surfaces) and what has no place (empty geometries) is null; what is no WKB, undefined.
 */
export const planar: Convert = (text) => geometry(text, () => true);

/**
 * For `geo_point` and `geo_shape`, which take degrees and fold whatever is more than a globe has onto it, to a wrong place. An
 * SRID is told per value, so a value that is not of WGS 84, or is no place on the globe, stays as it came: Elasticsearch
 * ignores it, and `_source` has it whole.
 */
export const geographic: Convert = (text) => geometry(text, (fields, place) => isDegrees(fields) && isOnGlobe(place));

function geometry(text: string, fits: (fields: Fields, place: unknown) => boolean): string | undefined {
  if (text === 'null') return text;
  const fields = fieldsOf(text);
  if (fields === undefined) return undefined;
  const geoJson = pointOf(fields) ?? fromWkb(fields.get('wkb') ?? '');
  if (geoJson === undefined || geoJson === 'null') return geoJson;
  return fits(fields, JSON.parse(geoJson)) ? geoJson : text;
}

/** Coordinates as they are written, digit for digit. */
function pointOf(fields: Fields): string | undefined {
  const [x, y] = [fields.get('x'), fields.get('y')];
  if (x === undefined || y === undefined) return undefined;
  return isNumber(x) && isNumber(y) ? `{"type":"Point","coordinates":[${x},${y}]}` : 'null';
}

const isNumber = (text: string): boolean => /^-?\d/.test(text);

/** OGC's codes of what GeoJSON has: point to geometry collection. */
const lastOfGeoJson = 7;

function fromWkb(text: string): string | undefined {
  const bytes = Buffer.from(stringOf(text) ?? '', 'base64');
  if (bytes.length < 5) return undefined;
  const code = bytes.readUInt8(0) === 0 ? bytes.readUInt32BE(1) : bytes.readUInt32LE(1);
  // PostGIS's flags are in the highest bits; OGC adds thousands for Z and M.
  if ((code & 0x0fffffff) % 1000 > lastOfGeoJson) return 'null';
  try {
    const geoJson = wkx.Geometry.parse(bytes).toGeoJSON();
    return isPlaced(geoJson) ? JSON.stringify(withoutCrs(geoJson)) : 'null';
  } catch {
    return undefined;
  }
}

/** GeoJSON of today has no coordinate reference systems. */
function withoutCrs(geoJson: object): object {
  return Object.fromEntries(Object.entries(geoJson).filter(([name]) => name !== 'crs'));
}

/** Whether a geometry has coordinates, all of them finite: NaN is how WKB writes an empty point. */
const isPlaced = (geoJson: unknown): boolean =>
  everyPosition(geoJson, (position) => position.length > 1 && position.every(Number.isFinite));

/** No SRID, 0 and 4326 mean degrees of longitude and latitude, or nothing that says otherwise. */
const isDegrees = (fields: Fields): boolean => ['4326', '0', undefined].includes(fields.get('srid'));

const isOnGlobe = (geoJson: unknown): boolean =>
  everyPosition(geoJson, ([x = NaN, y = NaN]) => Math.abs(x) <= 180 && Math.abs(y) <= 90);

/** Whether a geometry, and each of a collection, has positions that all pass. */
function everyPosition(value: unknown, passes: (position: readonly number[]) => boolean): boolean {
  if (Array.isArray(value)) {
    const items: unknown[] = value;
    const numbers = items.filter((item) => typeof item === 'number');
    if (numbers.length > 0) return numbers.length === items.length && passes(numbers);
    return items.length > 0 && items.every((item) => everyPosition(item, passes));
  }
  if (typeof value !== 'object' || value === null) return false;
  if ('geometries' in value) return everyPosition(value.geometries, passes);
  return 'coordinates' in value && everyPosition(value.coordinates, passes);
}
