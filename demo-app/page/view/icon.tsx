// Drawn for Atlas on a grid of 16.
const SHAPES = {
  search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9M10.4 10.4 13.5 13.5',
  close: 'M4 4 12 12M12 4 4 12',
  window: 'M5.5 2.5h8v8h-8zM10.5 10.5v3h-8v-8h3',
  disk: 'M2.5 4.5c0-2.7 11-2.7 11 0v7c0 2.7-11 2.7-11 0zM2.5 4.5c0 2.7 11 2.7 11 0M2.5 8c0 2.7 11 2.7 11 0',
  network: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M2 8h12M8 2c-4 3.5-4 8.5 0 12M8 2c4 3.5 4 8.5 0 12',
  outbox: 'M2.5 9.5h3l1 2h3l1-2h3v4h-11zM8 8.500V2.500M5.500 5 8 2.500 10.500 5',
  tick: 'M3.500 8.500 6.500 11.500 12.500 5',
  again: 'M12.500 6.500A5 5 0 1 0 13 9M13 3v3.500H9.500',
  refused: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M8 5v3.500M8 10.700v.3',
  clock: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M8 4.800V8l2.200 1.500',
  note: 'M3.5 2.5h9v7l-4 4h-5zM12.5 9.5h-4v4M6 5.5h4M6 8h2',
} as const;

/** A line drawing in the colour of the text around it; decoration only. */
export function Icon({ name }: { readonly name: keyof typeof SHAPES }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}
