//! A made-up tree of control groups, with what engines write down about their containers.

use std::fs;

use super::super::figure::lines;
use super::*;

const ID: &str = "5f1e3c4d2b6a798081929394a5b6c7d8e9f00112233445566778899aabbccdde";
const OTHER: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const POD: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const PODMAN: &str = "2222222222222222222222222222222222222222222222222222222222222222";

struct Host(tempfile::TempDir);

impl Host {
    fn new() -> Self {
        let host = Self(tempfile::tempdir().unwrap());
        host.write(
            "proc/self/mountinfo",
            "22 27 0:21 / /proc rw - proc proc rw\n31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        );
        host.write("proc/diskstats", " 254 0 vda 1 2 3\n");
        host
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn group(&self, id: &str, files: &[(&str, &str)]) {
        for (file, text) in files {
            self.write(&format!("sys/fs/cgroup{id}/{file}"), text);
        }
    }

    fn root(&self) -> Root {
        Root::new(self.0.path().to_owned())
    }
}

fn cgroup(exclude: &str, include: &str) -> Cgroup {
    Cgroup::new(
        Exclude::new(exclude).unwrap(),
        Include::new(include).unwrap(),
    )
}

fn collect(cgroup: &mut Cgroup, host: &Host) -> Vec<String> {
    let mut figures = Vec::new();
    cgroup.collect(&host.root(), &mut figures).unwrap();
    lines(&figures)
}

#[test]
fn a_container_of_dockers_is_told_by_its_name() {
    let host = Host::new();
    let id = format!("/system.slice/docker-{ID}.scope");
    host.group(
        &id,
        &[
            (
                "cpu.stat",
                "usage_usec 3000000\nuser_usec 1000000\nsystem_usec 2000000\n",
            ),
            ("memory.current", "1000\n"),
            ("memory.max", "max\n"),
            (
                "memory.stat",
                "anon 300\nfile 500\ninactive_file 400\npgfault 7\npgmajfault 1\n",
            ),
            ("memory.swap.current", "8\n"),
            ("memory.events", "low 0\noom 2\noom_kill 1\n"),
            ("pids.current", "5\n"),
            (
                "io.stat",
                "254:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n9:9 rbytes=1\n",
            ),
        ],
    );
    host.write(
        &format!("var/lib/docker/containers/{ID}/config.v2.json"),
        "{\"State\":{\"Running\":true},\"ID\":\"x\",\"Name\":\"/web\"}",
    );
    let labels = format!("id=\"{id}\",name=\"web\"");
    let told = collect(&mut cgroup("", ""), &host);
    assert_eq!(
        told,
        [
            format!("container_cpu_user_seconds_total{{{labels}}} 1"),
            format!("container_cpu_system_seconds_total{{{labels}}} 2"),
            format!("container_cpu_usage_seconds_total{{cpu=\"total\",{labels}}} 3"),
            format!("container_memory_usage_bytes{{{labels}}} 1000"),
            format!("container_spec_memory_limit_bytes{{{labels}}} 0"),
            format!("container_memory_rss{{{labels}}} 300"),
            format!("container_memory_cache{{{labels}}} 500"),
            format!("container_memory_working_set_bytes{{{labels}}} 600"),
            format!(
                "container_memory_failures_total{{failure_type=\"pgfault\",{labels},scope=\"container\"}} 7"
            ),
            format!(
                "container_memory_failures_total{{failure_type=\"pgmajfault\",{labels},scope=\"container\"}} 1"
            ),
            format!("container_oom_events_total{{{labels}}} 1"),
            format!("container_memory_swap{{{labels}}} 8"),
            format!("container_threads{{{labels}}} 5"),
            format!("container_fs_reads_bytes_total{{device=\"/dev/vda\",{labels}}} 10"),
            format!("container_fs_writes_bytes_total{{device=\"/dev/vda\",{labels}}} 20"),
            format!("container_fs_reads_total{{device=\"/dev/vda\",{labels}}} 1"),
            format!("container_fs_writes_total{{device=\"/dev/vda\",{labels}}} 2"),
            format!("container_fs_reads_bytes_total{{device=\"9:9\",{labels}}} 1"),
        ]
    );
}

#[test]
fn other_engines_and_those_without_a_name() {
    let host = Host::new();
    for folder in [
        format!("/docker/{OTHER}"),
        format!("/kubepods.slice/burstable/cri-containerd-{POD}.scope"),
        format!("/machine.slice/libpod-{PODMAN}.scope/container"),
        format!("/machine.slice/libpod-{PODMAN}.scope"),
        "/system.slice/nginx.service".to_owned(),
    ] {
        host.group(&folder, &[("pids.current", "1\n")]);
    }
    host.write("var/lib/docker/containers/x", "");
    host.write(
        &format!("var/log/containers/web-6d4b_shop_nginx-{POD}.log"),
        "",
    );
    host.write(
        "var/lib/containers/storage/overlay-containers/containers.json",
        &format!("[{{\"id\":\"y\"}},{{\"id\":\"{PODMAN}\",\"names\":[\"db\"],\"layer\":\"z\"}}]"),
    );
    let mut told = collect(&mut cgroup("", ""), &host);
    told.sort();
    assert_eq!(
        told,
        [
            format!("container_threads{{id=\"/docker/{OTHER}\",name=\"000000000000\"}} 1"),
            format!(
                "container_threads{{id=\"/kubepods.slice/burstable/cri-containerd-{POD}.scope\",name=\"nginx\",namespace=\"shop\",pod=\"web-6d4b\"}} 1"
            ),
            format!(
                "container_threads{{id=\"/machine.slice/libpod-{PODMAN}.scope\",name=\"db\"}} 1"
            ),
        ]
    );
    let told = collect(&mut cgroup("^(db|nginx|0+)$", "\\.service$"), &host);
    assert_eq!(
        told,
        ["container_threads{id=\"/system.slice/nginx.service\"} 1"]
    );
}

#[test]
fn names_are_looked_up_once_and_forgotten_with_the_container() {
    let host = Host::new();
    let folder = format!("/docker/{ID}");
    host.group(&folder, &[("pids.current", "1\n")]);
    let config = format!("var/lib/docker/containers/{ID}/config.v2.json");
    host.write(&config, "{\"Name\":\"/web\"}");
    let mut cgroup = cgroup("", "");
    assert!(collect(&mut cgroup, &host)[0].contains("\"web\""));
    fs::remove_file(host.0.path().join(config)).unwrap();
    assert!(collect(&mut cgroup, &host)[0].contains("\"web\""));
    fs::remove_dir_all(host.0.path().join(format!("sys/fs/cgroup{folder}"))).unwrap();
    assert!(collect(&mut cgroup, &host).is_empty());
    host.group(&folder, &[("pids.current", "1\n")]);
    let told = collect(&mut cgroup, &host);
    assert!(told[0].contains(&format!("\"{}\"", &ID[..12])), "{told:?}");
}

#[test]
fn odd_files_and_deep_trees_end() {
    let host = Host::new();
    let id = format!("/docker/{ID}");
    for odd in [
        "",
        "\n",
        "-1",
        "max",
        "99999999999999999999",
        "\u{0}",
        "x y z",
    ] {
        let files = [
            "cpu.stat",
            "memory.current",
            "memory.stat",
            "memory.max",
            "pids.current",
            "io.stat",
        ];
        host.group(&id, &files.map(|file| (file, odd)));
        host.write(
            &format!("var/lib/docker/containers/{ID}/config.v2.json"),
            odd,
        );
        assert!(collect(&mut cgroup("", ""), &host).is_empty(), "{odd:?}");
    }
    let deep = "/a".repeat(100);
    host.group(&deep, &[("pids.current", "1\n")]);
    assert!(collect(&mut cgroup("", "."), &host).is_empty());
    assert!(groups(&host.root().join("sys/fs/cgroup")).len() < 40);
    host.write(
        "proc/self/mountinfo",
        "22 27 0:21 / /proc rw - proc proc rw\n",
    );
    let absent = cgroup("", "").collect(&host.root(), &mut Vec::new());
    assert!(matches!(absent, Err(CollectError::Absent { .. })));
}
