import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { geographic, planar } from '../../src/convert/spatial.ts';
import { budget } from './budget.ts';

type Position = readonly number[];
interface Geometry {
  readonly type: string;
  readonly coordinates?: unknown;
  readonly geometries?: readonly Geometry[];
}

const codes = ['Point', 'LineString', 'Polygon', 'MultiPoint', 'MultiLineString', 'MultiPolygon', 'GeometryCollection'];

/** How a test wants its WKB: byte order, PostGIS's flags or OGC's thousands, an SRID inside. */
interface Style {
  readonly isLittle: boolean;
  readonly isExtended: boolean;
  readonly srid: number | undefined;
}

/** Writes WKB by the book: https://www.ogc.org/standard/sfa/ §8.2, https://postgis.net/docs/using_postgis_dbmanagement.html#EWKB_EWKT */
function wkb(geometry: Geometry, { isLittle, isExtended, srid }: Style): Buffer {
  const integer = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    return isLittle ? (bytes.writeUInt32LE(value), bytes) : (bytes.writeUInt32BE(value), bytes);
  };
  const double = (value: number): Buffer => {
    const bytes = Buffer.alloc(8);
    return isLittle ? (bytes.writeDoubleLE(value), bytes) : (bytes.writeDoubleBE(value), bytes);
  };
  const hasZ = dimensions(geometry) === 3;
  const flags = (isExtended && hasZ ? 0x80000000 : 0) + (srid === undefined ? 0 : 0x20000000);
  const code = codes.indexOf(geometry.type) + 1 + (!isExtended && hasZ ? 1000 : 0) + flags;
  const head = [Buffer.from([isLittle ? 1 : 0]), integer(code), ...(srid === undefined ? [] : [integer(srid)])];
  const position = (value: Position): Buffer => Buffer.concat(value.map(double));
  const line = (value: readonly Position[]): Buffer => Buffer.concat([integer(value.length), ...value.map(position)]);
  const inner = (type: string, coordinates: unknown): Buffer =>
    wkb({ type, coordinates }, { isLittle, isExtended, srid: undefined });
  const parts = (type: string): Buffer => {
    const items = geometry.coordinates as readonly unknown[];
    return Buffer.concat([integer(items.length), ...items.map((item) => inner(type, item))]);
  };
  const body = (): Buffer => {
    switch (geometry.type) {
      case 'Point':
        return position(geometry.coordinates as Position);
      case 'LineString':
        return line(geometry.coordinates as readonly Position[]);
      case 'Polygon': {
        const rings = geometry.coordinates as readonly (readonly Position[])[];
        return Buffer.concat([integer(rings.length), ...rings.map(line)]);
      }
      case 'GeometryCollection': {
        const inside = geometry.geometries ?? [];
        const style = { isLittle, isExtended, srid: undefined };
        return Buffer.concat([integer(inside.length), ...inside.map((one) => wkb(one, style))]);
      }
      default:
        return parts(geometry.type.slice('Multi'.length));
    }
  };
  return Buffer.concat([...head, body()]);
}

function dimensions({ coordinates, geometries }: Geometry): number {
  if (geometries !== undefined) return Math.max(0, ...geometries.map(dimensions));
  let value: unknown = coordinates;
  while (Array.isArray(value) && Array.isArray(value[0])) value = value[0];
  return Array.isArray(value) ? value.length : 0;
}

const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
const degrees = (most: number) =>
  fc.double({ min: -most, max: most, noNaN: true }).map((value) => (value === 0 ? 0 : value));

function geometries(position: fc.Arbitrary<Position>): fc.Arbitrary<Geometry> {
  const line = fc.array(position, { minLength: 2, maxLength: 5 });
  const ring = fc.array(position, { minLength: 3, maxLength: 5 }).map((points) => [...points, points[0] ?? []]);
  const polygon = fc.array(ring, { minLength: 1, maxLength: 3 });
  const several = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 3 });
  const simple = fc.oneof(
    ...([position, line, polygon, several(position), several(line), several(polygon)] as fc.Arbitrary<unknown>[]).map(
      (coordinates, at) => coordinates.map((found): Geometry => ({ type: codes[at] ?? '', coordinates: found })),
    ),
  );
  const collection = several(simple).map((inside): Geometry => ({ type: 'GeometryCollection', geometries: inside }));
  return fc.oneof({ weight: 4, arbitrary: simple }, collection);
}

const flat = geometries(fc.tuple(number, number));
const solid = geometries(fc.tuple(number, number, number));
const style = fc.record({
  isLittle: fc.boolean(),
  isExtended: fc.boolean(),
  srid: fc.option(fc.constantFrom(4326, 25833), { nil: undefined }),
});

const column = (bytes: Buffer, srid: number | null = null): string =>
  JSON.stringify({ wkb: bytes.toString('base64'), srid });

test('G9: any geometry, in either byte order and either dialect of WKB, is the GeoJSON that it was written from', () => {
  fc.assert(
    fc.property(fc.oneof(flat, solid), style, (geometry, how) => {
      // An SRID inside makes it PostGIS's dialect.
      const bytes = wkb(geometry, { ...how, isExtended: how.isExtended || how.srid !== undefined });
      assert.deepEqual(JSON.parse(planar(column(bytes)) ?? ''), geometry);
    }),
    budget(2000),
  );
});

test('on the globe a geometry of WGS 84 is GeoJSON; another, or one that is no place there, stays as it came', () => {
  const onGlobe = geometries(fc.tuple(degrees(180), degrees(90)));
  const plain = { isLittle: true, isExtended: false, srid: undefined };
  fc.assert(
    fc.property(onGlobe, fc.constantFrom(null, 0, 4326, 25833), (geometry, srid) => {
      const text = column(wkb(geometry, plain), srid);
      const made = geographic(text);
      if (srid === 25833) assert.equal(made, text);
      else assert.deepEqual(JSON.parse(made ?? ''), geometry);
    }),
    budget(1000),
  );
  for (const [x, y] of [
    [180.1, 0],
    [0, 90.1],
    [400_000, 5_800_000],
  ] as const) {
    const text = `{"x":${x},"y":${y},"wkb":null,"srid":null}`;
    assert.equal(geographic(text), text);
    assert.equal(planar(text), `{"type":"Point","coordinates":[${x},${y}]}`);
  }
});

test('a point keeps the digits of its coordinates; empty geometries and curves are null; what is no WKB is refused', () => {
  assert.equal(planar('{"x":1.10,"y":-2E-3,"wkb":null,"srid":null}'), '{"type":"Point","coordinates":[1.10,-2E-3]}');
  assert.equal(planar('{"x":"NaN","y":1.0}'), 'null');
  const plain = { isLittle: true, isExtended: false, srid: undefined };
  for (const empty of [
    { type: 'Point', coordinates: [NaN, NaN] },
    { type: 'LineString', coordinates: [] },
    { type: 'MultiPolygon', coordinates: [] },
    { type: 'GeometryCollection', geometries: [] },
  ])
    assert.equal(planar(column(wkb(empty, plain))), 'null', empty.type);
  assert.equal(planar(column(Buffer.from('010800000000000000', 'hex'))), 'null', 'a circular string');
  assert.equal(planar(column(Buffer.from('0102000000ffffffff', 'hex'))), undefined, 'a line that is cut off');
  for (const wrong of ['{}', '{"wkb":""}', '{"wkb":"AAAA"}', '1', '"POINT(1 2)"'])
    assert.equal(planar(wrong), undefined, wrong);
});
