//! `[providers.payment.NAME]`.

use super::*;

const SERVICE: &str = r#"
[providers.payment.acme]
kind = "http"
charge = { url = "http://127.0.0.1:9100/process-payment", body = '{"order_id": "{order_id}", "amount": {amount}}', result = "/status", done = ["success"], rejected = "failed" }
refund = { url = "http://127.0.0.1:9100/refund-payment" }
"#;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
    let directory = TempDir::new().unwrap();
    let file = write(&directory, "services.toml", text);
    let sources = Sources::new(environment.iter().copied()).file(Some(file.clone()));
    Settings::load(&sources).map_err(|error| error.to_string().replace(&file.display().to_string(), "FILE"))
}

#[test]
fn a_service_is_known_by_its_name() {
    let settings = load(SERVICE, &[]).unwrap();
    let names: Vec<_> = settings.policy().providers.iter().map(|provider| provider.as_str()).collect();
    assert_eq!(names, ["acme"]);
}

#[test]
fn a_secret_comes_from_the_environment_and_is_never_shown() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let environment = [
        ("BACKSTITCH__PROVIDERS__PAYMENT__ACME__SECRET", secret),
        ("BACKSTITCH__PROVIDERS__PAYMENT__ACME__TIMEOUT_MS", "250"),
    ];
    let settings = load(SERVICE, &environment).unwrap();
    assert_ne!(settings, load(SERVICE, &[]).unwrap());
    assert!(!format!("{settings:?}").contains("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    let wrong = [("BACKSTITCH__PROVIDERS__PAYMENT__ACME__SECRET", "hunter2")];
    let refused = load(SERVICE, &wrong).unwrap_err();
    let of = "(from environment variable BACKSTITCH__PROVIDERS__PAYMENT__ACME__SECRET)";
    assert_eq!(refused, format!("providers.payment.acme.secret {of}: must be whsec_ and 24 to 64 bytes in base 64"));
}

#[test]
fn what_makes_no_service_is_named_with_its_key_and_its_file() {
    for (from, to, key, why) in [
        ("{order_id}", "{order}", "payment.acme.charge.body", "nothing can stand for {order}; there are {order_id}"),
        ("kind", "knid", "payment.acme.knid", "unknown field `knid`, expected one of `kind`"),
        (r#""http""#, r#""smtp""#, "payment.acme.kind", "must be \"http\" or \"grpc\", is \"smtp\""),
        ("http://127.0.0.1:9100/refund-payment", "refund", "payment.acme.refund.url", "must be the URL"),
        ("http://127.0.0.1:9100/refund-payment", "ftp://host/", "payment.acme.refund.url", "must be the URL"),
        ("[providers.payment.acme]", "[providers.payment.Acme]", "payment.Acme", "1 to 32 of a-z 0-9 _"),
        ("[providers.payment.acme]", "[providers.payment.manual]", "payment", "the provider manual is built in"),
        ("[providers.payment.acme]", "[providers.carrier.acme]", "carrier", "unknown field `carrier`"),
        ("refund =", "timeout_ms = 0\nrefund =", "payment.acme.timeout_ms", "must be from 1 to 300000, is 0"),
        ("refund =", "max_concurrent = 0\nrefund =", "payment.acme.max_concurrent", "must be from 1 to 10000, is 0"),
        (
            "refund =",
            "headers = { a = \"b\\u0007\" }\nrefund =",
            "payment.acme.headers",
            "the header \"a\" cannot be sent",
        ),
        ("\"/status\"", "\"status\"", "payment.acme.charge.result", "must be a JSON pointer"),
        ("result = \"/status\", ", "", "payment", "acme: charge: there are words, and no result"),
        ("done = [\"success\"], ", "", "payment", "acme: charge: there is a result, and no word that says done"),
        ("rejected = \"failed\"", "rejected_codes = [200]", "payment", "acme: charge: 200 in rejected_codes"),
        ("{amount}", "{attempt}", "payment", "acme: charge: {attempt} in the body"),
        ("refund =", "headers = { Idempotency-Key = \"x\" }\nrefund =", "payment.acme.headers", "the server's own"),
        ("refund = {", "refund = \"hunter2\"\n# {", "payment.acme.refund", "has the wrong type"),
        ("refund =", "refunds =", "payment.acme.refunds", "unknown field `refunds`"),
    ] {
        let refused = load(&SERVICE.replace(from, to), &[]).unwrap_err();
        assert!(refused.starts_with(&format!("providers.{key} (from FILE): ")), "{to}: {refused}");
        assert!(refused.contains(why), "{to}: {refused}");
    }
    let odd = load(&SERVICE.replace("refund =", "headers = { \"a b\" = \"c\" }\nrefund ="), &[]).unwrap_err();
    assert!(odd.starts_with("unknown setting providers.payment.acme.headers.a b (from FILE); its names"), "{odd}");
    let without = SERVICE.lines().filter(|line| !line.starts_with("refund")).collect::<Vec<_>>().join("\n");
    let refused = load(&without, &[]).unwrap_err();
    assert!(refused.contains("(from FILE): acme: refund: is missing"), "{refused}");
}
