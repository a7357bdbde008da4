// Which devices count. A layered device's bytes are those of the device under it, so counting both would double them.

export const DISKS = 'device!~"(dm-|md|loop|ram|zram|sr).*"';
export const INTERFACES = 'device!~"lo|(veth|docker|br-).*"';
/** Filesystems that live in memory or are full by nature are left out. */
export const FILESYSTEMS = 'fstype!~"tmpfs|devtmpfs|ramfs|squashfs|iso9660"';
