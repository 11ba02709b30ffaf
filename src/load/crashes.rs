//! Crashes on purpose: which actors, how often, in which mode.

use super::{client::Client, clients::operator, options::crash_rate, run::Run};
use hyper::{StatusCode, body::Bytes, http::Uri};
use std::{
    fmt,
    time::{Duration, Instant},
};
use tokio::time::{sleep_until, timeout};

/// The actors that can be crashed by name.
const ACTORS: [&str; 7] = ["order", "stock", "payment", "notifier", "shipping", "catalog", "coordinator"];
const MODES: [&str; 3] = ["panic", "stop", "panic_in_future"];
/// A server that is being restarted is asked again after this long.
const AWAY: Duration = Duration::from_millis(50);

/// Which actors are crashed how often.
#[derive(Clone, Debug, PartialEq)]
pub struct CrashPlan(pub(super) Vec<Crashes>);

/// Crashes of some actors at one rate, in turn.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Crashes {
    actors: Vec<String>,
    per_second: f64,
}

impl CrashPlan {
    /// Reads `payment=2/s,coordinator=1/s`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let one = |part: &str| {
            let (actor, rate) = part.split_once('=').ok_or("must be ACTOR=RATE/s, such as payment=2/s")?;
            let actor = actor.trim();
            if !ACTORS.contains(&actor) {
                return Err(format!("there is no actor {actor:?}: must be one of {}", ACTORS.join(", ")));
            }
            let per_second = crash_rate(rate).map_err(|error| format!("the rate of {actor} {error}"))?;
            Ok(Crashes { actors: vec![actor.to_owned()], per_second })
        };
        text.split(',').map(one).collect::<Result<_, String>>().map(Self)
    }

    /// All of these actors in turn, so many crashes a second together.
    pub(super) fn all(actors: Vec<String>, per_second: f64) -> Self {
        Self(vec![Crashes { actors, per_second }])
    }

    /// An actor of this plan that is not among `known`.
    pub(super) fn unknown<'a>(&'a self, known: &[String]) -> Option<&'a str> {
        let mut actors = self.0.iter().flat_map(|crashes| &crashes.actors);
        actors.find(|actor| !known.contains(actor)).map(String::as_str)
    }
}

impl fmt::Display for CrashPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, crashes) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{} {}/s", crashes.actors.join("+"), crashes.per_second)?;
        }
        Ok(())
    }
}

impl Crashes {
    /// Crash number `number`: every actor in one mode, then every actor in the next.
    fn at(&self, number: usize) -> (&str, &'static str) {
        let actors = self.actors.len().max(1);
        (self.actors.get(number % actors).map_or("", String::as_str), MODES[number / actors % MODES.len()])
    }

    /// Crashes until it is dropped. Resolves only when the server refuses to crash anything.
    pub(super) async fn go_on(&self, run: &Run) -> String {
        let mut clients: Vec<Client> = run.nodes.targets().iter().map(operator).collect();
        let every = Duration::from_secs_f64(1.0 / self.per_second);
        let mut due = Instant::now() + every;
        for number in 0.. {
            sleep_until(due.into()).await;
            let (actor, mode) = self.at(number);
            let server = fastrand::usize(..clients.len());
            match crash(&mut clients[server], actor, mode).await {
                Ok(true) => run.tally.borrow_mut().crashed(Instant::now()),
                // Being restarted: nothing is there to be crashed.
                Ok(false) => due = Instant::now() + AWAY,
                Err(refused) => return refused,
            }
            // What was missed while the server was away is not made up for: crashes are not a backlog.
            due = (due + every).max(Instant::now());
        }
        unreachable!("there is always another number")
    }
}

/// Crashes one actor: whether the server said that it will; an error says that it never would.
async fn crash(client: &mut Client, actor: &str, mode: &str) -> Result<bool, String> {
    let path: Uri = format!("/admin/actors/{actor}/crash").parse().map_err(|_| format!("no such actor: {actor}"))?;
    let body = Bytes::from(format!(r#"{{"mode":"{mode}"}}"#));
    let Ok(Ok(answer)) = timeout(Duration::from_secs(5), client.post(&path, body, None)).await else {
        return Ok(false);
    };
    match answer.status {
        StatusCode::ACCEPTED => Ok(true),
        status if status.is_client_error() => Err(format!(
            "the server refuses to crash {actor}: {}",
            String::from_utf8_lossy(&answer.body).chars().take(300).collect::<String>()
        )),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_actor_by_actor() {
        let plan = CrashPlan::parse("payment=2/s, coordinator=0.5").unwrap();
        assert_eq!(plan.to_string(), "payment 2/s, coordinator 0.5/s");
        for (text, named) in
            [("", "ACTOR=RATE"), ("payment", "ACTOR=RATE"), ("paiment=2/s", "paiment"), ("payment=0/s", "payment")]
        {
            let message = CrashPlan::parse(text).unwrap_err();
            assert!(message.contains(named), "{text}: {message}");
        }
    }

    #[test]
    fn every_actor_is_crashed_in_every_mode() {
        let CrashPlan(plan) = CrashPlan::all(vec!["a".into(), "b".into()], 1.0);
        let crashes: Vec<_> = (0..7).map(|number| plan[0].at(number)).collect();
        let expected = [("a", "panic"), ("b", "panic"), ("a", "stop"), ("b", "stop")];
        assert_eq!(crashes[..4], expected);
        assert_eq!(crashes[4..], [("a", "panic_in_future"), ("b", "panic_in_future"), ("a", "panic")]);
    }
}
