import { geoEqualEarth, geoGraticule10, geoPath } from 'd3-geo';
import type { Feature, MultiPolygon, Polygon } from 'geojson';
import { feature, mesh } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import type { CountrySummary } from '../../model/country.ts';

export type WorldTopology = Topology<{ countries: GeometryCollection<{ name: string }> }>;

/** The width of the world in drawing units. */
export const WORLD_WIDTH = 1000;

/** Left, top, right, bottom in drawing units. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

/** A country on the map. */
export interface Place {
  readonly country: CountrySummary;
  /** SVG path data; absent for a country that is too small for the source and is drawn as a dot. */
  readonly outline?: string;
  /** The bounding box of its largest part; the whole of France would reach to South America. */
  readonly box: Box;
  readonly centre: readonly [x: number, y: number];
}

export interface World {
  readonly sphere: string;
  readonly graticule: string;
  readonly places: readonly Place[];
  /** Land outside of the countries in the list. */
  readonly rest: string;
  /** Borders between two countries; coasts have none, so that small islands keep their colour. */
  readonly borders: string;
  readonly height: number;
}

type Shape = Feature<Polygon | MultiPolygon, { name: string }>;

/** An outline of fewer square units gets a dot, so that it can be seen and clicked. */
const MIN_OUTLINE_AREA = 2.5;

// Rotated by 11° so that the seam runs through the Bering Strait and cuts no country in two. Equal Earth shows areas in true proportion:
// Šavrič, Patterson, Jenny, "The Equal Earth map projection", 2018.
const projection = geoEqualEarth().rotate([-11, 0]).fitWidth(WORLD_WIDTH, { type: 'Sphere' });
const path = geoPath(projection).digits(2);

/** Projects the world once; afterwards the drawing is only scaled. */
export function drawWorld(topology: WorldTopology, countries: readonly CountrySummary[]): World {
  const shapes = feature(topology, topology.objects.countries).features as Shape[];
  const owners = new Map<string, CountrySummary>();
  for (const country of countries) owners.set(country.numeric ?? country.name, country);
  const claimed = new Map<CountrySummary, Shape[]>();
  let rest = '';
  for (const shape of shapes) {
    const owner = owners.get(String(shape.id ?? shape.properties.name));
    if (owner === undefined) rest += path(shape) ?? '';
    else claimed.set(owner, [...(claimed.get(owner) ?? []), shape]);
  }
  const sphere = { type: 'Sphere' } as const;
  const places = countries.map((country) => toPlace(country, claimed.get(country) ?? []));
  return {
    sphere: path(sphere) ?? '',
    graticule: path(geoGraticule10()) ?? '',
    places,
    rest,
    borders: path(mesh(topology, topology.objects.countries, (a, b) => a !== b)) ?? '',
    height: path.bounds(sphere)[1][1],
  };
}

function toPlace(country: CountrySummary, shapes: readonly Shape[]): Place {
  const [x, y] = projection([country.centre[0], country.centre[1]]) ?? [0, 0];
  const largest = shapes.flatMap(splitPolygons).sort((a, b) => path.area(b) - path.area(a))[0];
  if (largest === undefined || path.area(largest) < MIN_OUTLINE_AREA)
    return { country, box: [x, y, x, y], centre: [x, y] };
  const [[left, top], [right, bottom]] = path.bounds(largest);
  const outline = shapes.map((shape) => path(shape) ?? '').join('');
  return { country, outline, box: [left, top, right, bottom], centre: path.centroid(largest) };
}

function splitPolygons({ geometry }: Shape): Polygon[] {
  if (geometry.type === 'Polygon') return [geometry];
  return geometry.coordinates.map((coordinates) => ({ type: 'Polygon', coordinates }));
}
