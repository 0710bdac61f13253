//! Where the money went: the ledger and the minutes of jobs, by one thing or another. What `gonogo cost` and pane 6 show.
//!
//! Minutes are those of the attempts of runs at hand: of runs that were put aside it is no longer known here what each engine did.

use std::collections::BTreeMap;

use jiff::{ToSpan as _, civil::Date};

use crate::{
    domain::{
        budget::day,
        id::{JobKey, ProjectId, RunId},
        price::MinutePrice,
        time::{Millis, Timestamp},
        usage::NanoUsd,
    },
    protocol::event::RepairResult,
};

use super::{
    board::State,
    job::{Attempt, Job},
    ledger::Sum,
    proposal::ProposalStatus,
    run::Run,
    thread::Thread,
};

/// A forecast looks at so many whole days.
const PACE: i32 = 7;

/// What rows are made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The model that was asked.
    Model,
    /// The project.
    Project,
    /// The run.
    Run,
    /// The job of a run.
    Job,
    /// The conversation with an agent.
    Agent,
    /// The agent's role.
    Role,
    /// The day (UTC).
    Day,
    /// The week (ISO).
    Week,
    /// The month.
    Month,
}

impl By {
    /// Whether rows are times, which stand in their own order rather than by cost.
    pub fn is_time(self) -> bool {
        matches!(self, Self::Day | Self::Week | Self::Month)
    }
}

/// A row: what something cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// What.
    pub name: String,
    /// Calls of models.
    pub models: Sum,
    /// How long jobs ran.
    pub ran: Millis,
    /// What their engines' minutes cost.
    pub minutes: NanoUsd,
}

impl Row {
    /// Both together.
    pub fn cost(&self) -> NanoUsd {
        self.models.cost + self.minutes
    }
}

/// What will have been spent when the month ends, if it goes on like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// What was spent since it began.
    pub so_far: NanoUsd,
    /// What a day cost of late.
    pub a_day: NanoUsd,
    /// Of so many whole days; 0: only today is known.
    pub days: u32,
    /// What will have been spent.
    pub month: NanoUsd,
}

/// What repairs by agents cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Repairs that agents tried.
    pub tried: u32,
    /// Those of which the proposal was applied.
    pub accepted: u32,
    /// What all cost.
    pub cost: NanoUsd,
    /// What those cost that were applied.
    pub accepted_cost: NanoUsd,
}

impl Repairs {
    /// What an accepted one cost, the others not counted; and with all the others.
    pub fn each(&self) -> Option<(NanoUsd, NanoUsd)> {
        let accepted = u64::from(self.accepted);
        (accepted > 0).then(|| (NanoUsd(self.accepted_cost.0 / accepted), NanoUsd(self.cost.0 / accepted)))
    }
}

/// The state, and what to count of it.
#[derive(Clone, Copy, Debug)]
pub struct Spending<'a> {
    /// Everything that is known.
    pub state: &'a State,
    /// What a minute of an engine costs.
    pub minutes: &'a [MinutePrice],
    /// Only from this day on.
    pub since: Option<Date>,
    /// The time now.
    pub now: Timestamp,
}

/// An attempt of a job, and what its engine's minutes cost.
struct Ran<'a> {
    run: &'a Run,
    job: &'a Job,
    day: Date,
    took: Millis,
    cost: NanoUsd,
}

