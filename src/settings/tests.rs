mod notifications;
mod peers;
mod postgres;
mod providers;

use super::{layers::DEFAULTS, *};
use crate::domain::checkout::DEFAULT_DEADLINE_MS;
use std::{fmt::Write, fs, path::Path};
use tempfile::TempDir;

const NONE: [(&str, &str); 0] = [];

/// What the documentation promises, written out: a change of `config/default.toml` has to be meant.
fn defaults() -> Settings {
    Settings {
        profile: "development".to_owned(),
        files: vec![],
        http: Http {
            bind: "127.0.0.1:8080".parse().unwrap(),
            payment_bind: None,
            workers: 0,
            max_body_bytes: 262_144,
            request_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            max_connections: 10_000,
            shutdown_timeout: Duration::from_secs(10),
            service_secret: None,
            unknown_fields: UnknownFields::Refuse,
            trailing_slashes: false,
            vocabulary: Vocabulary::Native,
        },
        grpc: Grpc {
            order_bind: Some("127.0.0.1:50051".parse().unwrap()),
            payment_bind: Some("127.0.0.1:50052".parse().unwrap()),
            shipping_bind: Some("127.0.0.1:50053".parse().unwrap()),
            stock_bind: Some("127.0.0.1:50054".parse().unwrap()),
            saga_bind: Some("127.0.0.1:50055".parse().unwrap()),
            payment_provider: None,
        },
        resto: Resto { bind: None },
        store: Store {
            url: StoreUrl::Sqlite { path: "./data/backstitch.db".into() },
            cache_mib: 32,
            readers: 2,
            max_batch: 1_024,
            pool_size: 4,
            pool_timeout: Duration::from_secs(5),
        },
        saga: Saga { max_in_flight: 4_096 },
        orders: Orders {
            default_payment_deadline_ms: DEFAULT_DEADLINE_MS,
            allow_free_text_lines: true,
            carrier: Carrier::Simulated,
        },
        payments: Payments { manual_names: ManualNames::default() },
        providers: Providers::default(),
        notifications: Notifications::new(),
        simulation: Simulation { enabled: true },
        idempotency: Idempotency { keep_hours: 24 },
        retention: Retention { days: None },
        peers: Peers { timeout: Duration::from_secs(5), ..Peers::default() },
        node: Node { id: "node-1".to_owned(), roles: Roles::ALL, lease: Duration::from_secs(3) },
        telemetry: Telemetry { log: "info,actix_server=warn,refinery_core=warn".to_owned(), format: LogFormat::Auto },
    }
}

/// Every key with a valid value that is not its default.
const OTHERS: [(&str, &str); 48] = [
    ("http.bind", "[::1]:9000"),
    ("http.payment_bind", "[::1]:9001"),
    ("http.workers", "3"),
    ("http.max_body_bytes", "2048"),
    ("http.request_timeout_ms", "1000"),
    ("http.keep_alive_ms", "0"),
    ("http.max_connections", "7"),
    ("http.shutdown_timeout_ms", "5"),
    ("http.service_secret", "correct-horse-battery"),
    ("http.unknown_fields", "ignore"),
    ("http.trailing_slashes", "true"),
    ("http.vocabulary", "order-payment"),
    ("grpc.order_bind", ""),
    ("grpc.payment_bind", ""),
    ("grpc.shipping_bind", ""),
    ("grpc.stock_bind", ""),
    ("grpc.saga_bind", ""),
    ("grpc.payment_provider", ""),
    ("resto.bind", "127.0.0.1:5004"),
    ("store.url", "sqlite:///var/lib/b.db"),
    ("store.cache_mib", "64"),
    ("store.readers", "4"),
    ("store.max_batch", "16"),
    ("store.pool_size", "8"),
    ("store.pool_timeout_ms", "250"),
    ("saga.max_in_flight", "1"),
    ("orders.default_payment_deadline_ms", "2592000000"),
    ("orders.allow_free_text_lines", "false"),
    ("orders.carrier", "manual"),
    ("payments.manual_names", "gopay, Transfer BCA"),
    ("simulation.enabled", "false"),
    ("idempotency.keep_hours", "1"),
    ("retention.days", "1"),
    ("node.id", "7"),
    ("node.roles", "coordinator,shipping,payment,stock,order"),
    ("node.lease_ms", "500"),
    ("peers.order", "http://a:1"),
    ("peers.stock", "http://b:2"),
    ("peers.payment", "https://c:3"),
    ("peers.shipping", "http://[::1]:4"),
    ("peers.coordinator", "http://e:5"),
    ("peers.secret", "a-secret-of-ours-!"),
    ("peers.authority", "ca.pem"),
    ("peers.certificate", "own.pem"),
    ("peers.key", "own.key"),
    ("peers.timeout_ms", "100"),
    ("telemetry.log", "warn,backstitch=trace"),
    ("telemetry.format", "json"),
];

