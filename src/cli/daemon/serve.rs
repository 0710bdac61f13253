//! Being the daemon: control, and the socket at which it answers.

use std::{io::Write as _, process::ExitCode, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    control::handle::ControlHandle,
    domain::actor::Actor,
    ipc::{
        address,
        server::{self, Server},
    },
};

use super::super::{
    connect::{Interrupt, Interrupts},
    place::Place,
    report::{self, Problem},
};

/// Arguments of `gonogo daemon serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave the terminal, and end when nobody has needed it for long
    #[arg(long)]
    detached: bool,
}

/// A detached one ends after so long without anybody attached and anything under way. The next command starts it again.
const IDLE: Duration = Duration::from_hours(1);

/// How often it looks.
const LOOK: Duration = Duration::from_mins(5);

/// What a detached one says when it answers at its socket.
pub const READY: &str = "ready";

/// Serves until it is told to end. A detached one says on its standard output that it is ready, or why it can't be.
pub async fn run(place: &Place, args: &Args) -> Result<ExitCode, Problem> {
    if args.detached {
        // A session of its own: no terminal takes it along when it goes.
        let _ = nix::unistd::setsid();
        let _ = std::env::set_current_dir("/");
    }
    let served = serve(place, args.detached).await;
    if let Err(problem) = &served {
        tracing::error!("{problem}");
        if args.detached {
            let mut said = std::io::stdout().lock();
            // Whoever started it may be gone.
            let _ = writeln!(said, "{problem}").and_then(|()| said.flush());
            return Ok(ExitCode::FAILURE);
        }
    }
    served
}

async fn serve(place: &Place, detached: bool) -> Result<ExitCode, Problem> {
    let mut interrupts = Interrupts::new()?;
    let dir = &place.paths.runtime_dir;
    let refused = |error: address::AddressError| {
        let hint = error.hint();
        Problem::fault("can't answer at a socket").because(&error).hint(hint)
    };
    // Before the log is taken hold of: what would fail later must not leave anything begun.
    address::prepare(dir).map_err(refused)?;
    let control = place.control(true)?;
    let limits = &place.settings.limits;
    control.tidy(crate::cli::prune::keep(limits), limits.cache_size);
    let control = Arc::new(control);
    let listener = match address::listen(dir).await {
        Ok(listener) => listener,
        Err(error) => {
            end(control).await;
            return Err(refused(error));
        }
    };
    let stop = CancellationToken::new();
    let server = Server { attach: Arc::clone(&control) as _, host: server::host() };
    let serving = tokio::spawn(server.serve(listener, stop.clone()));
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        "gonogo answers at {}",
        dir.display()
    );
    if detached {
        let mut said = std::io::stdout().lock();
        let _ = writeln!(said, "{READY}").and_then(|()| said.flush());
    } else {
        report::warn(&format!("gonogo answers at {}", address::socket(dir).display()));
    }
    let why = loop {
        tokio::select! {
            () = control.ended() => break "it was told to end",
            () = idle(&control), if detached => break "nobody has needed it for long",
            signal = interrupts.next() => {
                // A terminal that goes away is nothing to it.
                if !detached || signal != Interrupt::HangUp {
                    break "a signal asked it to";
                }
            }
        }
    };
    tracing::info!("gonogo ends: {why}");
    // Nobody finds a socket that no longer answers.
    let _ = std::fs::remove_file(address::socket(dir));
    // Those who are attached are told when everything has ended and is recorded.
    control.tell_to_end(Actor::Policy).await;
    control.ended().await;
    stop.cancel();
    let _ = serving.await;
    end(control).await;
    Ok(ExitCode::SUCCESS)
}

async fn end(control: Arc<ControlHandle>) {
    // The server and its connections have ended, and held the only other ones.
    match Arc::try_unwrap(control) {
        Ok(control) => control.shut_down(Actor::Policy).await,
        Err(_) => tracing::error!("control is still in use; what runs is found lost by the next gonogo"),
    }
}

/// Waits until nobody has been attached, and nothing under way, for long.
async fn idle(control: &ControlHandle) {
    let mut since = Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        if control.is_needed() {
            since = Instant::now();
        } else if since.elapsed() >= IDLE {
            return;
        }
    }
}
