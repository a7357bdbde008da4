// The large charts of one host. Charts of another host or range are never shown under this one's name.
import { PANELS } from "../panels";
import { panels, route } from "../state";
import { PanelView } from "./PanelView";

export function HostCharts({ name }: { name: string }) {
  const loaded = panels.value;
  const isOurs = loaded !== null && loaded.host === name && loaded.range === route.value.range;
  return (
    <section class="panels" aria-label={`Charts of ${name}`}>
      {PANELS.map((panel) => (
        <PanelView key={`${panel.id} ${name}`} panel={panel} answer={isOurs ? loaded.charts.get(panel.id) : undefined} />
      ))}
    </section>
  );
}
