//! Owns the first command: build, start the gateway and the agent, wait until both are healthy, say what to do, stop in order.
//! Owns no configuration: both programs run on their defaults, apart from where the data go.

mod directions;
mod house;

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf, absolute},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    args::UpOptions,
    build::{self, Build},
    health, prerequisites,
    signals::StopFlag,
    ui,
};

use house::{House, Resident};

const GATEWAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9347);
const AGENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9349);

/// Returns when both programs have stopped.
///
/// # Errors
/// When something cannot be built, does not come up, ends by itself or does not stop cleanly.
pub(crate) fn run(options: &UpOptions) -> Result<()> {
    prerequisites::for_build()?;
    let build = Build::prepare()?;
    if !options.no_ui {
        ui::build_if_stale(&build.workspace);
    }
    let programs = compile(&build, options.debug)?;
    let data = data_dir(options, &build.workspace)?;
    let residents = [gateway(&programs, &data), agent(&programs, &data)];
    refuse_a_second_one(&residents)?;
    let stop = StopFlag::listen()?;
    let mut house = House::start(residents, &data)?;
    let lived = live(&mut house, &stop, options.stop_after, &data);
    // What went wrong first is what gets told.
    let stopped = house.stop();
    lived.and(stopped)
}

fn live(
    house: &mut House,
    stop: &StopFlag,
    stop_after: Option<Duration>,
    data: &Path,
) -> Result<()> {
    if house.wait_until_healthy(stop)? {
        print!("{}", directions::text(GATEWAY, data));
        house.watch(stop, stop_after)?;
    }
    Ok(())
}

fn gateway(programs: &Path, data: &Path) -> Resident {
    Resident {
        name: "weir-gateway",
        program: programs.join("weir-gateway"),
        args: vec![
            "--set".into(),
            format!("data_dir={}", toml_string(&data.display().to_string())),
        ],
        address: GATEWAY,
        stops_within: Duration::from_secs(30),
    }
}

fn agent(programs: &Path, data: &Path) -> Resident {
    Resident {
        name: "weir-agent",
        program: programs.join("weir-agent"),
        args: vec![
            "--set".into(),
            format!(
                "spool.dir={}",
                toml_string(&data.join("agent-spool").display().to_string())
            ),
        ],
        address: AGENT,
        stops_within: Duration::from_secs(10),
    }
}

fn compile(build: &Build, debug: bool) -> Result<PathBuf> {
    let mut cargo = build.cargo(&[
        "build",
        "--package",
        "weir-gateway",
        "--package",
        "weir-agent",
    ]);
    if !debug {
        cargo.arg("--release");
    }
    build::run(&mut cargo, "cargo build")?;
    Ok(build
        .target_dir
        .join(if debug { "debug" } else { "release" }))
}

fn data_dir(options: &UpOptions, workspace: &Path) -> Result<PathBuf> {
    let chosen = options
        .data
        .clone()
        .unwrap_or_else(|| workspace.join("data"));
    let data = absolute(&chosen).with_context(|| format!("find {}", chosen.display()))?;
    fs::create_dir_all(&data).with_context(|| format!("create {}", data.display()))?;
    Ok(data)
}

/// Else the older gateway would answer for ours, and ours would look healthy.
fn refuse_a_second_one(residents: &[Resident]) -> Result<()> {
    for Resident { name, address, .. } in residents {
        if health::is_listening(*address) {
            bail!("something already listens on {address}, which {name} needs: stop it first");
        }
    }
    Ok(())
}

/// A TOML basic string.
fn toml_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(control)))
            }
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn toml_reads_back_any_path() {
        assert_eq!(toml_string("/a b"), r#""/a b""#);
        assert_eq!(toml_string("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000A\"");
    }

    #[test]
    fn a_port_in_use_is_named_with_who_needs_it() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let resident = Resident {
            address,
            ..agent(Path::new("/p"), Path::new("/d"))
        };
        let error = refuse_a_second_one(&[resident])
            .expect_err("is taken")
            .to_string();
        assert!(
            error.contains(&address.to_string()) && error.contains("weir-agent"),
            "{error}"
        );
    }
}
