//! A disk of our own to pull the plug of: ext4 in an image file, mounted through a loop device. The image's own bytes
//! are safe in the page cache of the file system below; only what ext4 has not written is lost.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::names::{Names, Unsynced};
use super::shutdown::shut_down;

const IMAGE_BYTES: u64 = 4 << 30;
/// ext4 by itself writes nothing for this long, so that nothing is on disk only because time has passed.
const OPTIONS: &str = "loop,commit=600";
const UNMOUNT_TRIES: u32 = 100;

/// Unmounted and removed when dropped.
pub(crate) struct Disk {
    image: PathBuf,
    pub(crate) mount_point: PathBuf,
    mounted: bool,
    /// `None` where the kernel does not tell of creations and syncs.
    names: Option<Names>,
    unsynced: Unsynced,
    /// Names dropped so far.
    pub(crate) dropped: u64,
}

impl Disk {
    /// Makes the image and mounts it.
    pub(crate) fn new(dir: &Path, name: &str) -> Result<Self> {
        let image = dir.join(format!("{name}.image"));
        let mount_point = dir.join(format!("{name}.disk"));
        std::fs::create_dir_all(&mount_point)?;
        std::fs::File::create(&image)?.set_len(IMAGE_BYTES)?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))?;
        let mut disk = Self {
            image,
            mount_point,
            mounted: false,
            names: Names::watch().ok(),
            unsynced: Unsynced::default(),
            dropped: 0,
        };
        disk.mount()?;
        disk.forget_names()?;
        Ok(disk)
    }

    /// Why no such disk can be had here; `None` when it can.
    pub(crate) fn impossible(dir: &Path) -> Option<String> {
        let tried = Self::new(dir, "probe").and_then(|mut disk| {
            disk.power_off()?;
            disk.unmount()?;
            disk.mount()
        });
        tried.err().map(|error| format!("{error:#}"))
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.mount_point.join("data")
    }

    /// Whether names that no directory sync has made durable are dropped.
    pub(crate) fn strict(&self) -> bool {
        self.names.is_some()
    }

    /// From now on nothing is written.
    pub(crate) fn power_off(&mut self) -> Result<()> {
        if let Some(names) = &self.names {
            let device = std::fs::metadata(&self.mount_point)?.dev();
            self.unsynced = names.unsynced(device)?;
        }
        shut_down(&self.mount_point)
    }

    /// Forgets everything that is not on the image, and comes back with what is.
    pub(crate) fn power_on(&mut self) -> Result<()> {
        self.unmount()?;
        // The journal is replayed; an image that needs more than that has its own fault.
        let status = Command::new("e2fsck")
            .args(["-p"])
            .arg(&self.image)
            .output()?
            .status;
        if !matches!(status.code(), Some(0 | 1)) {
            bail!("e2fsck found the image broken: {status}");
        }
        self.mount()?;
        let unsynced = std::mem::take(&mut self.unsynced);
        self.dropped += unsynced.drop_names(&self.mount_point)?;
        self.forget_names()
    }

    /// What is there now is durable.
    fn forget_names(&self) -> Result<()> {
        rustix::fs::syncfs(std::fs::File::open(&self.mount_point)?)?;
        self.names.as_ref().map_or(Ok(()), Names::clear)
    }

    fn mount(&mut self) -> Result<()> {
        let mut mount = Command::new("mount");
        run(mount
            .args(["-o", OPTIONS])
            .arg(&self.image)
            .arg(&self.mount_point))?;
        self.mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> Result<()> {
        for _ in 0..UNMOUNT_TRIES {
            if run(Command::new("umount").arg(&self.mount_point)).is_ok() {
                self.mounted = false;
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        bail!("{} stays busy", self.mount_point.display())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            // Lazily, where somebody still holds a file: what matters is that nothing is left mounted.
            let _ = run(Command::new("umount").arg("-l").arg(&self.mount_point));
        }
        let _ = std::fs::remove_file(&self.image);
    }
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("run {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    bail!(
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    )
}
