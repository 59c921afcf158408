//! The guard's own loop: sample, enforce, report, beat, reconnect.

use super::sample;
use super::{Inner, REPORT_INTERVAL, Watched, lock};
use crate::connect::Target;
use crate::journal::control;
use crate::journal::runner::beat;
use crate::run::error::RunError;
use crate::run::flight::{Flights, Vital};
use crate::run::look::milliseconds;
use crate::run::pace::Pace;
use crate::run::pace::control::Control;
use crate::run::progress::{Blocker, Event, Progress};
use crate::run::retry::QUERY_CANCELED;
use crate::run::session::{Fault, Session, Shared};
use crate::run::settings::{Use, prepare};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Time between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Time between two looks at the orders; a notification brings the next one at once.
const ORDERS: Duration = Duration::from_millis(400);

/// Time between two looks at backends that owe an answer for that long.
const VITALS: Duration = Duration::from_secs(2);

/// How long nothing may get through before every statement on its way counts as lost.
const CUT_OFF: Duration = Duration::from_secs(20);

/// Shortest and longest pause between two attempts to connect.
const RECONNECT_MIN: Duration = Duration::from_millis(50);
const RECONNECT_MAX: Duration = Duration::from_secs(1);

/// Longest time a sample may take before the connection counts as lost.
const SAMPLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The name under which every connection of ours is seen in `pg_stat_activity`.
const APPLICATION_NAME: &str = "airlock";

/// Whether the table of orders was there, which is made while we watch, and what was wrong with it.
#[derive(Default)]
struct Orders {
    exist: bool,
    /// SQLSTATE with which they could not be read the last time.
    trouble: Option<String>,
}

pub(super) struct Task {
    pub inner: Arc<Inner>,
    pub target: Target,
    /// Process id of the backend that works.
    pub working: i32,
    pub pace: Pace,
    /// Statements of the sessions that are watched over.
    pub flights: Flights,
    pub progress: Arc<dyn Progress>,
    pub shared: Shared,
    pub runner: String,
    pub revision: String,
}

impl Task {
    /// Runs until it is aborted or cut off.
    pub(super) async fn run(self) {
        let mut pause = RECONNECT_MIN;
        let mut through = Instant::now();
        while !self.shared.is_cut() {
            let connected = tokio::time::timeout(SAMPLE_TIMEOUT, self.connect()).await;
            if let Ok(Ok(session)) = connected {
                pause = RECONNECT_MIN;
                through = Instant::now();
                // Ends when the connection does.
                let Err(_) = self.serve(&session, &mut through).await;
                self.inner.connected.store(false, Ordering::Release);
            }
            if through.elapsed() > CUT_OFF {
                self.flights.cut_off(CUT_OFF);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RECONNECT_MAX);
        }
    }

    async fn connect(&self) -> Result<Session, RunError> {
        let connection = self.target.connect(APPLICATION_NAME).await.map_err(RunError::Connect)?;
        let session = Session::new(connection, self.shared.clone())
            .await
            .map_err(|fault| fault.doing("start the guard"))?;
        if session.pid == self.working {
            self.inner.pooled.store(true, Ordering::Release);
            return Err(RunError::Pooled);
        }
        prepare(&session, &self.pace.limits(), Use::Guard).await?;
        match session.control(control::LISTEN).await {
            // Looking often enough does too.
            Ok(()) | Err(Fault::Server(_)) => {}
            Err(fault) => return Err(fault.doing("listen for orders")),
        }
        Ok(session)
    }