fn others() -> Settings {
    Settings {
        http: Http {
            bind: "[::1]:9000".parse().unwrap(),
            payment_bind: Some("[::1]:9001".parse().unwrap()),
            workers: 3,
            max_body_bytes: 2_048,
            request_timeout: Duration::from_secs(1),
            keep_alive: Duration::ZERO,
            max_connections: 7,
            shutdown_timeout: Duration::from_millis(5),
            service_secret: Secret::parse("correct-horse-battery").unwrap(),
            unknown_fields: UnknownFields::Ignore,
            trailing_slashes: true,
            vocabulary: Vocabulary::OrderPayment,
        },
        grpc: Grpc {
            order_bind: None,
            payment_bind: None,
            shipping_bind: None,
            stock_bind: None,
            saga_bind: None,
            payment_provider: None,
        },
        resto: Resto { bind: Some("127.0.0.1:5004".parse().unwrap()) },
        store: Store {
            url: StoreUrl::Sqlite { path: "/var/lib/b.db".into() },
            cache_mib: 64,
            readers: 4,
            max_batch: 16,
            pool_size: 8,
            pool_timeout: Duration::from_millis(250),
        },
        saga: Saga { max_in_flight: 1 },
        orders: Orders {
            default_payment_deadline_ms: MAX_DEADLINE_MS,
            allow_free_text_lines: false,
            carrier: Carrier::Manual,
        },
        payments: Payments { manual_names: "gopay, Transfer BCA".parse().unwrap() },
        providers: Providers::default(),
        notifications: Notifications::new(),
        simulation: Simulation { enabled: false },
        idempotency: Idempotency { keep_hours: 1 },
        retention: Retention { days: NonZeroU32::new(1) },
        peers: Peers {
            urls: [
                (Role::Order, "http://a:1"),
                (Role::Stock, "http://b:2"),
                (Role::Payment, "https://c:3"),
                (Role::Shipping, "http://[::1]:4"),
                (Role::Coordinator, "http://e:5"),
            ]
            .map(|(role, url)| (role, url.to_owned()))
            .into(),
            secret: Secret::parse("a-secret-of-ours-!").unwrap(),
            certificates: Some(Certificates {
                authority: "ca.pem".into(),
                certificate: "own.pem".into(),
                key: "own.key".into(),
            }),
            timeout: Duration::from_millis(100),
        },
        node: Node { id: "7".to_owned(), roles: Roles::ALL, lease: Duration::from_millis(500) },
        telemetry: Telemetry { log: "warn,backstitch=trace".to_owned(), format: LogFormat::Json },
        ..defaults()
    }
}

fn variable(key: &str) -> String {
    format!("BACKSTITCH__{}", key.replace('.', "__").to_uppercase())
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

fn write(directory: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[track_caller]
fn refused(sources: &Sources) -> String {
    Settings::load(sources).expect_err("these settings are wrong").to_string()
}

#[test]
fn without_files_and_environment_there_are_the_documented_defaults() {
    assert_eq!(Settings::load(&Sources::default()).unwrap(), defaults());
    let elsewhere = Sources::new(NONE).directory("/nonexistent");
    assert_eq!(Settings::load(&elsewhere).unwrap(), defaults());
}

#[test]
fn the_shipped_default_file_has_every_key_with_its_default_and_a_comment() {
    let file = fs::read_to_string(shipped().join("default.toml")).unwrap();
    assert_eq!(file, DEFAULTS);
    let mut section = "";
    let mut commented = false;
    let mut keys = vec![];
    for line in file.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            assert!(commented, "{section}.{name} has no comment");
            keys.push(format!("{section}.{name}"));
        }
        commented = line.starts_with('#');
    }
    assert_eq!(keys, OTHERS.map(|(key, _)| key.to_owned()), "OTHERS covers each key once");
    // Simulation apart, for which the file has to name the safe one of its two defaults.
    let only_default = TempDir::new().unwrap();
    let path = write(&only_default, "default.toml", &file);
    let loaded = Settings::load(&Sources::new(NONE).directory(only_default.path())).unwrap();
    assert_eq!(
        loaded,
        Settings {
            simulation: Simulation { enabled: false },
            orders: Orders { carrier: Carrier::Manual, ..defaults().orders },
            files: vec![path],
            ..defaults()
        }
    );
}

