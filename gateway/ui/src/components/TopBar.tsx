// Name, time range, and when the figures were last fetched.
import { clockSeconds } from "../format";
import { hrefOf } from "../route";
import { freshness, route } from "../state";
import { RANGES } from "../time";

export function TopBar() {
  const { refreshed_ms } = freshness.value;
  return (
    <header class="topbar">
      <h1>
        <a href={hrefOf({ host: null, range: route.value.range })}>
          <Mark />
          Weir
        </a>
      </h1>
      <nav class="ranges" aria-label="Time range">
        {RANGES.map(({ name }) => (
          <a key={name} href={hrefOf({ ...route.value, range: name })} aria-current={name === route.value.range ? "true" : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <p class="quiet fetched" title="The page refreshes every 10 seconds while it is visible">
        {refreshed_ms === null ? "" : `as of ${clockSeconds(refreshed_ms)}`}
      </p>
    </header>
  );
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
      <path d="M2 9c3.5-3.5 6.5-3.5 10 0s6.5 3.5 10 0M2 16c3.5-3.5 6.5-3.5 10 0s6.5 3.5 10 0" />
    </svg>
  );
}
