//! What containers are called, from the files that engines keep: Docker's of each container, the list of podman and CRI-O,
//! and the names of Kubernetes' logs. Each container is looked up once. It speaks to no engine.

use std::collections::HashMap;

use serde::Deserialize;

use super::super::Root;
use super::container::Container;

const DOCKER: &str = "var/lib/docker/containers";
const PODMAN: &str = "var/lib/containers/storage/overlay-containers/containers.json";
const KUBERNETES: &str = "var/log/containers";
const KUBERNETES_END: &str = ".log";

/// By the container's number.
#[derive(Default)]
pub(super) struct Names {
    known: HashMap<String, (Container, u64)>,
    round: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerConfig {
    name: String,
}

#[derive(Deserialize)]
struct PodmanContainer {
    id: String,
    #[serde(default)]
    names: Vec<String>,
}

impl Names {
    pub(super) fn begin(&mut self) {
        self.round += 1;
    }

    /// Forgets the containers that ended.
    pub(super) fn end(&mut self) {
        self.known.retain(|_, (_, round)| *round == self.round);
    }

    /// The same container with its name, where one is found.
    pub(super) fn name(&mut self, root: &Root, container: Container) -> Container {
        if container.id.is_empty() {
            return container;
        }
        let known = self.known.entry(container.id.clone());
        let (known, round) = known.or_insert_with(|| (look_up(root, container), 0));
        *round = self.round;
        known.clone()
    }
}

fn look_up(root: &Root, mut container: Container) -> Container {
    let found = docker(root, &container.id).or_else(|| podman(root, &container.id));
    if let Some(name) = found.filter(|name| !name.is_empty()) {
        container.name = name;
    } else if let Some((pod, namespace, name)) = kubernetes(root, &container.id) {
        container.name = name;
        container.pod = Some((namespace, pod));
    }
    container
}

fn docker(root: &Root, id: &str) -> Option<String> {
    let text = root.read(&format!("{DOCKER}/{id}/config.v2.json")).ok()?;
    let config: DockerConfig = serde_json::from_str(&text).ok()?;
    Some(config.name.trim_start_matches('/').to_owned())
}

fn podman(root: &Root, id: &str) -> Option<String> {
    let text = root.read(PODMAN).ok()?;
    let all: Vec<PodmanContainer> = serde_json::from_str(&text).ok()?;
    let own = all.into_iter().find(|container| container.id == id)?;
    own.names.into_iter().next()
}

/// Pod, namespace and container of `pod_namespace_container-id.log`.
fn kubernetes(root: &Root, id: &str) -> Option<(String, String, String)> {
    let names = root.names_in(KUBERNETES).ok()?;
    let of_id = |name: &String| {
        let name = name.strip_suffix(KUBERNETES_END)?.strip_suffix(id)?;
        Some(name.strip_suffix('-')?.to_owned())
    };
    let name = names.iter().find_map(of_id)?;
    let mut parts = name.splitn(3, '_').map(str::to_owned);
    Some((parts.next()?, parts.next()?, parts.next()?))
}