#[test]
fn the_shipped_profiles_are_valid() {
    let load =
        |profile: &str| Settings::load(&Sources::new([("BACKSTITCH_PROFILE", profile)]).directory(shipped())).unwrap();
    let development = load("development");
    assert_eq!(development.files.len(), 2);
    assert_eq!(Settings { files: vec![], ..development }, defaults());
    let production = load("production");
    assert_eq!(production.profile, "production");
    assert_eq!(production.telemetry.format, LogFormat::Json);
    assert!(!production.simulation.enabled);
}

#[test]
fn where_simulation_is_off_people_send_goods_and_the_simulation_is_refused() {
    let load = |carrier: &[(&str, &str)]| {
        let profile = ("BACKSTITCH_PROFILE", "production");
        Settings::load(&Sources::new(carrier.iter().copied().chain([profile])).directory(shipped()))
    };
    assert_eq!(load(&[]).unwrap().orders.carrier, Carrier::Manual);
    assert_eq!(load(&[("BACKSTITCH__ORDERS__CARRIER", "manual")]).unwrap().orders.carrier, Carrier::Manual);
    let refused = load(&[("BACKSTITCH__ORDERS__CARRIER", "simulated")]).unwrap_err().to_string();
    assert!(refused.contains("orders.carrier") && refused.contains("manual, or a name of"), "{refused}");
    let both = [("BACKSTITCH__ORDERS__CARRIER", "simulated"), ("BACKSTITCH__SIMULATION__ENABLED", "true")];
    assert_eq!(load(&both).unwrap().orders.carrier, Carrier::Simulated);
}

#[test]
fn simulation_is_on_in_development_alone() {
    let enabled = |profile: &str| {
        Settings::load(&Sources::new([("BACKSTITCH_PROFILE", profile)]).directory("/nonexistent"))
            .unwrap()
            .simulation
            .enabled
    };
    assert!(enabled("development"));
    assert!(!enabled("production"));
    assert!(!enabled("staging"));
}

#[test]
fn every_key_can_be_set_by_environment_by_flag_and_by_file() {
    let environment = OTHERS.map(|(key, value)| (variable(key), value));
    let by_environment = Sources::new(environment).directory("/nonexistent");
    assert_eq!(Settings::load(&by_environment).unwrap(), others());

    let by_flag = OTHERS.iter().fold(Sources::default(), |sources, (key, value)| sources.set(*key, *value));
    assert_eq!(Settings::load(&by_flag).unwrap(), others());

    let mut text = String::new();
    for (key, value) in OTHERS {
        let bare = key != "node.id" && (value.parse::<u64>().is_ok() || ["true", "false"].contains(&value));
        if bare { writeln!(text, "{key} = {value}") } else { writeln!(text, "{key} = {value:?}") }.unwrap();
    }
    let directory = TempDir::new().unwrap();
    let file = write(&directory, "mine", &text);
    let by_file = Settings::load(&Sources::default().file(Some(file.clone()))).unwrap();
    assert_eq!(by_file, Settings { files: vec![file], ..others() });
}

#[test]
fn each_layer_wins_over_the_ones_below() {
    let directory = TempDir::new().unwrap();
    let node = |sources: &Sources| Settings::load(sources).unwrap().node.id;
    let sources = Sources::new(NONE).directory(directory.path());
    assert_eq!(node(&sources), "node-1");
    write(&directory, "default.toml", "[node]\nid = 'default'\n[store]\nreaders = 3");
    assert_eq!(node(&sources), "default");
    write(&directory, "development.toml", "[node]\nid = 'profile'");
    write(&directory, "production.toml", "[node]\nid = 'another-profile'");
    assert_eq!(node(&sources), "profile");
    let file = write(&directory, "mine.toml", "[node]\nid = 'file'");
    assert_eq!(node(&sources.clone().file(Some(file.clone()))), "file");
    let environment = Sources::new([("BACKSTITCH__NODE__ID", "environment")]).directory(directory.path());
    let environment = environment.file(Some(file));
    assert_eq!(node(&environment), "environment");
    let flag = environment.set("node.id", "flag");
    assert_eq!(node(&flag), "flag");
    assert_eq!(Settings::load(&flag).unwrap().store.readers, 3, "what no higher layer names shines through");
}

