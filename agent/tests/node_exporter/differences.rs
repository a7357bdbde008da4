//! What only one of the two has, by name and with the reason. An entry that ends with `*` is a family of names.

use weir_wire::SeriesKey;

/// Figures of node_exporter that the agent has not, on purpose.
const EXPORTERS_ALONE: &[(&str, &str)] = &[
    // About the exporter.
    (
        "node_exporter_build_info",
        "the agent's own figures are on its status port",
    ),
    (
        "node_scrape_collector_*",
        "weir_agent_collect_seconds and weir_agent_collector_failures_total are ours",
    ),
    ("node_textfile_*", "no figure of the host"),
    // Dear to read.
    (
        "node_processes_threads_state",
        "a folder and a file for each thread of the host",
    ),
    (
        "node_udp_queues",
        "a line for each socket of the host; node_netstat_Udp_RcvbufErrors tells when a queue is full",
    ),
    (
        "node_interrupts_total",
        "a series for each interrupt and processor; node_intr_total is their sum",
    ),
    // Of a device what nobody watches: numbers that name it, or that never change.
    (
        "node_network_address_assign_type",
        "how an address came about",
    ),
    (
        "node_network_carrier_down_changes_total",
        "half of carrier_changes",
    ),
    (
        "node_network_carrier_up_changes_total",
        "half of carrier_changes",
    ),
    ("node_network_device_id", "a number of the driver's"),
    (
        "node_network_dormant",
        "operstate of node_network_info says it",
    ),
    ("node_network_iface_id", "a number of the kernel's"),
    ("node_network_iface_link", "a number of the kernel's"),
    ("node_network_iface_link_mode", "never changes"),
    ("node_network_name_assign_type", "how a name came about"),
    (
        "node_network_net_dev_group",
        "a number of the administrator's",
    ),
    ("node_network_protocol_type", "never changes"),
    (
        "node_network_receive_nohandler_total",
        "not in /proc/net/dev: from netlink only",
    ),
    (
        "node_disk_info",
        "from udev's files, whose form is udev's own",
    ),
    ("node_disk_filesystem_info", "from udev's files"),
    ("node_disk_device_mapper_info", "from udev's files"),
    ("node_disk_ata_*", "from udev's files"),
    ("node_selinux_*", "a setting, no figure"),
    (
        "node_time_zone_offset_seconds",
        "a setting; node_time_seconds is the time",
    ),
    (
        "node_time_clocksource_*",
        "a setting; node_timex_* tells a clock that is off",
    ),
    // Hardware and file systems that few hosts have, each with dozens of figures: the pull of a real exporter is for them.
    ("node_bcache_*", "a file system's own"),
    ("node_bonding_*", "hardware of few"),
    ("node_btrfs_*", "a file system's own"),
    ("node_cpu_scaling_*", "three files a processor"),
    ("node_cpu_frequency_*", "three files a processor"),
    ("node_cpu_core_throttles_total", "a file a processor"),
    ("node_cpu_package_throttles_total", "a file a processor"),
    ("node_dmi_info", "the board's serial numbers"),
    ("node_edac_*", "hardware of few"),
    ("node_fibrechannel_*", "hardware of few"),
    ("node_infiniband_*", "hardware of few"),
    ("node_ipvs_*", "hosts of few"),
    ("node_md_*", "hosts of few"),
    ("node_nfs_*", "a file system's own"),
    ("node_nfsd_*", "a file system's own"),
    ("node_nvme_info", "the disk's serial number"),
    ("node_power_supply_*", "laptops"),
    ("node_rapl_*", "hardware of few"),
    (
        "node_schedstat_*",
        "three counters a processor that PSI tells better",
    ),
    ("node_tape_*", "hardware of few"),
    ("node_xfs_*", "a file system's own"),
    ("node_zfs_*", "a file system's own"),
];

/// Figures of the agent that Debian's node_exporter (1.5) has not.
const OUR_OWN: &[(&str, &str)] = &[
    ("container_*", "cAdvisor's names"),
    ("namedprocess_namegroup_*", "process-exporter's names"),
    (
        "node_pressure_irq_stalled_seconds_total",
        "of node_exporter 1.9",
    ),
];

pub(crate) fn is_exporters_alone(key: &SeriesKey) -> bool {
    is_listed(key, EXPORTERS_ALONE)
}

pub(crate) fn is_our_own(key: &SeriesKey) -> bool {
    is_listed(key, OUR_OWN)
}

fn is_listed(key: &SeriesKey, list: &[(&str, &str)]) -> bool {
    list.iter().any(|(name, _)| match name.strip_suffix('*') {
        Some(family) => key.name().starts_with(family),
        None => key.name() == *name,
    })
}
