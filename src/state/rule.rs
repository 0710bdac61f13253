//! What agents may do without asking: rules, and what was allowed for the length of a conversation.

use crate::{
    domain::{
        actor::Actor,
        id::{ProjectId, ThreadId},
        rule::Pattern,
        time::Timestamp,
    },
    protocol::{
        event::{Record, ThreadEvent},
        thread::{Scope, Wish},
    },
};

use super::{
    board::State,
    thread::{Asked, Thread},
};

/// So many open conversations are kept with all that was said in them, the newest ones.
pub const THREADS: usize = 64;

/// Something that is always allowed to agents in one project, until it is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The project; `None`: where a conversation is about none.
    pub project: Option<ProjectId>,
    /// What may be done.
    pub kind: RuleKind,
    /// The words of it.
    pub pattern: Pattern,
    /// Who gave it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// In answer to which question.
    pub asked: (ThreadId, u32),
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// Commands in a workspace.
    Run,
    /// What a key of gonogo's does.
    Verb,
}

impl RuleKind {
    /// The word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Verb => "gonogo",
        }
    }
}

/// What a rule could be about, and its words; `None` for what is asked for every time.
pub fn subject(wish: &Wish) -> Option<(RuleKind, &str)> {
    match wish {
        Wish::Run { command, .. } => Some((RuleKind::Run, command)),
        Wish::Verb { verb, high: false, .. } => Some((RuleKind::Verb, verb)),
        Wish::Verb { high: true, .. } | Wish::Question { .. } | Wish::Unknown => None,
    }
}

/// One line of what an agent wants.
pub fn wish_words(wish: &Wish) -> String {
    match wish {
        Wish::Run { command, .. } => format!("run {command}"),
        Wish::Verb { verb, .. } => format!("gonogo {verb}"),
        Wish::Question { question } => question.clone(),
        Wish::Unknown => "something that this version does not know".into(),
    }
}

impl State {
    /// Who has allowed this already: with a rule, or for as long as this conversation goes on. What can't be taken back is never
    /// allowed ahead, and a question is always a person's to answer.
    pub fn permits(&self, thread: &Thread, wish: &Wish) -> Option<Actor> {
        let wanted = subject(wish)?;
        let same = thread.allowed.iter().position(|allowed| subject(allowed) == Some(wanted));
        same.and_then(|at| thread.allowed_by.get(at))
            .or_else(|| self.rule_for(thread.project, wish).map(|(_, rule)| &rule.by))
            .cloned()
    }

    /// The rule by which this is allowed in a project, if there is one.
    pub fn rule_for(&self, project: Option<ProjectId>, wish: &Wish) -> Option<(u32, &Rule)> {
        let (kind, words) = subject(wish)?;
        let fits = |rule: &&Rule| rule.project == project && rule.kind == kind && rule.pattern.fits(words);
        self.rules.iter().find(|(_, rule)| fits(rule)).map(|(number, rule)| (*number, rule))
    }

    /// An answer that holds always is a rule from now on.
    pub(super) fn give_rule(&mut self, id: ThreadId, event: &ThreadEvent, record: &Record) {
        let ThreadEvent::PermissionAnswered { number, go: true, scope: Scope::Always { pattern }, by, .. } = event
        else {
            return;
        };
        let Some(thread) = self.threads.get(&id) else { return };
        let Some(Asked { wish, .. }) = thread.wishes.get(number) else { return };
        let (Some((kind, _)), Ok(pattern)) = (subject(wish), pattern.parse()) else { return };
        let rule = Rule { project: thread.project, kind, pattern, by: by.clone(), at: record.at, asked: (id, *number) };
        self.newest_rule += 1;
        self.rules.insert(self.newest_rule, rule);
    }

