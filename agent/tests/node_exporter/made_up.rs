//! A host that is made up of files, with what the machine of a test seldom has: sensors, thermal zones, several processors and
//! devices. Nothing moves there, so all values are the same.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use weir_agent::collect::{CollectConfig, Collectors, NAMES};

use crate::compare::compare;
use crate::exporter::{Exporter, defaults, path};

/// Collectors whose figures come out of files alone.
const TOLD: [&str; 16] = [
    "conntrack",
    "diskstats",
    "entropy",
    "filefd",
    "hwmon",
    "loadavg",
    "meminfo",
    "netclass",
    "netstat",
    "os",
    "pressure",
    "sockstat",
    "softnet",
    "stat",
    "thermal_zone",
    "vmstat",
];

const FILES: [(&str, &str); 56] = [
    (
        "proc/stat",
        "cpu  1 2 3 4\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 99 1 2\nctxt 7\nbtime 1795434422\nprocesses 160619\nprocs_running 3\nprocs_blocked 1\nsoftirq 1 1 0 0 0 0 0 0 0 0 0\n",
    ),
    ("proc/loadavg", "0.52 1.25 10.00 3/412 81230\n"),
    (
        "proc/meminfo",
        "MemTotal:       24684084 kB\nActive(anon):       1672 kB\nHugePages_Total:       3\nHugepagesize:       2048 kB\nDirectMap4k:      100 kB\n",
    ),
    (
        "proc/vmstat",
        "nr_free_pages 5\npgpgin 1\npgpgout 2\npswpin 3\npswpout 4\npgfault 5\npgmajfault 6\noom_kill 7\n",
    ),
    (
        "proc/diskstats",
        "   8       0 sda 1 2 3 4 5 6 7 8 0 10 11\n   8       1 sda1 1 2 3 4 5 6 7 8 0 10 11\n 259       0 nvme0n1 101 2 303 14500 5 6 7 8 2 10 11 12 13 14 15 16 17\n   7       0 loop0 1 2 3 4 5 6 7 8 9 10 11\n",
    ),
    (
        "proc/net/netstat",
        "TcpExt: SyncookiesSent ListenDrops TCPTimeouts TW\nTcpExt: 1 2 3 4\nIpExt: InOctets OutOctets\nIpExt: 18446744073709551615 6\n",
    ),
    (
        "proc/net/snmp",
        "Ip: Forwarding DefaultTTL\nIp: 2 64\nTcp: MaxConn CurrEstab InSegs\nTcp: -1 2 3\nUdpLite: InErrors\nUdpLite: 4\n",
    ),
    (
        "proc/net/snmp6",
        "Ip6InOctets                     \t328439\nUdpLite6InErrors \t1\nUdp6NoPorts 2\nIcmp6InType1 9\n",
    ),
    (
        "proc/net/sockstat",
        "sockets: used 38\nTCP: inuse 11 orphan 0 tw 856 alloc 11 mem 31\nUDP: inuse 3 mem 2\nFRAG: inuse 0 memory 0\n",
    ),
    (
        "proc/net/sockstat6",
        "TCP6: inuse 4\nFRAG6: inuse 0 memory 0\n",
    ),
    (
        "proc/net/softnet_stat",
        "0306d9ba 0000000f 00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n0000000a 00000000 00000002 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000001\n",
    ),
    ("proc/sys/fs/file-nr", "865\t0\t2466170\n"),
    ("proc/sys/kernel/random/entropy_avail", "255\n"),
    ("proc/sys/kernel/random/poolsize", "256\n"),
    ("proc/sys/net/netfilter/nf_conntrack_count", "21\n"),
    ("proc/sys/net/netfilter/nf_conntrack_max", "262144\n"),
    (
        "proc/net/stat/nf_conntrack",
        "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n00000021 00000001 0000000a 00000000 00000002 00000003 00000000 00000003 00000004 00000001 00000005 00000006 00000000 00000000 00000000 00000000 0000000f\n00000021 00000000 00000006 00000000 00000001 00000000 00000000 00000003 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000001\n",
    ),
    (
        "proc/pressure/cpu",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500001\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    ),
    (
        "proc/pressure/io",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=3\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=2\n",
    ),
    (
        "proc/pressure/memory",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=4\n",
    ),
    (
        "etc/os-release",
        "PRETTY_NAME=\"Ubuntu 22.04.3 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\nVERSION=\"22.04.3 LTS (Jammy Jellyfish)\"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\nHOME_URL=\"https://www.ubuntu.com/\"\n",
    ),
    // A chip on a device, with a sensor of every kind.
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/name",
        "coretemp\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/temp1_input",
        "45500\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/temp1_label",
        "Package id 0\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/temp1_max",
        "84000\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/temp1_crit_alarm",
        "0\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/temp1_alarm",
        "0\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/temp1_type",
        "1\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/temp2_fault",
        "1\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/temp2_input",
        "broken\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/in0_input",
        "1512\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/in0_beep",
        "1\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/curr1_input",
        "2500\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/energy1_input",
        "1500000\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/humidity1_input",
        "45000\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/power1_average",
        "2500000\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/power1_average_interval",
        "1000\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/power1_accuracy",
        "500000\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/fan1_input",
        "1100\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/fan1_div",
        "4\n",
    ),
    ("sys/devices/platform/coretemp.0/hwmon/hwmon0/pwm1", "128\n"),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/pwm1_enable",
        "2\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/intrusion0_alarm",
        "0\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/update_interval",
        "2000\n",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/beep_enable",
        "1\n",
    ),
    ("sys/devices/platform/coretemp.0/hwmon/hwmon0/vrm", "91\n"),
    // One without a device, and an old driver's with its sensors at the device.
    ("sys/devices/virtual/thermal/hwmon1/name", "acpitz\n"),
    ("sys/devices/virtual/thermal/hwmon1/temp1_input", "27800\n"),
    ("sys/devices/pci0/0000:00:18.3/temp1_input", "38000\n"),
    ("sys/devices/pci0/0000:00:18.3/hwmon/hwmon2/uevent", "\n"),
    ("sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n"),
    ("sys/class/thermal/thermal_zone0/policy", "step_wise\n"),
    ("sys/class/thermal/thermal_zone0/temp", "52000\n"),
    ("sys/class/thermal/cooling_device0/type", "Processor\n"),
    ("sys/class/thermal/cooling_device0/cur_state", "1\n"),
    ("sys/class/thermal/cooling_device0/max_state", "10\n"),
];

