//! The command line of `exec`.

use std::ffi::OsString;

use clap::Args;

use crate::push::JobArgs;

#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    /// The command and its arguments, behind --.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}
