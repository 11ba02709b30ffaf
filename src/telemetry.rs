//! What the process tells about itself: logs on stderr, panics among them, and metrics.
//!
//! Installs the process-wide subscriber, panic hook and recorder, once, for the composition root. Must
//! not be called from anywhere else: everybody else uses the `tracing` and `metrics` macros.
//!
//! Labels of metrics are bounded (names of actors, routes, outcomes); an id is never one.

use crate::settings::{LogFormat, Telemetry};
use metrics::Unit;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, IsTerminal},
    panic::PanicHookInfo,
    sync::Once,
    thread,
    time::Duration,
};
use tracing::{Level, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    filter::ParseError,
    fmt::{self, MakeWriter},
    util::{SubscriberInitExt, TryInitError},
};

/// Commands per committed batch, as the store records them.
const BATCH_COMMANDS: &str = "store_batch_commands";
/// Powers of two up to the default `store.max_batch`.
const BATCH_BUCKETS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
/// For every histogram named `…_seconds`: from what a batch takes to what a client waits for.
const SECONDS_BUCKETS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0];
/// From when a notification was written until it is delivered: a target may be away for hours.
const LAG: &str = "notification_lag_seconds";
const LAG_BUCKETS: [f64; 9] = [0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 3600.0, 21600.0];
/// A histogram keeps its raw samples until somebody drains them; without a scrape nobody else does.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Why telemetry cannot be set up. A cause is the error's source and not part of its text.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `telemetry.log` is not a filter.
    #[error("telemetry.log is not a valid filter")]
    Filter(#[from] ParseError),
    /// Another subscriber is installed.
    #[error("cannot install the log")]
    Log(#[from] TryInitError),
    /// Another recorder is installed, or a metric is described wrongly.
    #[error("cannot install the metrics")]
    Metrics(#[from] BuildError),
    /// The thread that tends the metrics does not start.
    #[error("cannot start the metrics thread")]
    Upkeep(#[from] io::Error),
}

/// Starts logging to stderr, panics included. Once per process.
///
/// # Errors
/// When logging has been started before, or the filter is not valid.
pub fn init(settings: &Telemetry) -> Result<(), TelemetryError> {
    subscriber(settings, io::stderr().is_terminal(), io::stderr)?.try_init()?;
    log_panics();
    Ok(())
}

fn subscriber<W>(
    settings: &Telemetry,
    terminal: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, ParseError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let mut filter = EnvFilter::try_new(&settings.log)?;
    // What is no HTTP is an error to the framework: whoever can connect could fill the log with it.
    if !settings.log.contains("actix_http") {
        filter = filter.add_directive("actix_http::h1::dispatcher=off".parse()?);
    }
    let builder = fmt::Subscriber::builder()
        .with_env_filter(filter)
        .with_writer(writer)
        // A closed stderr must not become a panic in whoever logs.
        .log_internal_errors(false);
    let human = match settings.format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => terminal,
    };
    Ok(match (human, terminal) {
        // Colours stay the library's choice: NO_COLOR turns them off.
        (true, true) => Box::new(builder.finish()),
        (true, false) => Box::new(builder.with_ansi(false).finish()),
        // The list of spans has each one's fields, the innermost's too.
        (false, _) => Box::new(builder.json().flatten_event(true).with_current_span(false).finish()),
    })
}

/// From now on a panic is one log line, with its message and place. Supervision goes on as before.
fn log_panics() {
    // The hook keeps the one before it: installed twice, it would call itself.
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // A filter of "off" must not hide a panic altogether.
            if tracing::enabled!(Level::ERROR) { log_panic(info) } else { before(info) }
        }));
    });
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let location = info.location().map(ToString::to_string);
    let current = thread::current();
    let thread = current.name();
    // Captures nothing unless RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(message = "panicked", panic = message, location, thread, backtrace);
}

/// The metrics of this process. Clones are handles of the same ones.
#[derive(Clone, Debug)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder that the `metrics` macros write to. Once per process.
    ///
    /// # Errors
    /// When a recorder is installed already.
    pub fn install() -> Result<Self, TelemetryError> {
        let handle = recorder()?.install_recorder()?;
        describe();
        let tended = handle.clone();
        thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(move || {
            loop {
                thread::sleep(UPKEEP_EVERY);
                tended.run_upkeep();
            }
        })?;
        Ok(Self(handle))
    }

    /// All metrics in Prometheus's text format.
    pub fn render(&self) -> String {
        self.0.render()
    }
}

fn recorder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(BATCH_COMMANDS.to_owned()), &BATCH_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full(LAG.to_owned()), &LAG_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)
}