    /// `through`: when the server last answered.
    async fn serve(
        &self,
        session: &Session,
        through: &mut Instant,
    ) -> Result<std::convert::Infallible, Fault> {
        let mut orders = Orders::default();
        // What was asked for before we came counts from the start.
        self.bounded(self.look(session, &mut orders)).await?;
        self.progress.alive();
        self.inner.connected.store(true, Ordering::Release);
        let mut next_beat = Instant::now();
        let mut next_look = Instant::now() + ORDERS;
        let mut next_vitals = Instant::now() + VITALS;
        let mut last_sample: Option<Instant> = None;
        loop {
            if self.shared.is_cut() {
                return Err(Fault::Cut);
            }
            let watched = lock(&self.inner.watched).clone();
            let every = watched.iter().map(|w| w.every).min();
            // A watch that follows another at once does not make the samples more frequent.
            if every.is_some_and(|every| last_sample.is_none_or(|last| last.elapsed() >= every)) {
                last_sample = Some(Instant::now());
                self.bounded(self.sample(session, &watched)).await?;
            }
            if Instant::now() >= next_look {
                self.bounded(self.look(session, &mut orders)).await?;
                next_look = Instant::now() + ORDERS;
                *through = Instant::now();
                self.progress.alive();
            }
            if Instant::now() >= next_vitals {
                self.bounded(self.vitals(session)).await?;
                next_vitals = Instant::now() + VITALS;
            }
            if Instant::now() >= next_beat || self.inner.beat_now.swap(false, Ordering::AcqRel) {
                if self.inner.beating.load(Ordering::Acquire) {
                    self.bounded(self.beat(session)).await?;
                } else if session.closed() {
                    return Err(Fault::Lost("the guard's connection is closed".to_owned()));
                }
                next_beat = Instant::now() + HEARTBEAT;
            }
            let until_beat = next_beat.saturating_duration_since(Instant::now());
            let until_look = next_look.saturating_duration_since(Instant::now());
            let until_sample = every.map_or(HEARTBEAT, |every| {
                every.saturating_sub(last_sample.map_or(Duration::ZERO, |last| last.elapsed()))
            });
            tokio::select! {
                () = tokio::time::sleep(until_beat.min(until_sample).min(until_look)) => {}
                () = self.inner.wake.notified() => {}
                () = session.notified() => next_look = Instant::now(),
            }
        }
    }

    async fn bounded(&self, work: impl Future<Output = Result<(), Fault>>) -> Result<(), Fault> {
        tokio::time::timeout(SAMPLE_TIMEOUT, work)
            .await
            .unwrap_or_else(|_| Err(Fault::Lost("the guard's connection hangs".to_owned())))
    }

