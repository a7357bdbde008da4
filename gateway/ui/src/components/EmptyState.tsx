// What a reader sees before the first host: how to send something.

export function EmptyState() {
  const gateway = location.hostname === "" ? "localhost" : location.hostname;
  return (
    <section class="empty">
      <h2>No host has been seen yet</h2>
      <p>Start an agent on a host; it sends the host's own figures every 10 seconds:</p>
      <pre>{`weir-agent run --set 'gateways=["${gateway}:9348"]'`}</pre>
      <p>Or send one metric by hand, to this gateway in Graphite's form:</p>
      <pre>{`echo "first.metric;host=$(hostname) 1 $(date +%s)" | nc -w 1 ${gateway} 2003`}</pre>
      <p>An agent also takes StatsD from the programs on its host:</p>
      <pre>{`echo "first.counter:1|c" | nc -u -w 1 127.0.0.1 8125`}</pre>
      <p class="quiet">This page looks again every 10 seconds. The ports are the defaults; yours are in the gateway's configuration.</p>
    </section>
  );
}
