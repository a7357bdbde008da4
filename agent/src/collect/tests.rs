//! The collectors together over a made-up host, and once over the real one.

use std::fs;
use std::path::Path;

use super::figure::lines;
use super::*;

fn config(root: &Path) -> CollectConfig {
    CollectConfig {
        root: root.to_owned(),
        disabled: Vec::new(),
        mount_exclude: "^/proc$".to_owned(),
        fs_type_exclude: "^overlay$".to_owned(),
        net_exclude: "^veth".to_owned(),
        disk_exclude: "^loop\\d+$".to_owned(),
        unit_exclude: String::new(),
        hwmon_exclude: "^acpitz$".to_owned(),
        container_exclude: "^pause".to_owned(),
        cgroup_include: "\\.service$".to_owned(),
        netstat_include: "^(Tcp|Ip6)_In".to_owned(),
        process_groups: BTreeMap::from([("init".to_owned(), "^/sbin/init".to_owned())]),
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn made_up_host() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(
        root,
        "proc/stat",
        "cpu  1 1 1 1\ncpu0 100 0 0 0 0 0 0 0 0 0\nintr 7 1 6\nctxt 8\n",
    );
    write(root, "proc/loadavg", "0.5 0.25 0.125 1/2 3\n");
    write(root, "proc/meminfo", "MemFree: 2 kB\n");
    write(root, "proc/vmstat", "nr_free_pages 1\npgfault 3\n");
    let mounts = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:5 / /proc rw - proc proc rw\n\
                  3 1 0:6 / /o rw - overlay o rw\n4 1 8:2 / /gone ro - xfs /dev/sdb1 rw\n";
    write(root, "proc/1/mountinfo", mounts);
    write(
        root,
        "proc/diskstats",
        "7 0 loop0 1 2 3 4 5 6 7 8 9 10 11\n8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n",
    );
    let net = "Inter-| x\n face |y\n  lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n\
               veth1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
    write(root, "proc/net/dev", net);
    write(
        root,
        "proc/1/stat",
        "1 (init) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 4 0 0\n",
    );
    write(root, "proc/sys/kernel/pid_max", "32768\n");
    write(root, "proc/sys/kernel/threads-max", "1000\n");
    write(
        root,
        "proc/pressure/cpu",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n",
    );
    for (path, text) in MORE_FILES {
        write(root, path, text);
    }
    dir
}

const MORE_FILES: [(&str, &str); 26] = [
    (
        "proc/net/netstat",
        "TcpExt: SyncookiesSent ListenDrops\nTcpExt: 1 2\n",
    ),
    ("proc/net/snmp", "Tcp: InSegs OutSegs\nTcp: 4 5\n"),
    ("proc/net/snmp6", "Ip6InOctets 7\nIp6OutOctets 8\n"),
    ("proc/net/sockstat", "sockets: used 3\nTCP: inuse 2 mem 1\n"),
    ("proc/net/sockstat6", "TCP6: inuse 1\n"),
    ("proc/sys/fs/file-nr", "865\t0\t2466170\n"),
    ("proc/sys/kernel/random/entropy_avail", "256\n"),
    ("proc/sys/kernel/random/poolsize", "256\n"),
    ("proc/sys/net/netfilter/nf_conntrack_count", "21\n"),
    ("proc/sys/net/netfilter/nf_conntrack_max", "262144\n"),
    (
        "proc/net/stat/nf_conntrack",
        "entries found drop\n00000001 0000000f 00000002\n",
    ),
    ("proc/net/softnet_stat", "0000000a 00000001 00000002\n"),
    (
        "proc/net/arp",
        "IP address\n10.0.0.1 0x1 0x2 02:fc:00:00:00:05 * lo\n10.0.0.1 0x1 0x2 02:fc:00:00:00:05 * veth1\n",
    ),
    ("sys/class/net/lo/operstate", "unknown\n"),
    ("sys/class/net/veth1/operstate", "up\n"),
    ("proc/1/cmdline", "/sbin/init\0--system\0"),
    ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
    ("sys/class/hwmon/hwmon0/name", "coretemp\n"),
    ("sys/class/hwmon/hwmon0/temp1_input", "45500\n"),
    ("sys/class/hwmon/hwmon0/temp1_label", "Core 0\n"),
    ("sys/class/hwmon/hwmon1/name", "acpitz\n"),
    ("sys/class/hwmon/hwmon1/temp1_input", "1\n"),
    ("sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n"),
    ("sys/class/thermal/thermal_zone0/temp", "52000\n"),
    (
        "proc/self/mountinfo",
        "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
    ),
    (
        "sys/fs/cgroup/system.slice/nginx.service/cpu.stat",
        "usage_usec 1500000\n",
    ),
];

#[test]
fn a_made_up_host_is_told_whole() {
    let host = made_up_host();
    let mut collectors = Collectors::new(config(host.path())).unwrap();
    let told = lines(&collectors.collect());
    for expected in [
        "node_cpu_guest_seconds_total{cpu=\"0\",mode=\"nice\"} 0",
        "node_load15 0.125",
        "node_memory_MemFree_bytes 2048",
        "node_vmstat_pgfault 3",
        "node_filesystem_readonly{device=\"/dev/sda1\",fstype=\"ext4\",mountpoint=\"/\"} 0",
        "node_filesystem_device_error{device=\"/dev/sdb1\",device_error=\"no such file or directory\",fstype=\"xfs\",mountpoint=\"/gone\"} 1",
        "node_disk_io_now{device=\"sda\"} 9",
        "node_network_transmit_carrier_total{device=\"lo\"} 15",
        "node_context_switches_total 8",
        "node_processes_state{state=\"S\"} 1",
        "node_processes_threads 4",
        "node_pressure_cpu_waiting_seconds_total 1.5",
        "node_netstat_Tcp_InSegs 4",
        "node_netstat_Ip6_InOctets 7",
        "node_sockstat_TCP_mem 1",
        "node_sockstat_TCP6_inuse 1",
        "node_softnet_processed_total{cpu=\"0\"} 10",
        "node_arp_entries{device=\"lo\"} 1",
        "node_network_up{device=\"lo\"} 0",
        "node_filefd_allocated 865",
        "node_entropy_available_bits 256",
        "node_nf_conntrack_entries_limit 262144",
        "node_nf_conntrack_stat_found 15",
        "node_os_info{id=\"debian\",version_id=\"12\"} 1",
        "node_os_version{id=\"debian\"} 12",
        "node_hwmon_temp_celsius{chip=\"coretemp\",sensor=\"temp1\"} 45.5",
        "node_hwmon_sensor_label{chip=\"coretemp\",label=\"Core 0\",sensor=\"temp1\"} 1",
        "node_thermal_zone_temp{type=\"x86_pkg_temp\",zone=\"0\"} 52",
        "namedprocess_namegroup_num_procs{groupname=\"init\"} 0",
        "container_cpu_usage_seconds_total{cpu=\"total\",id=\"/system.slice/nginx.service\"} 1.5",
    ] {
        assert!(
            told.iter().any(|line| line == expected),
            "{expected} in {told:#?}"
        );
    }
    for left_out in [
        "loop0",
        "veth1",
        "overlay",
        "\"/proc\"",
        "acpitz",
        "Syncookies",
        "OutSegs",
        "\"/system.slice\"",
    ] {
        assert!(
            told.iter().all(|line| !line.contains(left_out)),
            "{left_out} in {told:#?}"
        );
    }
    let silent = |name| (name == "systemd").then(|| "this host has no systemd".to_owned());
    assert_eq!(collectors.health(), NAMES.map(|name| (name, silent(name))));
    assert_eq!(collectors.failed().count(), 0);
}

#[test]
fn a_missing_file_silences_its_collector_alone_and_until_it_is_there() {
    let host = made_up_host();
    fs::remove_dir_all(host.path().join("proc/pressure")).unwrap();
    fs::write(host.path().join("proc/loadavg"), "high\n").unwrap();
    let mut collectors = Collectors::new(config(host.path())).unwrap();
    let told = lines(&collectors.collect());
    assert!(told.iter().any(|line| line.starts_with("node_vmstat_")));
    assert!(
        !told
            .iter()
            .any(|line| line.starts_with("node_pressure_") || line.starts_with("node_load"))
    );
    let failed: Vec<_> = collectors
        .health()
        .into_iter()
        .filter_map(|(name, reason)| Some((name, reason?)))
        .filter(|(name, _)| *name != "systemd")
        .collect();
    assert_eq!(failed.len(), 2);
    assert!(collectors.failed().eq(["loadavg", "pressure"]));
    assert_eq!(
        failed[0],
        (
            "loadavg",
            "/proc/loadavg has no line of the expected form".to_owned()
        )
    );
    assert_eq!(failed[1].0, "pressure");
    assert!(
        failed[1].1.starts_with("cannot read /proc/pressure/cpu: "),
        "{}",
        failed[1].1
    );
    fs::write(host.path().join("proc/loadavg"), "1 1 1\n").unwrap();
    collectors.collect();
    assert!(collectors.health().contains(&("loadavg", None)));
}

#[test]
fn what_a_host_does_not_have_is_no_failure() {
    let host = made_up_host();
    for folder in ["sys/class", "proc/sys/net"] {
        fs::remove_dir_all(host.path().join(folder)).unwrap();
    }
    let bare = "27 1 254:0 / / rw - ext4 /dev/vda rw\n";
    write(host.path(), "proc/self/mountinfo", bare);
    let mut collectors = Collectors::new(config(host.path())).unwrap();
    collectors.collect();
    assert_eq!(collectors.failed().count(), 0);
    for (name, what) in [
        ("hwmon", "hardware monitors"),
        ("thermal_zone", "thermal zones"),
        ("cgroup", "control groups of version 2"),
        ("systemd", "systemd"),
    ] {
        let silent = (name, Some(format!("this host has no {what}")));
        assert!(collectors.health().contains(&silent), "{silent:?}");
    }
}

#[test]
fn disabled_ones_are_absent_and_bad_expressions_refused() {
    let host = made_up_host();
    let disabled = NAMES
        .iter()
        .filter(|name| **name != "time")
        .map(|name| (*name).to_owned())
        .collect();
    let mut collectors = Collectors::new(CollectConfig {
        disabled,
        ..config(host.path())
    })
    .unwrap();
    let figures = collectors.collect();
    assert_eq!(figures.len(), 1);
    assert_eq!(figures[0].name, "node_time_seconds");
    assert_eq!(collectors.health(), [("time", None)]);
    let bad = CollectConfig {
        net_exclude: "(".to_owned(),
        disabled: vec!["netdev".to_owned()],
        ..config(host.path())
    };
    assert!(Collectors::new(bad).is_err());
}

#[test]
fn an_empty_expression_leaves_out_nothing() {
    assert!(!Exclude::new("").unwrap().excludes("eth0"));
    assert!(Exclude::new("^eth").unwrap().excludes("eth0"));
}

#[test]
fn odd_text_in_every_file_is_no_panic() {
    let host = made_up_host();
    let files = [
        "stat",
        "loadavg",
        "meminfo",
        "vmstat",
        "1/mountinfo",
        "diskstats",
        "net/dev",
        "1/stat",
        "pressure/cpu",
        "net/netstat",
        "net/snmp",
        "net/snmp6",
        "net/sockstat",
        "net/sockstat6",
        "net/stat/nf_conntrack",
        "net/softnet_stat",
        "net/arp",
        "../sys/class/net/lo/operstate",
        "sys/fs/file-nr",
        "sys/net/netfilter/nf_conntrack_count",
        "sys/kernel/random/poolsize",
        "self/mountinfo",
        "../etc/os-release",
        "../sys/class/hwmon/hwmon0/name",
        "../sys/class/hwmon/hwmon0/temp1_input",
        "../sys/class/hwmon/hwmon0/temp1_label",
        "../sys/class/thermal/thermal_zone0/temp",
    ];
    for odd in [
        "",
        "\n",
        ":",
        " ",
        "\u{0}",
        "cpu0",
        "cpu0 ",
        "- - - - - - - - -",
        "\\",
        ") ",
        "99999999999999999999999 1",
        "ä ö: ü",
    ] {
        for file in files {
            write(host.path(), &format!("proc/{file}"), odd);
        }
        let mut collectors = Collectors::new(config(host.path())).unwrap();
        assert!(
            collectors
                .collect()
                .iter()
                .all(|figure| figure.value.is_finite()),
            "{odd:?}"
        );
        let failed = collectors
            .health()
            .into_iter()
            .filter(|(_, reason)| reason.is_some())
            .count();
        assert!(failed >= 14, "{odd:?}: {:?}", collectors.health());
    }
}

#[test]
fn this_host_gives_figures_once_each() {
    let mut collectors = Collectors::new(config(Path::new("/"))).unwrap();
    let mut told: Vec<String> = Vec::new();
    for figure in collectors.collect() {
        assert!(figure.value.is_finite(), "{figure}");
        told.push(figure.to_string().rsplit_once(' ').unwrap().0.to_owned());
    }
    let all = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), all);
    assert!(told.iter().any(|line| line == "node_memory_MemTotal_bytes"));
}
