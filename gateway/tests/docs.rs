//! The examples on pages in docs/ are run: a block after a file's name is that file, and in a `console` block each `$`
//! line is a command and what follows is all that it says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

/// Runs a page; how many commands there were.
fn run(page: &str) -> usize {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(house.join("docs").join(page)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (mut before, mut commands) = (String::new(), 0);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            if !line.is_empty() {
                before = line.to_owned();
            }
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if kind == "console" {
            commands += console(&block, dir.path());
        } else if let Some(file) = before
            .strip_prefix('`')
            .and_then(|name| name.strip_suffix("`:"))
        {
            std::fs::write(dir.path().join(file), block.join("\n") + "\n").unwrap();
        }
    }
    commands
}

fn console(block: &[&str], dir: &Path) -> usize {
    let text = block.join("\n");
    let commands = text.strip_prefix("$ ").unwrap().split("\n$ ");
    let mut count = 0;
    for command in commands {
        let (command, expected) = command.split_once('\n').unwrap_or((command, ""));
        assert_eq!(said(command, dir), expected, "{command}");
        count += 1;
    }
    count
}

fn said(command: &str, dir: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_weir-gateway"));
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(dir)
        .env("PATH", path)
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

#[test]
fn mapping() {
    assert_eq!(run("mapping.md"), 6);
}

#[test]
fn admission() {
    assert_eq!(run("admission.md"), 5);
}

#[test]
fn aggregation() {
    assert_eq!(run("aggregation.md"), 3);
}

#[test]
fn statsd() {
    assert_eq!(run("statsd.md"), 3);
}
