// All hosts, a page at a time: a filter, a summary, a card each.
import { count } from "../format";
import type { Host } from "../hosts";
import { filter, hostPage, pageIndex, since } from "../state";
import { HostCard } from "./HostCard";

export function Overview({ hosts }: { hosts: readonly Host[] }) {
  const { shown, matching, page, pages } = hostPage.value;
  return (
    <section aria-label="Hosts">
      <div class="tools">
        <h2>{summary(hosts)}</h2>
        {hosts.length > 1 && <FilterBox />}
      </div>
      {matching === 0 && <p class="quiet">No host's name contains “{filter.value.trim()}”.</p>}
      <ul class="hosts" data-hosts={hosts.length}>
        {shown.map((host) => (
          <HostCard key={host.name} host={since.value.get(host.name) ?? host} />
        ))}
      </ul>
      {pages > 1 && <Pager page={page} pages={pages} matching={matching} />}
    </section>
  );
}

function summary(hosts: readonly Host[]): string {
  const of = (state: Host["state"]) => hosts.filter((host) => host.state === state).length;
  const parts = [count(hosts.length, "host")];
  if (of("down") > 0) parts.push(`${of("down")} down`);
  if (of("silent") > 0) parts.push(`${of("silent")} without heartbeat`);
  return parts.join(" · ");
}

function FilterBox() {
  return (
    <input
      type="search"
      aria-label="Filter hosts by name"
      placeholder="Filter by name"
      maxLength={200}
      value={filter.value}
      onInput={(event) => {
        filter.value = event.currentTarget.value;
        pageIndex.value = 0;
      }}
    />
  );
}

function Pager({ page, pages, matching }: { page: number; pages: number; matching: number }) {
  return (
    <nav class="pager" aria-label="Pages of hosts">
      <button type="button" disabled={page === 0} onClick={() => (pageIndex.value = page - 1)}>
        Previous
      </button>
      <span class="quiet">
        page {page + 1} of {pages}, {count(matching, "host")}
      </span>
      <button type="button" disabled={page + 1 >= pages} onClick={() => (pageIndex.value = page + 1)}>
        Next
      </button>
    </nav>
  );
}