impl Spending<'_> {
    /// Rows, the dearest first; times in their order. What has no cost and no calls is left out.
    pub fn rows(&self, by: By) -> Vec<Row> {
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        let named = |name: String| Row { name, ..Row::default() };
        match by {
            By::Run | By::Job | By::Agent => {
                for (thread, _, sum) in self.of_threads() {
                    let name = of_thread(by, thread);
                    rows.entry(name.clone()).or_insert_with(|| named(name)).models += sum;
                }
            }
            _ => {
                let days = self.state.ledger.days.iter().filter(|(day, _)| self.counts(**day));
                for (day, line, sum) in
                    days.flat_map(|(day, lines)| lines.iter().map(move |(line, sum)| (day, line, sum)))
                {
                    let name = match by {
                        By::Project => self.project(line.project),
                        By::Role => line.role.clone(),
                        By::Day | By::Week | By::Month => time(by, *day),
                        _ => line.model.to_string(),
                    };
                    rows.entry(name.clone()).or_insert_with(|| named(name)).models += *sum;
                }
            }
        }
        for ran in self.ran().filter(|ran| ran.cost > NanoUsd(0)) {
            let name = match by {
                By::Project => self.project(Some(ran.run.project)),
                By::Run => ran.run.id.to_string(),
                By::Job => job_name(ran.run.id, ran.job.key()),
                By::Day | By::Week | By::Month => time(by, ran.day),
                By::Model | By::Agent | By::Role => format!("minutes of {}", ran.job.planned.spec.engine.name()),
            };
            let row = rows.entry(name.clone()).or_insert_with(|| named(name));
            row.ran = Millis(row.ran.0 + ran.took.0);
            row.minutes += ran.cost;
        }
        let mut rows: Vec<Row> = rows.into_values().collect();
        if !by.is_time() {
            rows.sort_by(|a, b| b.cost().cmp(&a.cost()).then_with(|| a.name.cmp(&b.name)));
        }
        rows
    }

    /// All of it in one row.
    pub fn total(&self) -> Row {
        let days = self.state.ledger.days.iter().filter(|(day, _)| self.counts(**day));
        let mut models: Sum = days.flat_map(|(_, lines)| lines.values()).sum();
        if self.since.is_none() {
            models += self.state.ledger.earlier;
        }
        let mut total = Row { name: "total".into(), models, ..Row::default() };
        for ran in self.ran().filter(|ran| ran.cost > NanoUsd(0)) {
            total.ran = Millis(total.ran.0 + ran.took.0);
            total.minutes += ran.cost;
        }
        total
    }

    /// What was spent today.
    pub fn today(&self) -> NanoUsd {
        let today = day(self.now);
        self.between(today, today)
    }

    /// What was spent since the month began.
    pub fn month(&self) -> NanoUsd {
        let today = day(self.now);
        self.between(today.first_of_month(), today)
    }

    /// What each of the last days cost, today the last.
    pub fn trend(&self, days: usize) -> Vec<NanoUsd> {
        let today = day(self.now);
        let back = i64::try_from(days).unwrap_or_default();
        let mut trend = vec![NanoUsd(0); days];
        let mut add = |day: Date, cost: NanoUsd| {
            let ago = i64::from((today - day).get_days());
            if let Some(slot) = usize::try_from(back - 1 - ago).ok().and_then(|at| trend.get_mut(at)) {
                *slot += cost;
            }
        };
        for (day, lines) in &self.state.ledger.days {
            add(*day, lines.values().map(|sum| sum.cost).sum());
        }
        self.everything().for_each(|ran| add(ran.day, ran.cost));
        trend
    }

    /// What the month will have cost: what was spent in it, and for each day that is left what the last whole days cost, up to
    /// seven of them. `None` where nothing was ever spent.
    pub fn forecast(&self) -> Option<Forecast> {
        let today = day(self.now);
        let ran = self.everything().filter(|ran| ran.cost > NanoUsd(0)).map(|ran| ran.day).min();
        let first = self.state.ledger.days.keys().next().copied().into_iter().chain(ran).min()?;
        let from = first.max(today.checked_sub(PACE.days()).unwrap_or(first));
        let whole = u32::try_from((today - from).get_days()).unwrap_or(0);
        let so_far = self.month();
        let left = u64::try_from(today.days_in_month() - today.day()).unwrap_or(0);
        let a_day = match whole {
            0 => self.today(),
            whole => {
                let yesterday = today.yesterday().unwrap_or(today);
                NanoUsd(self.between(from, yesterday).0 / u64::from(whole))
            }
        };
        let month = so_far + NanoUsd(a_day.0.saturating_mul(left));
        Some(Forecast { so_far, a_day, days: whole, month })
    }

    /// What repairs by agents cost, of runs at hand.
    pub fn repairs(&self) -> Repairs {
        let mut repairs: BTreeMap<(RunId, &JobKey, u32), NanoUsd> = BTreeMap::new();
        for (thread, _, sum) in self.of_threads() {
            let about = &thread.about;
            if let (Some(run), Some(job), Some(repair)) = (about.run, &about.job, about.repair) {
                *repairs.entry((run, job, repair)).or_insert(NanoUsd(0)) += sum.cost;
            }
        }
        let mut all = Repairs::default();
        for ((run, job, number), cost) in repairs {
            let Some(job) = self.state.runs.get(&run).and_then(|run| run.job(job)) else { continue };
            let result =
                job.repairs.iter().find(|repair| repair.number == number).and_then(|repair| repair.result.as_ref());
            let applied = matches!(result, Some(RepairResult::Proposed { proposal })
                if self.state.proposals.get(proposal).is_some_and(|known| known.status == ProposalStatus::Applied));
            all.tried += 1;
            all.cost += cost;
            if applied {
                all.accepted += 1;
                all.accepted_cost += cost;
            }
        }
        all
    }

    fn between(&self, from: Date, to: Date) -> NanoUsd {
        let minutes = self.everything().filter(|ran| ran.day >= from && ran.day <= to).map(|ran| ran.cost).sum();
        self.state.ledger.between(from, to).cost + minutes
    }

    fn counts(&self, day: Date) -> bool {
        self.since.is_none_or(|since| day >= since)
    }

    fn of_threads(&self) -> impl Iterator<Item = (&Thread, Date, Sum)> {
        let threads = self.state.ledger.threads.iter();
        let threads = threads.filter_map(|(id, sums)| Some((self.state.threads.get(id)?, sums)));
        let all = threads.flat_map(|(thread, sums)| sums.iter().map(move |((day, _), sum)| (thread, *day, *sum)));
        all.filter(|(_, day, _)| self.counts(*day))
    }

    fn ran(&self) -> impl Iterator<Item = Ran<'_>> {
        self.everything().filter(|ran| self.counts(ran.day))
    }

    fn everything(&self) -> impl Iterator<Item = Ran<'_>> {
        // Where no minute costs anything, nothing has to be looked at.
        let priced = self.minutes.iter().any(|price| price.minute > NanoUsd(0));
        let runs = self.state.runs.values().filter(move |_| priced);
        let attempts = runs.flat_map(|run| {
            run.jobs.iter().flat_map(move |job| job.attempts.iter().map(move |attempt| (run, job, attempt)))
        });
        attempts.map(|(run, job, attempt)| self.one(run, job, attempt))
    }

    fn one<'a>(&self, run: &'a Run, job: &'a Job, attempt: &Attempt) -> Ran<'a> {
        let took = Millis::between(attempt.started_at, attempt.ended_at.unwrap_or(self.now));
        let engine = job.planned.spec.engine.name();
        let price = self.minutes.iter().find(|price| price.engine == engine).map_or(0, |price| price.minute.0);
        let nano = (u128::from(took.0) * u128::from(price) + 30_000) / 60_000;
        let cost = NanoUsd(u64::try_from(nano).unwrap_or(u64::MAX));
        Ran { run, job, day: day(attempt.started_at), took, cost }
    }

    fn project(&self, project: Option<ProjectId>) -> String {
        let known = project.and_then(|project| self.state.projects.get(&project));
        known.map_or_else(|| "(no project)".into(), |project| project.name.clone())
    }
}

fn of_thread(by: By, thread: &Thread) -> String {
    match (by, thread.about.run, &thread.about.job) {
        (By::Agent, ..) => format!("{} {}: {}", thread.id, thread.role, thread.title),
        (By::Job, Some(run), Some(job)) => job_name(run, job),
        (_, Some(run), _) => run.to_string(),
        (_, None, _) => "(no run)".into(),
    }
}

fn job_name(run: RunId, job: &JobKey) -> String {
    format!("{run}/{job}")
}

fn time(by: By, day: Date) -> String {
    match by {
        By::Week => {
            let week = day.iso_week_date();
            format!("{}-W{:02}", week.year(), week.week())
        }
        By::Month => day.strftime("%Y-%m").to_string(),
        _ => day.to_string(),
    }
}
