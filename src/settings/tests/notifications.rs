//! `[notifications.NAME]`, and the secret of one's own services.

use super::*;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
    let directory = TempDir::new().unwrap();
    let file = write(&directory, "told.toml", text);
    let sources = Sources::new(environment.iter().copied()).file(Some(file.clone()));
    Settings::load(&sources).map_err(|error| error.to_string().replace(&file.display().to_string(), "FILE"))
}

#[test]
fn who_is_told_is_known_by_a_name_and_has_secrets_by_the_environment() {
    let text = "[notifications.orders]\nurl = \"http://127.0.0.1:9000/orders/{order_id}/payment\"\nmethod = \"PUT\"";
    let settings = load(text, &[]).unwrap();
    assert_eq!(settings.notifications.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["orders"]);
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let environment = [
        ("BACKSTITCH__NOTIFICATIONS__ORDERS__SECRET", secret),
        ("BACKSTITCH__NOTIFICATIONS__ORDERS__HEADERS__AUTHORIZATION", "Bearer hunter2"),
        ("BACKSTITCH__NOTIFICATIONS__ORDERS__ALLOW_PRIVATE", "true"),
    ];
    let told = load(text, &environment).unwrap();
    assert_ne!(told.notifications, settings.notifications);
    let shown = format!("{told:?}");
    assert!(!shown.contains("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn what_makes_no_sense_is_named_with_its_key_and_its_file() {
    for (text, start) in [
        ("[notifications.Orders]\nurl = \"http://shop/\"", "notifications.Orders (from FILE): "),
        ("[notifications.orders]\nurl = \"shop\"", "notifications.orders.url (from FILE): must be the URL"),
        (
            "[notifications.orders]\nurl = \"http://shop/{saga_id}\"",
            "notifications.orders.url (from FILE): nothing can",
        ),
        ("[notifications.orders]\nmethod = \"PUT\"", "notifications.orders"),
        (
            "[notifications.orders]\nurl = \"http://shop/\"\non = \"late\"",
            "notifications.orders.on (from FILE): must be",
        ),
    ] {
        let refused = load(text, &[]).unwrap_err();
        assert!(refused.starts_with(start), "{refused}");
    }
}

#[test]
fn the_shipped_example_is_valid() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/notifications.toml");
    let settings = Settings::load(&Sources::default().file(Some(example))).unwrap();
    assert_eq!(settings.notifications.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["orders", "users"]);
}

#[test]
fn the_secret_of_ones_own_services_is_long_and_shown_to_nobody() {
    let secret = |text: &str| Settings::load(&Sources::default().set("http.service_secret", text));
    assert_eq!(secret("").unwrap().http.service_secret, None);
    let known = secret("correct-horse-battery").unwrap();
    assert_eq!(known.http.service_secret.as_ref().map(Secret::reveal), Some("correct-horse-battery"));
    assert!(!format!("{known:?}").contains("horse"));
    for bad in ["hunter2", "correct horse battery", &"x".repeat(256)] {
        let refused = secret(bad).unwrap_err().to_string();
        assert!(refused.contains("must be 16 to 255 visible ASCII characters") && !refused.contains(bad), "{refused}");
    }
}
