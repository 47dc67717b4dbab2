import { useEffect, useRef } from 'preact/hooks';
import type { CountrySummary } from '../../model/country.ts';
import { Flag } from '../view/flag.tsx';

interface Props {
  readonly country: CountrySummary | undefined;
  readonly stage: { readonly current: HTMLElement | null };
}

/** The name of the country under the pointer or in focus; it moves without rendering. */
export function Label({ country, stage }: Props) {
  const label = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const map = stage.current;
    if (map === null) return;
    const moveTo = (x: number, y: number) => {
      const { left, top } = map.getBoundingClientRect();
      label.current?.style.setProperty('translate', `${x - left}px ${y - top}px`);
    };
    const follow = ({ clientX, clientY }: PointerEvent) => moveTo(clientX, clientY);
    const jump = ({ target }: FocusEvent) => {
      if (!(target instanceof Element) || !target.matches(':focus-visible')) return;
      const { left, top, width, height } = target.getBoundingClientRect();
      moveTo(left + width / 2, top + height / 2);
    };
    map.addEventListener('pointermove', follow);
    map.addEventListener('focusin', jump);
    return () => {
      map.removeEventListener('pointermove', follow);
      map.removeEventListener('focusin', jump);
    };
  }, [stage]);
  return (
    <div class="map-label" ref={label} aria-hidden="true" hidden={country === undefined}>
      {country && <Flag alpha2={country.alpha2} />}
      {country?.name}
    </div>
  );
}
