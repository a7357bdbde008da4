//! The gateway's own figures, rendered at /metrics. The recorder is one a process, whoever starts first: tests start
//! several gateways.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Gives the handle that renders; installs the recorder on the first call.
pub(crate) fn install() -> PrometheusHandle {
    let handle = HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Refused only when a host program installed its own: then that one has the figures.
        let _ = metrics::set_global_recorder(recorder);
        weir_alerting::describe();
        handle
    });
    handle.clone()
}