#[test]
fn a_named_file_must_be_there_and_be_toml() {
    let missing = refused(&Sources::default().file(Some("/nonexistent/mine.toml".into())));
    assert_eq!(missing, "there is no configuration file /nonexistent/mine.toml");
    let directory = TempDir::new().unwrap();
    let file = write(&directory, "mine.toml", "[http\nbind = 1");
    let broken = Settings::load(&Sources::default().file(Some(file.clone()))).unwrap_err();
    assert_eq!(broken.to_string(), format!("{} is not valid TOML", file.display()));
    let place = std::error::Error::source(&broken).unwrap().to_string();
    assert!(place.contains("line 1"), "{place}");
    let unreadable = refused(&Sources::default().file(Some(directory.path().to_owned())));
    assert!(unreadable.starts_with("cannot read"), "{unreadable}");
}

#[test]
fn an_unknown_key_in_a_file_is_named_with_the_file() {
    let directory = TempDir::new().unwrap();
    let sources = Sources::new(NONE).directory(directory.path());
    for (text, key, hint) in [
        ("[saga]\nmax_inflight = 1", "saga.max_inflight", "[saga] has max_in_flight"),
        ("[strore]\nreaders = 1", "strore.readers", "the sections are grpc, http, idempotency, node,"),
        ("[strore]", "strore", "the sections are"),
        ("readers = 1", "readers", "the sections are"),
        ("saga = 1", "saga", "[saga] has max_in_flight"),
        ("[saga.max_in_flight]\nx = 1", "saga.max_in_flight.x", "[saga] has max_in_flight"),
        ("[saga.max_in_flight]", "saga.max_in_flight", "takes a value"),
        ("[SAGA]\nmax_in_flight = 1", "SAGA.max_in_flight", "the sections are"),
    ] {
        let file = write(&directory, "development.toml", text);
        let message = refused(&sources);
        assert!(
            message.starts_with(&format!("unknown setting {key} (from {}); ", file.display())),
            "{text:?}: {message}"
        );
        assert!(message.contains(hint), "{text:?}: {message}");
    }
    write(&directory, "development.toml", "[saga]");
    assert_eq!(Settings::load(&sources).unwrap().saga, defaults().saga, "an empty section changes nothing");
}

#[test]
fn an_unknown_environment_variable_is_named() {
    for (name, key) in [
        ("BACKSTITCH__HTTP__BNID", "http.bnid"),
        ("BACKSTITCH__HTTP", "http"),
        ("BACKSTITCH__HTTP__BIND__PORT", "http.bind.port"),
        ("BACKSTITCH__STORAGE__URL", "storage.url"),
        ("BACKSTITCH__", ""),
        ("BACKSTITCH__Http__Bind", "http.bind"),
    ] {
        let message = refused(&Sources::new([(name, "127.0.0.1:1")]));
        let start = format!("unknown setting {key} (from environment variable {name}); ");
        assert!(message.starts_with(&start), "{message}");
    }
    let message = refused(&Sources::default().set("http.bnid", "127.0.0.1:1"));
    assert!(message.starts_with("unknown setting http.bnid (from the command line); [http] has bind,"), "{message}");
}

#[test]
fn variables_of_others_are_none_of_ours() {
    let environment = [("PATH", "/bin"), ("BACKSTITCH_SERVICE_HOST", "10.0.0.1"), ("BACKSTITCH_PORT", "tcp://x:1")];
    let sources = Sources::new(environment).directory("/nonexistent");
    assert_eq!(Settings::load(&sources).unwrap(), defaults());
}

