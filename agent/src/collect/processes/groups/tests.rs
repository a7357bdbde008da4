//! Groups over made-up processes, and the number of open files of this one.

use std::fs;
use std::path::Path;

use super::super::super::figure::lines;
use super::*;

fn groups(patterns: &[(&str, &str)]) -> Groups {
    let patterns = patterns
        .iter()
        .map(|(name, pattern)| ((*name).to_owned(), (*pattern).to_owned()));
    Groups::new(&patterns.collect()).unwrap()
}

fn line(command: &'static str, user_ticks: u64, start_ticks: u64) -> Line<'static> {
    Line {
        command,
        state: 'S',
        threads: 2,
        usage: Some(Usage {
            user_ticks,
            start_ticks,
            resident_pages: 3,
            virtual_bytes: 5,
            ..Usage::default()
        }),
    }
}

fn say(root: &Path, pid: u32, command_line: &[u8]) {
    let folder = root.join(format!("proc/{pid}"));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("cmdline"), command_line).unwrap();
}

/// What one round over these processes tells of a figure of a group.
fn round(
    groups: &mut Groups,
    root: &Root,
    processes: &[(u32, Line<'_>)],
    figure: &str,
) -> Option<f64> {
    let mut figures = Vec::new();
    groups.begin();
    for (pid, line) in processes {
        groups.see(root, *pid, line);
    }
    groups.end(root, &mut figures);
    let told = lines(&figures);
    let found = told.iter().find_map(|line| line.strip_prefix(figure));
    found.map(|value| value.trim().parse().unwrap())
}

const WEB: &str = "namedprocess_namegroup_num_procs{groupname=\"web\"}";
const WEB_USER: &str = "namedprocess_namegroup_cpu_seconds_total{groupname=\"web\",mode=\"user\"}";

#[test]
fn what_ended_stays_in_the_totals_and_nobody_is_nought() {
    let dir = tempfile::tempdir().unwrap();
    say(dir.path(), 7, b"nginx: worker process\0");
    say(dir.path(), 8, b"/usr/bin/python3\0app.py\0");
    let root = Root::new(dir.path().to_owned());
    let mut groups = groups(&[("web", "^nginx: "), ("z", "")]);
    groups.units.ticks_per_second = 100.0;
    let seen = [(7, line("nginx", 100, 1)), (8, line("python3", 9, 1))];
    assert_eq!(round(&mut groups, &root, &seen, WEB), Some(1.0));
    let later = [(7, line("nginx", 150, 1))];
    assert_eq!(round(&mut groups, &root, &later, WEB_USER), Some(0.5));
    // The same number, started anew: all that it used is new.
    let another = [(7, line("nginx", 20, 500))];
    assert_eq!(round(&mut groups, &root, &another, WEB_USER), Some(0.7));
    let sleeping = "namedprocess_namegroup_states{groupname=\"web\",state=\"Sleeping\"}";
    assert_eq!(round(&mut groups, &root, &another, sleeping), Some(1.0));
    assert_eq!(round(&mut groups, &root, &[], WEB), Some(0.0));
    assert_eq!(round(&mut groups, &root, &[], WEB_USER), Some(0.7));
    assert!(groups.known.is_empty());
}

#[test]
fn an_old_process_that_was_not_seen_for_a_round_is_not_new() {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::new(dir.path().to_owned());
    say(dir.path(), 7, b"nginx: worker process\0");
    say(dir.path(), 8, b"nginx: worker process\0");
    let mut groups = groups(&[("web", "^nginx: ")]);
    groups.units.ticks_per_second = 100.0;
    let both = |ticks| [(7, line("nginx", ticks, 10)), (8, line("nginx", 0, 20))];
    round(&mut groups, &root, &both(100), WEB);
    round(&mut groups, &root, &both(100)[1..], WEB);
    assert_eq!(round(&mut groups, &root, &both(500), WEB_USER), Some(0.0));
    assert_eq!(round(&mut groups, &root, &both(600), WEB_USER), Some(1.0));
}

#[test]
fn the_first_group_by_name_takes_a_process_and_kernel_threads_have_brackets() {
    let dir = tempfile::tempdir().unwrap();
    say(dir.path(), 7, b"nginx: worker process\0");
    say(dir.path(), 9, b"");
    let root = Root::new(dir.path().to_owned());
    let mut groups = groups(&[("a", "nginx"), ("web", "nginx"), ("workers", "^\\[kworker")]);
    let seen = [(7, line("nginx", 1, 1)), (9, line("kworker/0:1", 1, 1))];
    assert_eq!(round(&mut groups, &root, &seen, WEB), Some(0.0));
    let workers = "namedprocess_namegroup_num_procs{groupname=\"workers\"}";
    assert_eq!(round(&mut groups, &root, &seen, workers), Some(1.0));
}

#[test]
fn a_new_process_is_looked_at_again_and_an_old_one_when_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::new(dir.path().to_owned());
    let mut groups = groups(&[("web", "^nginx: worker")]);
    say(dir.path(), 7, b"nginx: master\0");
    assert_eq!(
        round(&mut groups, &root, &[(7, line("nginx", 1, 1))], WEB),
        Some(0.0)
    );
    say(dir.path(), 7, b"nginx: worker\0");
    for _ in 1..LOOKS {
        assert_eq!(
            round(&mut groups, &root, &[(7, line("nginx", 1, 1))], WEB),
            Some(1.0)
        );
    }
    // Not read any more.
    say(dir.path(), 7, b"bash\0");
    assert_eq!(
        round(&mut groups, &root, &[(7, line("nginx", 1, 1))], WEB),
        Some(1.0)
    );
    assert_eq!(
        round(&mut groups, &root, &[(7, line("bash", 1, 1))], WEB),
        Some(0.0)
    );
}

#[test]
fn open_files_are_counted_while_all_can_be_asked() {
    let (root, pid) = (Root::new("/".into()), std::process::id());
    let before = open_files(&root, pid).unwrap();
    let held: Vec<_> = (0..40)
        .map(|_| fs::File::open("/dev/null").unwrap())
        .collect();
    // Other tests of this process open and close files meanwhile.
    assert!(open_files(&root, pid).unwrap() + 30 > before + held.len() as u64);
    assert!(open_files(&root, u32::MAX).is_err());
    let files = "namedprocess_namegroup_open_filedesc{groupname=\"all\"}";
    let mut groups = groups(&[("all", "")]);
    let own = (pid, line("x", 1, 1));
    assert!(round(&mut groups, &root, std::slice::from_ref(&own), files).unwrap() >= 40.0);
    let dir = tempfile::tempdir().unwrap();
    say(dir.path(), 7, b"x\0");
    fs::write(dir.path().join("proc/7/fd"), "").unwrap();
    let closed = Root::new(dir.path().to_owned());
    let not_to_be_asked = [(7, line("x", 1, 1))];
    assert_eq!(round(&mut groups, &closed, &not_to_be_asked, files), None);
}
