// Figures as text. A missing or infinite figure is a dash, never "NaN".

export type Unit = "percent" | "bytes" | "bytes_per_second" | "number";

export const NOTHING = "–";

export function figure(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  switch (unit) {
    case "percent":
      return `${digits(value)} %`;
    case "bytes":
      return scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
    case "bytes_per_second":
      return scaled(value, 1000, ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"]);
    case "number":
      return Math.abs(value) < 1000 ? value.toFixed(2) : scaled(value, 1000, ["", "k", "M", "G", "T"]);
  }
}

/** The same on an axis, where the ticks are round already. */
export function tick(value: number, unit: Unit): string {
  const text = figure(value, unit);
  return text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
}

function scaled(value: number, base: number, names: readonly string[]): string {
  let rest = value;
  let place = 0;
  // 999.95 would be printed as 1000: it belongs to the next name.
  while (Math.abs(rest) >= base - 0.05 && place < names.length - 1) {
    rest /= base;
    place += 1;
  }
  const number = place === 0 ? String(Math.round(rest)) : digits(rest);
  return `${number} ${names[place] ?? ""}`.trimEnd();
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (size < 9.995) return value.toFixed(2);
  return size < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/** Two units at most: `45 s`, `12 min`, `3 h 20 min`, `5 d 1 h`. */
export function lapse(span_ms: number): string {
  if (!Number.isFinite(span_ms)) return NOTHING;
  const seconds = Math.max(0, Math.floor(span_ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joined(hours, "h", minutes % 60, "min");
  return joined(Math.floor(hours / 24), "d", hours % 24, "h");
}

function joined(large: number, largeName: string, small: number, smallName: string): string {
  return small === 0 ? `${large} ${largeName}` : `${large} ${largeName} ${small} ${smallName}`;
}

/** The reader's local time of day. No range is longer than a day. */
export function clock(time_ms: number): string {
  const date = new Date(time_ms);
  return Number.isNaN(date.getTime()) ? NOTHING : `${two(date.getHours())}:${two(date.getMinutes())}`;
}

export function clockSeconds(time_ms: number): string {
  const text = clock(time_ms);
  return text === NOTHING ? text : `${text}:${two(new Date(time_ms).getSeconds())}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

export function count(value: number, one: string, many = `${one}s`): string {
  return `${value.toLocaleString("en")} ${value === 1 ? one : many}`;
}
