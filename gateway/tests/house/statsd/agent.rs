//! The same clients by way of an agent: what each sends over each of its listeners is what a query returns, with the agent's
//! host on it.

use super::clients::{DATADOG, STATSD, port};
use super::*;
use crate::programs::start_agent_with;

#[test]
fn pythons_clients_by_every_listener_of_an_agent() {
    let dir = tempfile::tempdir().unwrap();
    let (datagrams, stream) = (dir.path().join("d.sock"), dir.path().join("s.sock"));
    let gateway = gateway(&[]);
    let agent = start_agent_with(
        &gateway,
        "web01",
        &[
            "statsd.dialect=dogstatsd",
            &format!("statsd.unix_listen={}", datagrams.display()),
            &format!("statsd.unix_stream_listen={}", stream.display()),
        ],
    );
    let python = python_with(&["statsd", "datadog"]);
    let (udp, tcp) = (port(&agent.said["statsd"]), port(&agent.said["statsd-tcp"]));
    run(Command::new(&python).args(["-c", STATSD, udp, tcp]));
    let mut datadog = Command::new(&python);
    run(datadog
        .args(["-c", DATADOG, udp])
        .args([&datagrams, &stream]));
    for (query, expected) in [
        ("{__name__='py.hits',host='web01'}", "3"),
        ("{__name__='py.took_sum',host='web01'}", "320"),
        ("{__name__='py.piped',host='web01'}", "2"),
        ("{__name__='py.tcp',host='web01'}", "1"),
        ("{__name__='dd.hits',host='web01',env='test',k='v'}", "2"),
        ("{__name__='dd.load',host='web01'}", "-4.5"),
        ("{__name__='dd.dist_count',host='web01'}", "1"),
        ("check{host='web01',env='test',k='v'}", "1"),
        ("{__name__='dd.past',host='web01'}", "6"),
        ("{__name__='dd.unix',host='web01'}", "1"),
        ("{__name__='dd.stream',host='web01'}", "1"),
    ] {
        is(&gateway, query, expected);
    }
}
