// Which host the charts are of, and how it is.
import { hrefOf } from "../route";
import { fleet, route, since } from "../state";
import { sinceText } from "./since";

export function HostHeader({ name }: { name: string }) {
  const host = since.value.get(name) ?? fleet.value?.hosts.find((known) => known.name === name);
  return (
    <div class="hosthead">
      <a class="back" href={hrefOf({ host: null, range: route.value.range })}>
        ← All hosts
      </a>
      <h2 class="name">{name}</h2>
      {host === undefined ? (
        <p class="quiet">No host of this name was seen in this range.</p>
      ) : (
        <>
          <span class={`chip ${host.state}`}>{host.state === "silent" ? "no heartbeat" : host.state}</span>
          <span class="quiet">{sinceText(host)}</span>
          <span class="labels">
            {Object.entries(host.labels)
              .map(([key, value]) => `${key}=${value}`)
              .join("  ")}
          </span>
        </>
      )}
    </div>
  );
}
