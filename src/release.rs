//! Which build this is.

/// The version. One that ends in `+planted-fault` must never serve anybody.
pub const VERSION: &str = if cfg!(feature = "planted-fault") {
    concat!(env!("CARGO_PKG_VERSION"), "+planted-fault")
} else {
    env!("CARGO_PKG_VERSION")
};

/// What this build does wrong on purpose, where it was built with the test-only feature `planted-fault`.
///
/// An audit that never turns red proves nothing: `scripts/planted-fault` shows that it finds this.
pub const PLANTED_FAULT: Option<&str> = if cfg!(feature = "planted-fault") {
    Some("a payment that is processed again is answered as paid, whatever was answered first")
} else {
    None
};