#[test]
fn a_bad_value_is_named_with_its_key_its_source_and_what_is_allowed() {
    let from = |key: &str| format!("(from environment variable {}): must be", variable(key));
    for (key, value, allowed) in [
        ("http.bind", "localhost:8080", "an IP address and a port"),
        ("http.bind", "127.0.0.1", "an IP address and a port"),
        ("http.workers", "many", "a whole number from 0 to 1024"),
        ("http.workers", "", "a whole number from 0 to 1024"),
        ("http.workers", "-1", "a whole number from 0 to 1024"),
        ("http.max_body_bytes", "1e3", "a whole number from 1024 to 16777216"),
        ("http.request_timeout_ms", "999", "a whole number from 1000 to 600000"),
        ("store.readers", "65", "a whole number from 1 to 64"),
        ("store.pool_size", "0", "a whole number from 1 to 100"),
        ("store.pool_size", "101", "a whole number from 1 to 100"),
        ("store.pool_timeout_ms", "0", "a whole number from 1 to 600000"),
        ("store.url", "data/b.db", "sqlite:PATH"),
        ("store.url", "sqlite:", "the path of a file"),
        ("store.url", "sqlite::memory:", "the path of a file"),
        ("store.url", "sqlite:b.db?mode=memory", "the path of a file"),
        ("orders.default_payment_deadline_ms", "2592000001", "a whole number from 1 to 2592000000"),
        ("orders.default_payment_deadline_ms", "99999999999999999999", "a whole number"),
        ("simulation.enabled", "yes", "true or false"),
        ("retention.days", "36501", "0 for never, or a whole number from 1 to 36500"),
        ("retention.days", "-1", "0 for never, or a whole number from 1 to 36500"),
        ("retention.days", "1.5", "0 for never, or a whole number from 1 to 36500"),
        ("node.id", "a b", "1 to 64 of"),
        ("node.id", "", "1 to 64 of"),
        ("node.lease_ms", "499", "a whole number from 500 to 60000"),
        ("node.lease_ms", "60001", "a whole number from 500 to 60000"),
        ("telemetry.log", "info,=,", "a level or filter"),
        ("telemetry.log", " ", "a level or filter"),
        ("telemetry.format", "JSON", "\"auto\", \"human\" or \"json\""),
    ] {
        let message = refused(&Sources::new([(variable(key), value)]).directory("/nonexistent"));
        assert!(message.starts_with(&format!("{key} is ")), "{message}");
        assert!(message.contains(&from(key)) && message.contains(allowed), "{key}={value}: {message}");
        assert!(value.contains('=') || message.contains(&format!("{value:?}")) || message.contains(value), "{message}");
    }
}

#[test]
fn nothing_is_kept_for_a_shorter_time_than_the_keys_that_are_answered_from_it() {
    let kept =
        |hours: &str, days: &str| Sources::default().set("idempotency.keep_hours", hours).set("retention.days", days);
    for (hours, days) in [("24", "1"), ("25", "2"), ("8760", "365"), ("8760", "0")] {
        assert!(Settings::load(&kept(hours, days)).is_ok(), "{days} days, keys {hours} hours");
    }
    for (hours, days, least) in [("25", "1", "from 2 to"), ("8760", "364", "from 365 to")] {
        let message = refused(&kept(hours, days));
        assert!(message.starts_with("retention.days is ") && message.contains(least), "{message}");
        assert!(message.contains("not shorter than idempotency.keep_hours"), "{message}");
    }
}

#[test]
fn a_value_of_the_wrong_type_in_a_file_is_refused() {
    let directory = TempDir::new().unwrap();
    for (text, start) in [
        ("[http]\nworkers = '4'", "http.workers is \"4\" (from "),
        ("[http]\nworkers = 1.5", "http.workers is 1.5 (from "),
        ("[http]\nworkers = true", "http.workers is true (from "),
        ("[http]\nbind = 8080", "http.bind is 8080 (from "),
        ("[http]\nbind = ['127.0.0.1:1']", "http.bind is a list (from "),
        ("[simulation]\nenabled = 1", "simulation.enabled is 1 (from "),
        ("[simulation]\nenabled = 'true'", "simulation.enabled is \"true\" (from "),
    ] {
        let file = write(&directory, "mine.toml", text);
        let message = refused(&Sources::default().file(Some(file.clone())));
        assert!(message.starts_with(&format!("{start}{}): must be ", file.display())), "{message}");
    }
}

#[test]
fn a_profile_cannot_lead_out_of_the_directory() {
    for profile in ["../secrets", "", "Production", "a/b", "a.b"] {
        let message = refused(&Sources::new([("BACKSTITCH_PROFILE", profile)]));
        assert!(message.starts_with(&format!("BACKSTITCH_PROFILE is {profile:?}")), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_unicode_is_refused_with_its_variable() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt};
    let message = refused(&Sources::new([("BACKSTITCH__NODE__ID", OsString::from_vec(vec![0xff]))]));
    assert_eq!(message, "environment variable BACKSTITCH__NODE__ID is not valid Unicode");
}
