//! `gonogo attach`: the board of a gonogo that is at work, on this machine or another.

use std::{io::IsTerminal as _, process::ExitCode, sync::Arc};

use tokio::net::UnixStream;

use crate::{
    ipc::{
        address, bridge,
        client::{self, Call as _, Why},
    },
    protocol::session::VisitorKind,
};

use super::{
    board,
    call::{LocalCall, READY, SshCall, from_here, ssh_origin},
    connect,
    place::{Place, Reach},
    report::Problem,
};

/// Arguments of `gonogo attach`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The machine, as ssh knows it: `user@host`; without it, this one
    #[arg(value_name = "USER@HOST")]
    to: Option<String>,
    /// The ssh to call with, and its options
    #[arg(long, default_value = "ssh", value_name = "COMMAND")]
    ssh: String,
    /// The gonogo there
    #[arg(long, default_value = "gonogo", value_name = "COMMAND")]
    remote: String,
    /// Speak to the caller over standard input and output: the far end of this command
    #[arg(long, hide = true, conflicts_with = "to")]
    stdio: bool,
    /// With --stdio: only where a daemon runs already
    #[arg(long, hide = true, requires = "stdio")]
    only: bool,
}

/// Opens the board of that gonogo.
pub async fn run(args: Args) -> Result<ExitCode, Problem> {
    let place = Place::find(Reach::Daemon)?;
    if args.stdio {
        return stand_between(&place, args.only).await;
    }
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Problem::usage("the board needs a terminal").hint("`gonogo watch` and `gonogo status` need none"));
    }
    place.warn();
    let Some(to) = args.to else {
        let session = connect::session(&place, VisitorKind::Board).await?;
        return board::show(&place, session, board::Opening::default()).await;
    };
    if to.starts_with('-') {
        return Err(Problem::usage(format!("`{to}` is no host")).hint("options of ssh go into --ssh \"ssh -p 2222\""));
    }
    let call = SshCall {
        program: args.ssh.split_whitespace().map(str::to_owned).collect(),
        to: to.clone(),
        remote: format!("{} attach --stdio", args.remote),
    };
    let (session, host) = client::attach(Arc::new(call), client::caller(VisitorKind::Board, from_here())).await?;
    if host.version != env!("CARGO_PKG_VERSION") {
        super::report::warn(&format!(
            "the gonogo on {to} is version {}, this one is {}",
            host.version,
            env!("CARGO_PKG_VERSION")
        ));
    }
    board::show(&place, session, board::Opening { host: Some(to), ..board::Opening::default() }).await
}

/// Stands between a caller far away and the daemon here.
async fn stand_between(place: &Place, only: bool) -> Result<ExitCode, Problem> {
    // It is started where none runs; the connection itself is made without the wrapping that a session needs.
    let call = if only { LocalCall::only(place) } else { LocalCall::starting(place) };
    drop(call.call(Why::First).await?);
    let stream = UnixStream::connect(address::socket(&place.paths.runtime_dir)).await?;
    let mut output = tokio::io::stdout();
    {
        use tokio::io::AsyncWriteExt as _;
        output.write_all(&READY).await?;
        output.flush().await?;
    }
    let via = ssh_origin();
    bridge::pass(tokio::io::stdin(), output, stream, via.as_deref()).await?;
    Ok(ExitCode::SUCCESS)
}
