//! `[peers]`: what must be there for which roles.

use super::*;

fn with(pairs: &[(&str, &str)]) -> Sources {
    pairs.iter().fold(Sources::default(), |sources, (key, value)| sources.set(*key, *value))
}

const PAYMENT: [(&str, &str); 3] =
    [("node.roles", "payment"), ("peers.order", "http://127.0.0.1:50051"), ("peers.coordinator", "http://[::1]:50055")];

#[test]
fn a_process_of_some_roles_names_the_processes_that_it_asks() {
    assert!(Settings::load(&with(&PAYMENT)).is_ok());
    assert!(Settings::load(&with(&[("node.roles", "stock")])).is_ok(), "it asks nobody");
    let wrong = refused(&with(&PAYMENT[..2]));
    assert!(wrong.contains("peers.coordinator is not set") && wrong.contains("payment"), "{wrong}");
    let wrong = refused(&with(&[&PAYMENT[..], &[("grpc.payment_bind", "")]].concat()));
    assert!(wrong.contains("grpc.payment_bind is empty"), "{wrong}");
    let wrong = refused(&with(&[("node.roles", "payments")]));
    assert!(wrong.contains("node.roles") && wrong.contains("coordinator"), "{wrong}");
}

#[test]
fn processes_that_are_not_all_on_loopback_know_each_other() {
    let elsewhere = [("peers.order", "http://orders.internal:50051")];
    let open = [("grpc.payment_bind", "0.0.0.0:50052")];
    for apart in [&elsewhere[..], &open] {
        let wrong = refused(&with(&[&PAYMENT[..], apart].concat()));
        assert!(wrong.contains("peers.secret is empty"), "{wrong}");
        let secret = [("peers.secret", "sixteen-letters!")];
        assert!(Settings::load(&with(&[&PAYMENT[..], apart, &secret].concat())).is_ok());
    }
    let short = refused(&with(&[&PAYMENT[..], &[("peers.secret", "hunter2")]].concat()));
    assert!(short.contains("must be 16 to 255 visible ASCII characters") && !short.contains("hunter2"), "{short}");
}

#[test]
fn payments_are_served_by_who_owns_them_and_by_who_serves_everything() {
    for key in ["http.payment_bind", "resto.bind"] {
        let bind = [(key, "127.0.0.1:5004")];
        assert!(Settings::load(&with(&[&PAYMENT[..], &bind].concat())).is_ok());
        let wrong = refused(&with(&[&[("node.roles", "stock")][..], &bind].concat()));
        assert!(wrong.contains(key) && wrong.contains("neither payment nor coordinator"), "{wrong}");
    }
}

#[test]
fn certificates_come_together_and_with_https() {
    let files = [("peers.authority", "ca.pem"), ("peers.certificate", "own.pem"), ("peers.key", "own.key")];
    let wrong = refused(&with(&[&PAYMENT[..], &files[..2]].concat()));
    assert!(wrong.contains("given together"), "{wrong}");
    let wrong = refused(&with(&[&PAYMENT[..], &files].concat()));
    assert!(wrong.contains("must be https://"), "{wrong}");
    let https = [("peers.order", "https://a:1"), ("peers.coordinator", "https://b:2")];
    assert!(Settings::load(&with(&[&PAYMENT[..], &files, &https].concat())).is_ok());
    let wrong = refused(&with(&[&PAYMENT[..], &https].concat()));
    assert!(wrong.contains("must be http://"), "{wrong}");
}

#[test]
fn a_peer_is_an_address_and_nothing_else() {
    for wrong in [
        "127.0.0.1:50051",
        "http://",
        "http://a",
        "http://a:0",
        "http://a:99999",
        "ftp://a:1",
        "http://u@a:1",
        "http://a/b:1",
    ] {
        let said = refused(&with(&[("peers.order", wrong)]));
        assert!(said.contains("peers.order"), "{wrong}: {said}");
    }
}

#[test]
fn a_secret_is_shown_to_nobody() {
    let settings = Settings::load(&with(&[&PAYMENT[..], &[("peers.secret", "sixteen-letters!")]].concat())).unwrap();
    assert!(!format!("{settings:?}").contains("sixteen-letters"), "{settings:?}");
}
