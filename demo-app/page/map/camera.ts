import type { Box, Place } from './world-geometry.ts';

/** The size of the map's element in pixels, and how many of them at the right are covered. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly covered: number;
}

/** Transforms drawing units to pixels: `pixel = scale * unit + offset`. */
export interface Camera {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

const MARGIN_PIXELS = 28;
/** Maximum zoom: Monaco is shown with its sea and its neighbours. */
const MAX_SCALE = 9;
/** A country fills at most this share of the frame, so that its neighbours are visible. */
const MAX_COUNTRY_SHARE = 0.55;

/** The whole world, in the middle of the frame. */
export function frameWorld(world: Box, frame: Frame): Camera {
  return centerOn(world, frame, scaleToFit(world, frame));
}

/** A country among its neighbours, in the middle of the uncovered part. */
export function frameCountry({ box }: Place, world: Box, frame: Frame): Camera {
  const scale = Math.min(scaleToFit(box, frame) * MAX_COUNTRY_SHARE, scaleToFit(world, frame) * MAX_SCALE);
  return clampToWorld(world, frame, centerOn(box, frame, Math.max(scale, scaleToFit(world, frame))));
}

/** Moves the camera so that as little as possible beyond the world's edge is visible. */
function clampToWorld([left, top, right, bottom]: Box, { width, height, covered }: Frame, camera: Camera): Camera {
  const { scale } = camera;
  const along = (offset: number, from: number, to: number, pixels: number) => {
    const slack = pixels - scale * (to - from);
    return slack > 0 ? slack / 2 - scale * from : Math.min(Math.max(offset, slack - scale * from), -scale * from);
  };
  return { scale, x: along(camera.x, left, right, width - covered), y: along(camera.y, top, bottom, height) };
}

function scaleToFit([left, top, right, bottom]: Box, { width, height, covered }: Frame): number {
  const wide = Math.max(width - covered - 2 * MARGIN_PIXELS, 1) / Math.max(right - left, 1e-6);
  const high = Math.max(height - 2 * MARGIN_PIXELS, 1) / Math.max(bottom - top, 1e-6);
  return Math.min(wide, high);
}

function centerOn([left, top, right, bottom]: Box, { width, height, covered }: Frame, scale: number): Camera {
  return {
    scale,
    x: (width - covered) / 2 - (scale * (left + right)) / 2,
    y: height / 2 - (scale * (top + bottom)) / 2,
  };
}