/// Devices of the network: file and content.
const DEVICES: [(&str, &str); 10] = [
    ("eth0/address", "02:fc:00:00:00:01\n"),
    ("eth0/broadcast", "ff:ff:ff:ff:ff:ff\n"),
    ("eth0/carrier", "1\n"),
    ("eth0/carrier_changes", "3\n"),
    ("eth0/duplex", "full\n"),
    ("eth0/flags", "0x1003\n"),
    ("eth0/ifalias", "uplink\n"),
    ("eth0/mtu", "9000\n"),
    ("eth0/operstate", "up\n"),
    ("eth0/speed", "10000\n"),
];

const LINKS: [(&str, &str); 5] = [
    (
        "sys/class/hwmon/hwmon0",
        "../../devices/platform/coretemp.0/hwmon/hwmon0",
    ),
    (
        "sys/devices/platform/coretemp.0/hwmon/hwmon0/device",
        "../..",
    ),
    (
        "sys/class/hwmon/hwmon1",
        "../../devices/virtual/thermal/hwmon1",
    ),
    (
        "sys/class/hwmon/hwmon2",
        "../../devices/pci0/0000:00:18.3/hwmon/hwmon2",
    ),
    ("sys/devices/pci0/0000:00:18.3/hwmon/hwmon2/device", "../.."),
];

fn make(root: &Path) {
    let place = |path: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    for (path, text) in FILES {
        fs::write(place(path), text).unwrap();
    }
    for (path, text) in DEVICES {
        fs::write(place(&format!("sys/class/net/{path}")), text).unwrap();
    }
    // node_exporter takes /proc/net for this process's own.
    symlink("../net", place("proc/self/net")).unwrap();
    for (path, target) in LINKS {
        symlink(target, place(path)).unwrap();
    }
}

#[test]
fn a_made_up_host_is_told_alike() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let config = defaults();
    let mut command = Command::new(path());
    command.args([
        "--web.listen-address=127.0.0.1:0",
        "--collector.disable-defaults",
        "--collector.netclass.ignore-invalid-speed",
    ]);
    command.arg(format!(
        "--collector.netstat.fields={}",
        config.netstat_include
    ));
    let places = [("procfs", "proc"), ("sysfs", "sys"), ("rootfs", "")];
    for (flag, folder) in places {
        let place = dir.path().join(folder);
        command.arg(format!("--path.{flag}={}", place.display()));
    }
    command.args(TOLD.map(|name| format!("--collector.{name}")));
    let mut exporter = Exporter::start(&mut command);
    let others = NAMES.into_iter().filter(|name| !TOLD.contains(name));
    let mut collectors = Collectors::new(CollectConfig {
        root: dir.path().to_owned(),
        disabled: others.map(str::to_owned).collect(),
        ..config
    })
    .unwrap();
    assert!(compare(&mut collectors, &mut exporter) > 110);
}