fn describe() {
    metrics::describe_histogram!(BATCH_COMMANDS, Unit::Count, "Commands in one committed transaction of the store");
    metrics::describe_histogram!(LAG, Unit::Seconds, "From a payment's settlement until a target has been told of it");
    metrics::describe_histogram!("http_request_seconds", Unit::Seconds, "Until a request's answer begins");
    metrics::describe_counter!("http_requests_total", "Requests answered, by route, method and status");
    metrics::describe_histogram!("provider_call_seconds", Unit::Seconds, "Calls to services outside");
    metrics::describe_counter!("provider_calls_total", "Calls to services outside, by outcome");
    metrics::describe_gauge!("sagas", "Sagas that have not ended, by status, in the whole database");
    metrics::describe_gauge!("sagas_oldest_age_seconds", "Since the oldest saga in a status was started");
    metrics::describe_gauge!("sagas_overdue_seconds", "Since the first saga was to be woken; 0 where none is overdue");
    metrics::describe_counter!("sagas_total", "Sagas that this process has brought to a status");
    metrics::describe_gauge!("store_wal_bytes", Unit::Bytes, "How large SQLite's write-ahead log is");
    metrics::describe_counter!("orders_total", "Orders that sagas of this process have brought to a status");
    metrics::describe_gauge!("notifications_open", "Notifications that are not delivered, by target");
    metrics::describe_gauge!("notifications_oldest_age_seconds", "Since the oldest pending notification was written");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        panic::catch_unwind,
        sync::{Arc, Mutex},
    };

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn logged(log: &str, format: LogFormat, terminal: bool, write: impl FnOnce()) -> String {
        let written = Written::default();
        let settings = Telemetry { log: log.to_owned(), format };
        let out = written.clone();
        let subscriber = subscriber(&settings, terminal, move || out.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, write);
        written.text()
    }

    #[test]
    fn json_has_one_object_a_line_with_the_fields_of_its_spans() {
        let text = logged("info", LogFormat::Auto, false, || {
            let _request = tracing::info_span!("request", request_id = "r-1").entered();
            tracing::info!(order_id = "o-1", "placed");
            tracing::debug!("not at info");
        });
        let line: serde_json::Value = serde_json::from_str(text.trim()).expect("one line of JSON");
        assert_eq!(line["message"], "placed");
        assert_eq!(line["order_id"], "o-1");
        assert_eq!(line["spans"][0]["request_id"], "r-1");
        assert_eq!(line["level"], "INFO");
    }

    #[test]
    fn human_text_goes_to_a_terminal_and_wherever_it_is_asked_for() {
        for (format, terminal) in [(LogFormat::Auto, true), (LogFormat::Human, false)] {
            let text = logged("info", format, terminal, || tracing::info!("placed"));
            assert!(text.contains("INFO") && text.contains("placed") && !text.starts_with('{'), "{text}");
        }
        let plain = logged("info", LogFormat::Human, false, || tracing::info!("placed"));
        assert!(!plain.contains('\u{1b}'), "colours outside a terminal: {plain:?}");
        let json = logged("info", LogFormat::Json, true, || tracing::info!("placed"));
        assert!(json.starts_with('{'), "{json}");
    }

    #[test]
    fn the_filter_reaches_single_modules() {
        let text = logged("warn,backstitch::telemetry=debug", LogFormat::Json, false, || {
            tracing::debug!("here");
            tracing::info!(target: "elsewhere", "there");
        });
        assert!(text.contains("here") && !text.contains("there"), "{text}");
    }

    #[test]
    fn a_panic_is_logged_once_with_its_message_and_place() {
        log_panics();
        log_panics();
        let text = logged("info", LogFormat::Json, false, || {
            catch_unwind(|| panic!("no {}", "thread")).unwrap_err();
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["panic"], "no thread");
        assert!(line["location"].as_str().unwrap().starts_with("src/telemetry.rs:"), "{line}");
    }

    #[test]
    fn batches_are_a_histogram_of_powers_of_two() {
        let recorder = recorder().unwrap().build_recorder();
        let metrics = Metrics(recorder.handle());
        metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::histogram!("store_batch_commands").record(3.0);
        });
        let text = metrics.render();
        for line in [
            "# HELP store_batch_commands Commands in one committed transaction of the store",
            "# TYPE store_batch_commands histogram",
            "store_batch_commands_bucket{le=\"2\"} 0",
            "store_batch_commands_bucket{le=\"4\"} 1",
            "store_batch_commands_bucket{le=\"1024\"} 1",
            "store_batch_commands_count 1",
        ] {
            assert!(text.lines().any(|rendered| rendered == line), "{line} is not in\n{text}");
        }
    }
}
