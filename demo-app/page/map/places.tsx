import { memo } from 'preact/compat';
import { useRef } from 'preact/hooks';
import type { CountrySummary } from '../../model/country.ts';
import { navigateTo } from '../view/route.ts';
import { findNeighbour, isArrowKey } from './arrow-keys.ts';
import type { Place, World } from './world-geometry.ts';

interface Props {
  readonly world: World;
  readonly selected: string | undefined;
  readonly onPoint: (country: CountrySummary | undefined) => void;
}

/** Every country as a button. The whole map is one tab stop; arrow keys move between countries. */
export const Places = memo(function Places({ world, selected, onPoint }: Props) {
  const shapes = useRef(new Map<string, SVGElement>()).current;
  const [first] = world.places;
  const stop = selected ?? first?.country.code;

  function onKeyDown(event: KeyboardEvent, place: Place): void {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      navigateTo(place.country.code);
    } else if (isArrowKey(event.key)) {
      event.preventDefault();
      const next = findNeighbour(place, event.key, world.places);
      if (next === undefined) return;
      shapes.get(next.country.code)?.focus({ preventScroll: true });
      // When zoomed in, the camera follows, because the next country may be outside the window or under the card.
      if (selected !== undefined) navigateTo(next.country.code);
    }
  }

  function toShape(place: Place) {
    const { country, outline, centre } = place;
    const { code, name, region } = country;
    const button = {
      class: 'country',
      role: 'button',
      'aria-label': name,
      'aria-pressed': code === selected,
      'data-country': code,
      'data-region': region,
      tabIndex: code === stop ? 0 : -1,
      ref: (shape: SVGElement | null) => {
        if (shape !== null) shapes.set(code, shape);
      },
      onClick: () => navigateTo(code),
      onKeyDown: (event: KeyboardEvent) => onKeyDown(event, place),
      onPointerEnter: () => onPoint(country),
      onPointerLeave: () => onPoint(undefined),
      onFocus: () => onPoint(country),
      onBlur: () => onPoint(undefined),
    } as const;
    if (outline === undefined) return <circle key={code} cx={centre[0]} cy={centre[1]} {...button} />;
    return <path key={code} d={outline} {...button} />;
  }

  // Dots are above outlines: San Marino can be clicked although Italy surrounds it.
  return (
    <>
      {world.places.filter(({ outline }) => outline !== undefined).map(toShape)}
      <path class="borders" d={world.borders} />
      {world.places.filter(({ outline }) => outline === undefined).map(toShape)}
    </>
  );
});
