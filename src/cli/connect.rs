//! How a command gets a session: from the daemon, from control in its own process, or, to read along, from the log itself.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    config::paths::{login, user},
    control::{follow::Follower, handle::ControlHandle},
    domain::{actor::Actor, id::Seq},
    ipc::{
        address,
        client::{self, Call, CallError},
        wire::{Caller, Greeting, Hail, Host},
    },
    protocol::session::{Attach as _, Session, Visitor, VisitorKind, surroundings},
};

use super::{
    call::{LocalCall, dial},
    client::Client,
    daemon::stop::gone,
    place::{Place, Reach},
    report::Problem,
};

/// How long an older gonogo that has nothing to do may take to end before a newer one takes its place.
const HANDING_OVER: Duration = Duration::from_secs(5);

/// Gives a client to `work`: of the daemon, which is started where none runs, or of control in this process, which is ended in
/// good order whatever becomes of the work. There a signal never ends gonogo over the heads of its jobs: the work hears the
/// first ones for itself (see [`super::attend`]); after `patience` of them it is broken off.
pub async fn with_client<T>(
    place: &Place,
    patience: u32,
    work: impl AsyncFnOnce(&mut Client) -> Result<T, Problem>,
) -> Result<T, Problem> {
    match place.reach {
        Reach::Daemon => work(&mut Client::open(session(place, VisitorKind::Command).await?).await?).await,
        Reach::InProcess => {
            let work = async |control: &ControlHandle| {
                let session = control.attach(Visitor::here(person(), VisitorKind::Command), None);
                work(&mut Client::open(session).await?).await
            };
            with_control(place, patience, work).await
        }
    }
}

async fn with_control<T>(
    place: &Place,
    patience: u32,
    work: impl AsyncFnOnce(&ControlHandle) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let mut interrupts = Interrupts::new()?;
    let control = place.control(false)?;
    let broken_off = async {
        for _ in 0..patience {
            interrupts.next().await;
        }
    };
    let done = tokio::select! {
        done = work(&control) => done,
        () = broken_off => Err(Problem::no_go("interrupted")),
    };
    control.shut_down(person()).await;
    done
}

/// A session with the daemon on this machine, which is started where none runs.
pub async fn session(place: &Place, kind: VisitorKind) -> Result<Session, Problem> {
    let call = Arc::new(LocalCall::starting(place));
    // Root's variables are for root's own gonogo.
    let ours = address::check(&place.paths.runtime_dir).map_or(true, |owner| owner == user());
    let caller = Caller { environment: ours.then(surroundings), ..client::caller(kind, super::call::from_here()) };
    match client::attach(Arc::clone(&call) as Arc<dyn Call>, caller.clone()).await {
        Ok((session, host)) => {
            greet(&host);
            Ok(session)
        }
        Err(CallError::Refused { host, .. }) if host.protocol > caller.protocol => {
            Err(Problem::fault(format!("the gonogo that is at work is newer ({})", host.version))
                .hint("use the newer program"))
        }
        Err(CallError::Refused { host, message, .. }) if host.protocol < caller.protocol => {
            // It ends once it has nothing to do, and begins nothing new until then.
            if stop(place, true).await.is_ok() && gone(place, host.pid, HANDING_OVER).await {
                let again = client::attach(call, caller).await;
                return again.map(|(session, _)| session).map_err(Problem::from);
            }
            Err(Problem::fault(message).hint(format!(
                "it has been asked to end when its runs have ended (process {}); then this works. `gonogo daemon stop --now` ends it at once",
                host.pid
            )))
        }
        Err(error) => Err(error.into()),
    }
}

/// Says what whoever calls should know of who answers.
fn greet(host: &Host) {
    if host.version != env!("CARGO_PKG_VERSION") {
        super::report::warn(&format!(
            "the gonogo that is at work is version {}, this one is {}; `gonogo daemon restart` when it suits",
            host.version,
            env!("CARGO_PKG_VERSION")
        ));
    }
    let me = login(user());
    if me != host.owner {
        super::report::warn(&format!("you are {me}, and this gonogo belongs to {}", host.owner));
    }
}

