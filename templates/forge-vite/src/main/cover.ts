/** A row of hills across the window, with `steps` peaks from left to right. */
const hills = (y: number, height: number, steps: number, color: string) => {
  const width = 1200 / steps;
  const waves = Array.from({ length: steps }, (_, step) => {
    const lift = height * (0.55 + 0.45 * Math.sin(step * 2.4 + y));
    return `q ${width / 2} ${-lift} ${width} ${step % 2 === 0 ? -height / 4 : height / 4}`;
  });
  return `<path d="M 0 ${y} ${waves.join(' ')} V 320 H 0 Z" fill="${color}"/>`;
};

/** An evening landscape as SVG, in place of pictures that an application downloads or gets from its user. */
export function drawCover(): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 320" preserveAspectRatio="xMidYMid slice">
  <defs>
    <linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="#27406b"/>
      <stop offset="0.55" stop-color="#c9728a"/>
      <stop offset="1" stop-color="#f7c27a"/>
    </linearGradient>
  </defs>
  <rect width="1200" height="320" fill="url(#sky)"/>
  <circle cx="860" cy="176" r="46" fill="#ffe7b8"/>
  ${hills(214, 60, 5, '#8f5c86')}
  ${hills(246, 70, 4, '#5c4a7d')}
  ${hills(282, 60, 6, '#2f3561')}
</svg>`;
}
