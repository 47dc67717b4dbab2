import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { findNeighbour } from '../../demo-app/page/map/arrow-keys.ts';
import { frameCountry, frameWorld } from '../../demo-app/page/map/camera.ts';
import { type Box, drawWorld, WORLD_WIDTH, type WorldTopology } from '../../demo-app/page/map/world-geometry.ts';
import { countries, toSummary } from '../../demo-app/upstream/countries.ts';

const topology = createRequire(import.meta.url)('world-atlas/countries-50m.json') as WorldTopology;
const world = drawWorld(topology, countries.map(toSummary));
const all: Box = [0, 0, WORLD_WIDTH, world.height];
const frame = { width: 980, height: 780, covered: 372 };
const place = (code: string) => {
  const found = world.places.find(({ country }) => country.code === code);
  if (found === undefined) throw new Error(`${code} is not on the map`);
  return found;
};

describe('the map', () => {
  it('places every country inside the world, as an outline or a dot', () => {
    expect(world.places).toHaveLength(250);
    for (const { centre } of world.places) {
      expect(centre[0]).toBeGreaterThan(0);
      expect(centre[0]).toBeLessThan(WORLD_WIDTH);
      expect(centre[1]).toBeGreaterThan(0);
      expect(centre[1]).toBeLessThan(world.height);
    }
    expect(place('FRA').outline).toMatch(/^M/);
    expect(place('UNK').outline, 'Kosovo, which has no number, is found by its name').toMatch(/^M/);
    expect(place('VAT').outline, 'Vatican City is too small').toBeUndefined();
  });

  it('frames the largest part of a country: France without South America, Russia in one piece', () => {
    const [left, , right] = place('FRA').box;
    expect(right - left).toBeLessThan(WORLD_WIDTH * 0.05);
    const [west, , east] = place('RUS').box;
    expect(east - west).toBeGreaterThan(WORLD_WIDTH * 0.25);
    expect(east - west).toBeLessThan(WORLD_WIDTH * 0.5);
  });
});

describe('the camera', () => {
  it('shows the whole world in the middle', () => {
    const { scale, x, y } = frameWorld(all, { ...frame, covered: 0 });
    expect(x).toBeCloseTo(frame.width - (x + scale * WORLD_WIDTH));
    expect(y).toBeCloseTo(frame.height - (y + scale * world.height));
    expect(x).toBeGreaterThan(0);
  });

  it.each(['FRA', 'RUS', 'VAT', 'ATA', 'TUV', 'USA', 'FJI'])('shows all of %s in the uncovered part', (code) => {
    const { box } = place(code);
    const { scale, x, y } = frameCountry(place(code), all, frame);
    expect(scale * box[0] + x).toBeGreaterThanOrEqual(0);
    expect(scale * box[2] + x).toBeLessThanOrEqual(code === 'ATA' ? frame.width : frame.width - frame.covered);
    expect(scale * box[1] + y).toBeGreaterThanOrEqual(0);
    expect(scale * box[3] + y).toBeLessThanOrEqual(frame.height);
  });
});

describe('arrow keys', () => {
  it.each([
    ['ESP', 'ArrowLeft', 'PRT'],
    ['PRT', 'ArrowRight', 'ESP'],
    ['USA', 'ArrowUp', 'CAN'],
    ['FIN', 'ArrowLeft', 'SWE'],
  ] as const)('from %s %s leads to %s', (from, key, to) => {
    expect(findNeighbour(place(from), key, world.places)?.country.code).toBe(to);
  });

  it('stop at the edge', () => {
    expect(findNeighbour(place('ATA'), 'ArrowDown', world.places)).toBeUndefined();
  });

  it('reach every country from Spain', () => {
    const seen = new Set([place('ESP')]);
    for (const from of seen) {
      for (const key of ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight'] as const) {
        const next = findNeighbour(from, key, world.places);
        if (next !== undefined) seen.add(next);
      }
    }
    expect(seen.size).toBe(world.places.length);
  });
});