/// Reads along: in the daemon's session where one runs, else on the log, whoever holds it; `None` if nothing has been recorded.
/// Every record of all days is sent first for `all`, else what is at hand.
pub async fn reading(place: &Place, all: bool) -> Result<Option<Reading>, Problem> {
    let since = all.then_some(Seq(0));
    if place.reach == Reach::Daemon && address::socket(&place.paths.runtime_dir).exists() {
        let call = Arc::new(LocalCall::only(place));
        let caller = client::caller(VisitorKind::Watch, super::call::from_here());
        match client::attach(call, Caller { since, ..caller }).await {
            Ok((session, _)) => return Ok(Some(Reading { session, follower: None })),
            // A newer or an older one writes a log that can be read.
            Err(CallError::Unreachable { .. } | CallError::HungUp) => {}
            Err(CallError::Refused { .. }) if address::check(&place.paths.runtime_dir).is_ok() => {}
            Err(error) => return Err(error.into()),
        }
    }
    let Some(follower) = place.follow()? else { return Ok(None) };
    let session = follower.attach(Visitor::here(person(), VisitorKind::Watch), since);
    Ok(Some(Reading { session, follower: Some(follower) }))
}

/// A session that only reads, and what keeps it going.
pub struct Reading {
    session: Session,
    follower: Option<Follower>,
}

impl Reading {
    /// Folds what has been recorded so far; the client lives no longer than what it reads from.
    pub async fn client(self) -> Result<(Client, impl Sized), Problem> {
        Ok((Client::open(self.session).await?, self.follower))
    }

    /// The session, and what keeps it going.
    pub fn into_parts(self) -> (Session, impl Sized) {
        (self.session, self.follower)
    }
}

/// Who answers at the socket, if anybody does.
pub async fn host(place: &Place) -> Option<Host> {
    match client::say(dial(place).await.ok()?, &Hail::About).await {
        Ok(Greeting::About { host } | Greeting::Refused { host, .. }) => Some(host),
        _ => None,
    }
}

/// Tells whoever answers at the socket to end.
pub async fn stop(place: &Place, wait: bool) -> Result<Host, Problem> {
    match client::say(dial(place).await?, &Hail::Stop { wait }).await {
        Ok(Greeting::Stopping { host }) => Ok(host),
        Ok(Greeting::Refused { message, .. }) => Err(Problem::no_go(message)),
        Ok(_) => Err(Problem::fault("it did not say that it ends")),
        Err(error) => Err(error.into()),
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let problem = Self::fault(&error);
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// The signals by which a person, a terminal or the system asks gonogo to end.
pub struct Interrupts {
    signals: [Signal; 4],
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// The person says stop (Ctrl-C).
    Stop,
    /// The system wants this process to end.
    End,
    /// The terminal is gone.
    HangUp,
}

impl Interrupts {
    /// Listens from now on.
    pub fn new() -> Result<Self, Problem> {
        let hear = |kind| signal(kind).map_err(Problem::from);
        Ok(Self {
            signals: [
                hear(SignalKind::interrupt())?,
                hear(SignalKind::terminate())?,
                hear(SignalKind::hangup())?,
                hear(SignalKind::quit())?,
            ],
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Interrupt {
        let [interrupt, terminate, hang_up, quit] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => Interrupt::Stop,
            _ = terminate.recv() => Interrupt::End,
            _ = hang_up.recv() => Interrupt::HangUp,
            _ = quit.recv() => Interrupt::Stop,
        }
    }
}

/// Who is at the keyboard.
pub fn person() -> Actor {
    let name = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    Actor::Person(name.unwrap_or_else(|| login(user())))
}

/// Where the socket of this place stands.
pub fn socket(place: &Place) -> PathBuf {
    address::socket(&place.paths.runtime_dir)
}
