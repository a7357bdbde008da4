// Says that the figures are old, why, and offers to ask again now.
import { clockSeconds } from "../format";
import { freshness } from "../state";

export function Banner({ retry }: { retry: () => void }) {
  const { failure, refreshed_ms } = freshness.value;
  if (failure === null) return null;
  const old = refreshed_ms === null ? "" : ` What you see is from ${clockSeconds(refreshed_ms)}.`;
  return (
    <div class="banner" role="alert">
      <p>
        Not refreshed: {failure}.{old} Trying again every 10 seconds.
      </p>
      <button type="button" onClick={retry}>
        Try now
      </button>
    </div>
  );
}
