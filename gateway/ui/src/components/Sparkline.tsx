// A small line without axes, as SVG attributes only. A gap in the values is a gap in the line.

interface Props {
  id: string;
  values: readonly (number | null)[];
  /** The top is at least here. */
  reach: number;
}

const WIDTH = 100;
const HEIGHT = 20;

export function Sparkline({ id, values, reach }: Props) {
  const points = values.filter((value) => value !== null).length;
  const { line, area } = paths(values, reach);
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" data-spark={id} data-points={points}>
      <path class="area" d={area} />
      <path class="line" d={line} />
    </svg>
  );
}

function paths(values: readonly (number | null)[], reach: number): { line: string; area: string } {
  const top = values.reduce<number>((most, value) => Math.max(most, value ?? 0), reach);
  const x = (index: number) => ((index / Math.max(1, values.length - 1)) * WIDTH).toFixed(1);
  const y = (value: number) => (HEIGHT - 1 - (Math.max(0, value) / top) * (HEIGHT - 2)).toFixed(1);
  const line: string[] = [];
  const area: string[] = [];
  for (const [first, run] of runs(values)) {
    const steps = run.map((value, at) => `${x(first + at)} ${y(value)}`).join("L");
    line.push(run.length === 1 ? `M${steps}h1` : `M${steps}`);
    area.push(`M${x(first)} ${HEIGHT}L${steps}L${x(first + run.length - 1)} ${HEIGHT}Z`);
  }
  return { line: line.join(""), area: area.join("") };
}

/** Unbroken stretches of values, each with the index of its first. */
function runs(values: readonly (number | null)[]): [number, number[]][] {
  const found: [number, number[]][] = [];
  let isOpen = false;
  values.forEach((value, index) => {
    if (value !== null) {
      if (isOpen) found.at(-1)?.[1].push(value);
      else found.push([index, [value]]);
    }
    isOpen = value !== null;
  });
  return found;
}
