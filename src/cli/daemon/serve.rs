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
    /// Where one is at work, let it finish and take its place
    #[arg(long, conflicts_with = "detached")]
    take_over: bool,
}

/// How often it looks whether its socket is still there: whoever cleans up a runtime directory takes it along.
const SOCKET: Duration = Duration::from_secs(10);

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
    while args.take_over
        && let Some(host) = super::super::connect::host(place).await
    {
        super::super::connect::stop(place, true).await?;
        // Somebody may start another, or have it stay: then that one is asked.
        super::stop::gone(place, host.pid, Duration::from_mins(1)).await;
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
    let mut mine = address::identity(dir);
    let server = Server { attach: Arc::clone(&control) as _, host: server::host() };
    let mut stop = CancellationToken::new();
    let mut serving = tokio::spawn(server.clone().serve(listener, stop.clone()));
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
    let idle = idle(Arc::clone(&control));
    let mut idle = Box::pin(idle);
    let why = loop {
        tokio::select! {
            () = control.ended() => break "it was told to end",
            () = &mut idle, if detached => break "nobody has needed it for long",
            () = tokio::time::sleep(SOCKET) => {
                if !address::socket(dir).exists() && let Ok(listener) = address::listen(dir).await {
                    tracing::warn!("the socket was gone, and is made anew");
                    mine = address::identity(dir);
                    // Those who are attached stay so.
                    stop.cancel();
                    stop = CancellationToken::new();
                    serving = tokio::spawn(server.clone().serve(listener, stop.clone()));
                }
            }
            signal = interrupts.next() => {
                // A terminal that goes away is nothing to it.
                if !detached || signal != Interrupt::HangUp {
                    break "a signal asked it to";
                }
            }
        }
    };
    drop(idle);
    tracing::info!("gonogo ends: {why}");
    // Those who are attached are told when everything has ended and is recorded.
    control.tell_to_end(Actor::Policy).await;
    control.ended().await;
    let failed = control.has_failed();
    // Nobody finds a socket that no longer answers. Whoever was faster has one of their own there already.
    if address::is_same(dir, mine) {
        let _ = std::fs::remove_file(address::socket(dir));
    }
    stop.cancel();
    let _ = serving.await;
    drop(server);
    end(control).await;
    if failed {
        return Err(Problem::fault("control failed in a way that it should not").hint("`gonogo daemon logs` has more"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn end(control: Arc<ControlHandle>) {
    let mut control = control;
    // Connections hold the only other ones, and end with their sessions.
    for _ in 0..100 {
        match Arc::try_unwrap(control) {
            Ok(control) => return control.shut_down(Actor::Policy).await,
            Err(still) => control = still,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tracing::error!("a connection has not ended");
}

/// Waits until nobody has been attached, and nothing under way, for long.
async fn idle(control: Arc<ControlHandle>) {
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
