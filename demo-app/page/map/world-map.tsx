import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CountrySummary } from '../../model/country.ts';
import { type Camera, type Frame, frameCountry, frameWorld } from './camera.ts';
import { Label } from './label.tsx';
import { Places } from './places.tsx';
import { type Box, drawWorld, type Place, WORLD_WIDTH, type World, type WorldTopology } from './world-geometry.ts';

interface Props {
  readonly topology: WorldTopology;
  readonly countries: readonly CountrySummary[];
  readonly selected: string | undefined;
  /** Pixels at the right that are covered by the country's card. */
  readonly covered: number;
}

/**
 * The world, rendered once; the camera is a CSS transform. Click or Enter opens a country, arrow keys move between countries.
 */
export function WorldMap({ topology, countries, selected, covered }: Props) {
  const stage = useRef<HTMLDivElement>(null);
  const size = useSize(stage);
  const world = useMemo(() => drawWorld(topology, countries), [topology, countries]);
  const [pointed, setPointed] = useState<CountrySummary>();
  const place = world.places.find(({ country }) => country.code === selected);
  const camera = size && computeCamera(world, place, { ...size, covered });
  return (
    <div class="map" ref={stage}>
      {camera && (
        // biome-ignore lint/a11y/useSemanticElements: a group of shapes inside a drawing has no element of its own
        <svg role="group" aria-label="Map of the world" width={size.width} height={size.height}>
          <g class="camera" style={{ transform: toTransform(camera), '--scale': String(camera.scale) }}>
            <path class="sea" d={world.sphere} />
            <path class="graticule" d={world.graticule} />
            <path class="unclaimed" d={world.rest} />
            <Places world={world} selected={selected} onPoint={setPointed} />
          </g>
        </svg>
      )}
      <Label country={pointed} stage={stage} />
    </div>
  );
}

function computeCamera(world: World, place: Place | undefined, frame: Frame): Camera {
  const all: Box = [0, 0, WORLD_WIDTH, world.height];
  return place === undefined ? frameWorld(all, frame) : frameCountry(place, all, frame);
}

const toTransform = ({ x, y, scale }: Camera): string => `translate(${x}px, ${y}px) scale(${scale})`;

function useSize(element: { readonly current: HTMLElement | null }) {
  const [size, setSize] = useState<{ readonly width: number; readonly height: number }>();
  useLayoutEffect(() => {
    const watched = element.current;
    if (watched === null) return;
    const observer = new ResizeObserver(() => setSize({ width: watched.clientWidth, height: watched.clientHeight }));
    observer.observe(watched);
    return () => observer.disconnect();
  }, [element]);
  return size;
}