    async fn beat(&self, session: &Session) -> Result<(), Fault> {
        let activity = lock(&self.inner.activity).clone();
        let (pose, reason) = lock(&self.inner.pose).clone();
        match session.write(&beat(&self.runner, &activity, pose, reason.as_deref())).await {
            Ok(_) => Ok(()),
            Err(Fault::Refused(_)) => {
                self.inner.replaced.store(true, Ordering::Release);
                Ok(())
            }
            // A server that is read-only for a moment, or a lock timeout: the next beat counts.
            Err(Fault::Server(_)) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// Sees what backends do that owe an answer.
    async fn vitals(&self, session: &Session) -> Result<(), Fault> {
        let overdue = self.flights.overdue(VITALS);
        if overdue.is_empty() {
            return Ok(());
        }
        let rows = match session.ask(&sample::vitals(&overdue)).await {
            Ok(rows) => rows,
            Err(Fault::Server(_)) => return Ok(()),
            Err(fault) => return Err(fault),
        };
        for pid in overdue {
            let row = rows.iter().find(|row| row.get::<_, i32>("pid") == pid);
            let state = row.map(|row| row.get::<_, Option<&str>>("state"));
            let vital = match state {
                None => Vital::Gone,
                Some(Some(state)) if state.starts_with("idle") => Vital::Idle,
                Some(_) => Vital::Working,
            };
            self.flights.seen(pid, vital, VITALS);
        }
        Ok(())
    }

    /// Reads the orders and tells the pace.
    async fn look(&self, session: &Session, orders: &mut Orders) -> Result<(), Fault> {
        let asked = async {
            if !orders.exist {
                orders.exist =
                    session.row("is there a control", control::EXISTS, &[]).await?.get(0);
            }
            if !orders.exist {
                return Ok(Vec::new());
            }
            session.ask(&control::read(Some(&self.revision))).await
        };
        let rows = match asked.await {
            Ok(rows) => rows,
            // Somebody has dropped the journal, or locks it: what was asked for stays.
            Err(Fault::Server(error)) => {
                let passes = matches!(error.sqlstate.as_str(), "55P03" | QUERY_CANCELED);
                if !passes && orders.trouble.as_deref() != Some(&error.sqlstate) {
                    let text = format!("the orders cannot be read: {}", error.message);
                    self.progress.event(&Event::Notice { text });
                }
                orders.trouble = Some(error.sqlstate.clone());
                return Ok(());
            }
            Err(fault) => return Err(fault),
        };
        orders.trouble = None;
        let given: Vec<_> = rows.iter().map(control::order).collect();
        match self.pace.ask(Control::from_orders(&given), &self.runner) {
            Some(answer) => self.answer(session, &answer).await,
            None => Ok(()),
        }
    }

    /// Takes back what cannot be followed, so that nobody takes it for being in force, and answers.
    async fn answer(&self, session: &Session, answer: &control::Answer) -> Result<(), Fault> {
        for refused in &answer.refused {
            let text = format!("an order cannot be followed, and is taken back: {refused}");
            self.progress.event(&Event::Notice { text });
        }
        let commands = answer.refused.iter().map(control::refuse).chain(control::answer(answer));
        for command in commands {
            match session.ask(&command).await {
                // Too few privileges, or read-only for a moment: it has been said here.
                Ok(_) | Err(Fault::Server(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    async fn sample(&self, session: &Session, watched: &[Watched]) -> Result<(), Fault> {
        let pids: Vec<i32> = watched.iter().map(|w| w.pid).collect();
        let waiters: Vec<_> =
            session.ask(&sample::waiters(&pids)).await?.iter().map(sample::waiter).collect();
        for one in watched {
            if let Some(us) = waiters.iter().find(|w| w.pid == one.pid) {
                lock(&one.seen).blocked_by.clone_from(&us.behind);
            }
            // Lanes of one backfill behind each other are no stall of the application.
            let worst = waiters
                .iter()
                .filter(|w| w.behind.contains(&one.pid) && !pids.contains(&w.pid))
                .map(|w| milliseconds(w.waited_ms))
                .max()
                .unwrap_or_default();
            self.pace.stalled(worst);
            let exceeds = {
                let mut seen = lock(&one.seen);
                seen.worst = seen.worst.max(worst);
                one.enforce.is_some_and(|limit| worst >= limit)
            };
            if exceeds {
                self.cancel(session, one).await?;
            }
            if one.report.is_some() {
                self.report(session, one).await?;
            }
        }
        Ok(())
    }

    /// Cancels us, unless the watch has ended meanwhile; whoever ends it waits for this.
    async fn cancel(&self, session: &Session, one: &Watched) -> Result<(), Fault> {
        let _under_way = self.inner.cancelling.lock().await;
        if !lock(&self.inner.watched).iter().any(|watched| watched.id == one.id) {
            return Ok(());
        }
        lock(&one.seen).stalled = true;
        session.ask(&sample::cancel(one.pid)).await.map(drop)
    }

    async fn report(&self, session: &Session, one: &Watched) -> Result<(), Fault> {
        let (step, progress) = {
            let mut all = lock(&self.inner.watched);
            let Some(report) =
                all.iter_mut().find(|w| w.id == one.id).and_then(|w| w.report.as_mut())
            else {
                return Ok(());
            };
            if report.last.is_some_and(|last| last.elapsed() < REPORT_INTERVAL) {
                return Ok(());
            }
            report.last = Some(Instant::now());
            (report.step.clone(), Arc::clone(&report.progress))
        };
        let rows = session.ask(&sample::progress(one.pid)).await?;
        let Some(row) = rows.first() else { return Ok(()) };
        let lockers: Vec<i32> = row.get("lockers");
        let blockers: Vec<Blocker> = if lockers.is_empty() {
            Vec::new()
        } else {
            session.ask(&sample::backends(&lockers)).await?.iter().map(sample::backend).collect()
        };
        let phase: Option<String> = row.get("phase");
        if phase.is_none() && blockers.is_empty() {
            return Ok(());
        }
        let number = |column: &str| {
            u64::try_from(row.get::<_, Option<i64>>(column).unwrap_or_default()).unwrap_or_default()
        };
        progress.event(&Event::Building {
            step,
            phase: phase.unwrap_or_else(|| "waiting for a lock".to_owned()),
            blocks_done: number("blocks_done"),
            blocks_total: number("blocks_total"),
            tuples_done: number("tuples_done"),
            tuples_total: number("tuples_total"),
            lockers_done: number("lockers_done"),
            lockers_total: number("lockers_total"),
            blockers,
        });
        Ok(())
    }
}