    /// Keeps what follows from a conversation true, and state bounded: of closed and of older conversations only the head stays.
    pub(super) fn keep_bounded(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get_mut(&id) else { return };
        if thread.wishes.is_empty() {
            self.asking.remove(&id);
        } else {
            self.asking.insert(id);
        }
        if thread.closed {
            thread.put_aside();
        }
        if thread.aside {
            self.threads_at_hand.remove(&id);
        } else {
            self.threads_at_hand.insert(id);
        }
        if self.threads_at_hand.len() <= THREADS {
            return;
        }
        let at_hand = self.threads_at_hand.iter().filter_map(|id| self.threads.get(id));
        let oldest = at_hand.filter(|thread| thread.is_quiet()).min_by_key(|thread| thread.touched).map(|t| t.id);
        if let Some(thread) = oldest.and_then(|id| self.threads.get_mut(&id)) {
            thread.put_aside();
            self.threads_at_hand.remove(&thread.id);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::protocol::{
        event::{Cause, ControlEvent, Event},
        thread::{About, Woken},
    };

    struct Log(State);

    impl Log {
        fn push(&mut self, event: Event) {
            let seq = self.0.seq.next();
            let at = Timestamp::from_second(1_700_000_000 + seq.0 as i64).unwrap();
            self.0.apply(&Record { seq, at, cause: Cause::Control, event });
        }

        fn say(&mut self, thread: u64, event: ThreadEvent) {
            self.push(Event::Thread { thread: ThreadId(thread), event: Box::new(event) });
        }

        fn open(&mut self, thread: u64, project: Option<u64>) {
            let (role, title) = ("operator".to_owned(), format!("thread {thread}"));
            let project = project.map(ProjectId);
            self.say(thread, ThreadEvent::Opened { project, about: About::default(), role, title, by: deniz() });
            let said = ThreadEvent::Said { by: deniz(), text: "hello".into(), attached: Vec::new() };
            self.say(thread, said);
            self.say(thread, ThreadEvent::TurnStarted { turn: 1, why: Woken::Said });
        }

        fn end(&mut self, thread: u64) {
            let outcome = crate::protocol::thread::TurnOutcome::Done;
            self.say(thread, ThreadEvent::TurnEnded { turn: 1, outcome });
        }

        fn allow(&mut self, thread: u64, wish: Wish, scope: Scope) {
            let number = self.0.threads[&ThreadId(thread)].permissions + 1;
            self.say(thread, ThreadEvent::PermissionAsked { number, wish });
            assert!(self.0.asking.contains(&ThreadId(thread)));
            let (by, why) = (deniz(), String::new());
            self.say(thread, ThreadEvent::PermissionAnswered { number, go: true, scope, by, why });
            assert!(!self.0.asking.contains(&ThreadId(thread)));
        }

        fn permits(&self, thread: u64, wish: &Wish) -> bool {
            self.0.permits(&self.0.threads[&ThreadId(thread)], wish) == Some(deniz())
        }
    }

    fn deniz() -> Actor {
        Actor::Person("deniz".into())
    }

    fn run(command: &str) -> Wish {
        Wish::Run { command: command.into(), why: format!("because {command}") }
    }

    fn verb(verb: &str, high: bool) -> Wish {
        Wish::Verb { verb: verb.into(), why: String::new(), high }
    }

    #[test]
    fn once_is_once_and_a_conversation_is_no_longer_than_itself() {
        let mut log = Log(State::default());
        log.open(1, Some(1));
        log.open(2, Some(1));
        log.allow(1, run("cargo test"), Scope::Once);
        assert!(!log.permits(1, &run("cargo test")));
        log.allow(1, run("cargo test"), Scope::Thread);
        let other_why = Wish::Run { command: "cargo test".into(), why: "again".into() };
        assert!(
            log.permits(1, &other_why) && !log.permits(1, &run("cargo test -v")) && !log.permits(2, &run("cargo test"))
        );
        assert!(!log.permits(1, &verb("cargo test", false)), "a verb of gonogo's is no command");
    }

    #[test]
    fn a_rule_holds_in_its_project_until_it_is_revoked() {
        let mut log = Log(State::default());
        for (thread, project) in [(1, Some(1)), (2, Some(1)), (3, Some(2)), (4, None)] {
            log.open(thread, project);
        }
        log.allow(1, run("cargo test --all"), Scope::Always { pattern: "cargo test *".into() });
        assert!(log.permits(2, &run("cargo test -p x")));
        assert!(!log.permits(3, &run("cargo test -p x")) && !log.permits(4, &run("cargo test -p x")));
        assert!(!log.permits(2, &run("cargo test; id")) && !log.permits(2, &verb("cargo test", false)));
        log.allow(1, verb("retry 4", false), Scope::Always { pattern: "retry *".into() });
        assert!(log.permits(1, &verb("retry 12", false)));
        assert!(!log.permits(1, &verb("retry 12", true)), "what can't be taken back is asked for each time");
        assert!(!log.permits(1, &Wish::Question { question: "retry 4".into() }));
        assert_eq!(log.0.rules.keys().copied().collect::<Vec<_>>(), [1, 2]);
        log.push(Event::Control { event: ControlEvent::RuleRevoked { rule: 1, by: deniz() } });
        assert!(!log.permits(2, &run("cargo test -p x")) && log.permits(1, &verb("retry 12", false)));
        log.allow(1, run("make"), Scope::Always { pattern: "make".into() });
        assert_eq!(log.0.rules.keys().copied().collect::<Vec<_>>(), [2, 3], "a number is given once");
    }

    #[test]
    fn what_was_said_is_kept_of_the_newest_conversations_alone() {
        let mut log = Log(State::default());
        let newest = THREADS as u64 + 10;
        for thread in 1..=newest {
            log.open(thread, None);
            if thread != 2 {
                log.end(thread);
            }
        }
        let at_hand = |log: &Log| log.0.threads.values().filter(|thread| !thread.aside).count();
        assert_eq!((log.0.threads.len() as u64, at_hand(&log)), (newest, THREADS));
        assert!(log.0.threads[&ThreadId(1)].aside && log.0.threads[&ThreadId(1)].entries.is_empty());
        assert!(!log.0.threads[&ThreadId(2)].aside, "an agent is at work in it");
        assert!(!log.0.threads[&ThreadId(newest)].aside);
        log.say(newest, ThreadEvent::Closed { by: deniz() });
        assert!(log.0.threads[&ThreadId(newest)].aside);
        assert_eq!(log.0.threads[&ThreadId(newest)].title, format!("thread {newest}"));
    }
}
