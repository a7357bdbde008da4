// The page's frame: what is wrong and who is paged on top, then all hosts or one.
import { fleet, freshness, route } from "../state";
import { AlertList } from "./AlertList";
import { Banner } from "./Banner";
import { EmptyState } from "./EmptyState";
import { HostCharts } from "./HostCharts";
import { HostHeader } from "./HostHeader";
import { Overview } from "./Overview";
import { TopBar } from "./TopBar";

export function App({ retry }: { retry: () => void }) {
  const { failure, refreshes } = freshness.value;
  return (
    <div class="app" data-refreshes={refreshes} data-stale={failure !== null}>
      <TopBar />
      <Banner retry={retry} />
      <main>
        <Content />
      </main>
    </div>
  );
}

function Content() {
  if (fleet.value === null) return freshness.value.failure === null ? <p class="quiet">Loading…</p> : null;
  return (
    <>
      <AlertList alerts={fleet.value.alerts} />
      {route.value.host !== null ? <OneHost name={route.value.host} /> : <AllHosts />}
    </>
  );
}

function OneHost({ name }: { name: string }) {
  return (
    <>
      <HostHeader name={name} />
      <HostCharts name={name} />
    </>
  );
}

function AllHosts() {
  const hosts = fleet.value?.hosts ?? [];
  if (hosts.length === 0) return <EmptyState />;
  const only = hosts.length === 1 ? hosts[0] : undefined;
  return (
    <>
      <Overview hosts={hosts} />
      {only !== undefined && <HostCharts name={only.name} />}
    </>
  );
}
